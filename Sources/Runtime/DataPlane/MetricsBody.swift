import CPlatform
import Lifecycle
import LinuxSystem
import Synchronization

/// `/metrics`: a table of what is told, in its order, then what the control plane adds.
enum MetricsBody {
  static func write(_ shared: SharedState, _ snapshot: Snapshot) -> [UInt8] {
    let source = Metric.Source(shared: shared, snapshot: snapshot)
    var out = MetricsText()
    for metric in metrics {
      out.begin(metric.name, metric.kind.rawValue, metric.help)
      metric.write(source, &out)
    }
    if shared.hasAgents { writeAgents(shared.directory(), &out) }
    for gauge in snapshot.gauges {
      out.begin(gauge.name, gauge.name.hasSuffix("_total") ? "counter" : "gauge", gauge.help)
      let value = gauge.value()
      if let whole = Int64(exactly: value) { out.sample(whole) } else { out.sample(value) }
    }
    return Array(out.text.utf8)
  }

  /// One of each for each agent; there are as many as the directory has.
  private static func writeAgents(_ directory: Directory, _ out: inout MetricsText) {
    let agents = directory.entries.map { entry in
      (
        label: "agent=\"\(MetricsText.escaped(entry.backend.id))\"",
        reading: BackendReading(entry.backend), gauges: entry.backend.current().snapshot.gauges
      )
    }
    out.begin(
      "par_agent_requests_in_flight", "gauge", "Requests in progress, by agent; a supervisor's.")
    for agent in agents { out.sample(agent.reading.inFlight, agent.label) }
    out.begin(
      "par_agent_requests_held", "gauge",
      "Requests that wait for this agent now; in flight as well.")
    for agent in agents { out.sample(agent.reading.held, agent.label) }
    out.begin(
      "par_agent_requests_total", "counter", "Responses by agent and class of status.")
    for agent in agents {
      for kind in LatencyTable.classes {
        out.sample(agent.reading.responses[kind - 1], "\(agent.label),status=\"\(kind)xx\"")
      }
    }
    var names: [String] = []
    for agent in agents {
      for gauge in agent.gauges where !names.contains(gauge.name) {
        names.append(gauge.name)
        out.begin(gauge.name, gauge.name.hasSuffix("_total") ? "counter" : "gauge", gauge.help)
        for other in agents {
          guard let same = other.gauges.first(where: { $0.name == gauge.name }) else { continue }
          let value = same.value()
          if let whole = Int64(exactly: value) {
            out.sample(whole, other.label)
          } else {
            out.sample(value, other.label)
          }
        }
      }
    }
  }

  private static let metrics: [Metric] = requests + connections + program

  private static let requests: [Metric] = [
    .samples("par_state", .gauge, "The state of the program; 1 for the one it is in.") {
      $1.sample(1, "state=\"\(MetricsText.escaped($0.snapshot.state))\"")
    },
    .one("par_ready", .gauge, "1 while health is 200.") { $0.snapshot.gate == .ready ? 1 : 0 },
    .one("par_requests_in_flight", .gauge, "Agent and UI requests in progress.") {
      $0.shared.inFlight.reading
    },
    .samples("par_requests_total", .counter, "Responses by surface and class of status.") {
      source, out in
      forEachSeries { surface, kind, labels in
        out.sample(source.sum { $0.requests(surface, statusClass: kind) }, labels)
      }
    },
    // Sixteen lines for each of twenty series would be most of the page: only those that have been.
    .samples(
      "par_request_duration_seconds", .histogram,
      "From the complete head to the last byte handed to the kernel."
    ) { source, out in
      forEachSeries { surface, kind, labels in
        var reading = LatencyTable.Reading()
        for loop in source.shared.counters {
          loop.latencies.add(surface, statusClass: kind, to: &reading)
        }
        if reading.count > 0 { out.histogram(reading, labels) }
      }
    },
    .samples(
      "par_agent_response_seconds", .summary,
      "From a request handed to the agent to the head of its response."
    ) { source, out in
      for surface in [Surface.rest, .a2a] {
        let readings = source.shared.counters.map { $0.agentHeads(surface) }
        out.total(
          nanoseconds: readings.reduce(0) { $0 + $1.nanoseconds },
          count: readings.reduce(0) { $0 + $1.count }, "surface=\"\(surface.name)\"")
      }
    },
    .loops("par_requests_slow_total", .counter, "Requests that took SLOW_REQUEST_MS or longer.") {
      $0.slowRequests.reading
    },
    .one("par_requests_completed_total", .counter, "Agent and UI requests answered in full.") {
      $0.shared.completed.reading
    },
    .one(
      "par_requests_aborted_total", .counter, "Requests lost with the agent or cut by a drain."
    ) { $0.shared.aborted.reading },
    .loops("par_requests_client_gone_total", .counter, "Requests whose client went away first.") {
      $0.clientsGone.reading
    },
    .loops(
      "par_requests_repeated_total", .counter,
      "Requests sent again because a kept connection to the agent had ended."
    ) { $0.repeats.reading },
    .one("par_requests_held", .gauge, "Requests that wait for the agent now; in flight as well.") {
      $0.shared.held.reading
    },
    .loops("par_requests_holds_total", .counter, "Requests that waited for the agent.") {
      $0.holds.reading
    },
    .loops(
      "par_requests_hold_refused_total", .counter,
      "Requests answered 503 because as many waited as may."
    ) { $0.holdsRefused.reading },
    .loops(
      "par_requests_hold_expired_total", .counter,
      "Requests that waited for the agent as long as they may."
    ) { $0.holdsExpired.reading },
    .loops(
      "par_requests_taken_back_total", .counter,
      "Requests taken back from an agent that ended without beginning them."
    ) { $0.takenBack.reading },
  ]

  private static let connections: [Metric] = [
    .loops("par_tunnels", .gauge, "Open WebSockets; in flight as well.") {
      $0.tunnelsOpen.reading
    },
    .loops("par_tunnels_total", .counter, "WebSockets that the agent accepted.") {
      $0.tunnelsTotal.reading
    },
    .loops("par_connections", .gauge, "Open client connections.") { $0.connectionsOpen.reading },
    .loops("par_connections_total", .counter, "Accepted client connections.") {
      $0.connectionsAccepted.reading
    },
    .loops("par_upstream_connections", .gauge, "Open connections to the agent.") {
      $0.upstreamOpen.reading
    },
    .loops("par_upstream_connects_total", .counter, "Connections made to the agent.") {
      $0.upstreamConnects.reading
    },
    .loops("par_received_bytes_total", .counter, "Bytes read from clients.") {
      $0.bytesReceived.reading
    },
    .loops("par_sent_bytes_total", .counter, "Bytes written to clients.") {
      $0.bytesSent.reading
    },
    .loops("par_http2_connections", .gauge, "Open client connections that speak HTTP/2.") {
      $0.http2Open.reading
    },
    .loops("par_http2_streams", .gauge, "Open streams of these connections.") {
      $0.streamsOpen.reading
    },
    .loops("par_http2_streams_total", .counter, "Streams of HTTP/2 connections.") {
      $0.streamsTotal.reading
    },
    .loops(
      "par_http1_ended_total", .counter,
      "Connections of HTTP/1.1 ended by a limit or a mistake.", by: "reason", HTTP1End.self
    ) { ($1.name, $0.http1Ends($1)) },
    .loops(
      "par_http2_ended_total", .counter,
      "Connections and streams ended by a limit or a mistake.", by: "reason", HTTP2End.self
    ) { ($1.name, $0.http2Ends($1)) },
    .loops(
      "par_grpc_calls_total", .counter, "Calls by status, health included.", by: "status",
      GRPCStatus.self
    ) { ($1.name, $0.calls($1)) },
    .loops(
      "par_grpc_calls_repeated_total", .counter,
      "Calls given to another connection because nothing of them had been sent."
    ) { $0.callsRepeated.reading },
    .loops("par_grpc_agent_connections", .gauge, "Open gRPC connections to the agent.") {
      $0.agentConnectionsOpen.reading
    },
  ]

  private static let program: [Metric] = [
    .one(
      "par_boot_milliseconds", .gauge, "From process start to the first Ready, or until now."
    ) { $0.snapshot.bootMilliseconds ?? (Clock.now() - .start).milliseconds },
    .one("par_boot_budget_milliseconds", .gauge, "What the boot may take.") {
      $0.snapshot.budgetMilliseconds
    },
    .one(
      "process_resident_memory_bytes", .gauge,
      "Resident memory of this process, without the agent."
    ) { _ in par_resident_bytes() },
    .one(
      "process_cpu_seconds_total", .counter, "CPU time of this process, without the agent."
    ) { _ in Double(par_cpu_ns()) / 1e9 },
  ]

  /// Each surface and class of status, in a fixed order.
  private static func forEachSeries(_ body: (Surface, Int, String) -> Void) {
    for surface in Surface.allCases {
      for kind in LatencyTable.classes {
        body(surface, kind, "surface=\"\(surface.name)\",status=\"\(kind)xx\"")
      }
    }
  }
}

extension Atomic where Value == Int {
  fileprivate var reading: Int { load(ordering: .relaxed) }
}
