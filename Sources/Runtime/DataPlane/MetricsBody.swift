import CPlatform
import Lifecycle
import LinuxSystem
import Synchronization

/// `/metrics` in the Prometheus text format 0.0.4.
enum MetricsBody {
  static func write(_ shared: SharedState, _ snapshot: Snapshot) -> [UInt8] {
    var text = ""
    func metric(
      _ name: String, _ kind: String, _ help: String, _ value: some CustomStringConvertible
    ) {
      text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n\(name) \(value)\n"
    }
    func sum(_ count: (LoopCounters) -> Int) -> Int { shared.counters.reduce(0) { $0 + count($1) } }

    text += "# HELP par_state The state of the program; 1 for the one it is in.\n"
    text += "# TYPE par_state gauge\npar_state{state=\"\(escaped(snapshot.state))\"} 1\n"
    metric("par_ready", "gauge", "1 while health is 200.", snapshot.gate == .ready ? 1 : 0)
    metric(
      "par_requests_in_flight", "gauge", "Agent and UI requests in progress.",
      shared.inFlight.load(ordering: .relaxed))
    text += "# HELP par_requests_total Responses by surface and class of status.\n"
    text += "# TYPE par_requests_total counter\n"
    for surface in Surface.allCases {
      for kind in 1...5 {
        let count = sum { $0.requests(surface, statusClass: kind) }
        text += "par_requests_total{surface=\"\(surface.name)\",status=\"\(kind)xx\"} \(count)\n"
      }
    }
    metric(
      "par_requests_completed_total", "counter", "Agent and UI requests answered in full.",
      shared.completed.load(ordering: .relaxed))
    metric(
      "par_requests_aborted_total", "counter", "Requests lost with the agent or cut by a drain.",
      shared.aborted.load(ordering: .relaxed))
    metric(
      "par_requests_client_gone_total", "counter", "Requests whose client went away first.",
      sum { $0.clientsGone.load(ordering: .relaxed) })
    metric(
      "par_requests_repeated_total", "counter",
      "Requests sent again because a kept connection to the agent had ended.",
      sum { $0.repeats.load(ordering: .relaxed) })
    metric(
      "par_requests_held", "gauge", "Requests that wait for the agent now; in flight as well.",
      shared.held.load(ordering: .relaxed))
    metric(
      "par_requests_holds_total", "counter", "Requests that waited for the agent.",
      sum { $0.holds.load(ordering: .relaxed) })
    metric(
      "par_requests_hold_refused_total", "counter",
      "Requests answered 503 because as many waited as may.",
      sum { $0.holdsRefused.load(ordering: .relaxed) })
    metric(
      "par_requests_hold_expired_total", "counter",
      "Requests that waited for the agent as long as they may.",
      sum { $0.holdsExpired.load(ordering: .relaxed) })
    metric(
      "par_requests_taken_back_total", "counter",
      "Requests taken back from an agent that ended without beginning them.",
      sum { $0.takenBack.load(ordering: .relaxed) })
    metric(
      "par_tunnels", "gauge", "Open WebSockets; in flight as well.",
      sum { $0.tunnelsOpen.load(ordering: .relaxed) })
    metric(
      "par_tunnels_total", "counter", "WebSockets that the agent accepted.",
      sum { $0.tunnelsTotal.load(ordering: .relaxed) })
    metric(
      "par_connections", "gauge", "Open client connections.",
      sum { $0.connectionsOpen.load(ordering: .relaxed) })
    metric(
      "par_connections_total", "counter", "Accepted client connections.",
      sum { $0.connectionsAccepted.load(ordering: .relaxed) })
    metric(
      "par_upstream_connections", "gauge", "Open connections to the agent.",
      sum { $0.upstreamOpen.load(ordering: .relaxed) })
    metric(
      "par_upstream_connects_total", "counter", "Connections made to the agent.",
      sum { $0.upstreamConnects.load(ordering: .relaxed) })
    metric(
      "par_received_bytes_total", "counter", "Bytes read from clients.",
      sum { $0.bytesReceived.load(ordering: .relaxed) })
    metric(
      "par_sent_bytes_total", "counter", "Bytes written to clients.",
      sum { $0.bytesSent.load(ordering: .relaxed) })
    metric(
      "par_http2_connections", "gauge", "Open client connections that speak HTTP/2.",
      sum { $0.http2Open.load(ordering: .relaxed) })
    metric(
      "par_http2_streams", "gauge", "Open streams of these connections.",
      sum { $0.streamsOpen.load(ordering: .relaxed) })
    metric(
      "par_http2_streams_total", "counter", "Streams of HTTP/2 connections.",
      sum { $0.streamsTotal.load(ordering: .relaxed) })
    text += "# HELP par_http2_ended_total Connections and streams ended by a limit or a mistake.\n"
    text += "# TYPE par_http2_ended_total counter\n"
    for end in HTTP2End.allCases {
      text += "par_http2_ended_total{reason=\"\(end.name)\"} \(sum { $0.http2Ends(end) })\n"
    }
    text += "# HELP par_grpc_calls_total Calls by status, health included.\n"
    text += "# TYPE par_grpc_calls_total counter\n"
    for status in GRPCStatus.allCases {
      text += "par_grpc_calls_total{status=\"\(status.name)\"} \(sum { $0.calls(status) })\n"
    }
    metric(
      "par_grpc_calls_repeated_total", "counter",
      "Calls given to another connection because nothing of them had been sent.",
      sum { $0.callsRepeated.load(ordering: .relaxed) })
    metric(
      "par_grpc_agent_connections", "gauge", "Open gRPC connections to the agent.",
      sum { $0.agentConnectionsOpen.load(ordering: .relaxed) })
    metric(
      "par_boot_milliseconds", "gauge", "From process start to the first Ready, or until now.",
      snapshot.bootMilliseconds ?? (Clock.now() - .start).milliseconds)
    metric(
      "par_boot_budget_milliseconds", "gauge", "What the boot may take.",
      snapshot.budgetMilliseconds)
    metric(
      "process_resident_memory_bytes", "gauge",
      "Resident memory of this process, without the agent.",
      par_resident_bytes())
    for gauge in snapshot.gauges {
      let kind = gauge.name.hasSuffix("_total") ? "counter" : "gauge"
      let value = gauge.value()
      if let whole = Int64(exactly: value) {
        metric(gauge.name, kind, gauge.help, whole)
      } else {
        metric(gauge.name, kind, gauge.help, value)
      }
    }
    return Array(text.utf8)
  }

  private static func escaped(_ text: String) -> String {
    var result = ""
    for character in text.unicodeScalars {
      switch character {
      case "\\": result += "\\\\"
      case "\"": result += "\\\""
      case "\n": result += "\\n"
      default: result.unicodeScalars.append(character)
      }
    }
    return result
  }
}
