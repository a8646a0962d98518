import LinuxSystem

@testable import DataPlane

/// A data plane that routes to many agents, each with a worker on a port of its own that says whose it
/// is. Used by one thread.
final class TestSupervisor {
  let server: TestServer
  private var entries: [BackendEntry] = []
  private var agents: [TestAgent] = []

  init(_ change: (inout DataPlaneOptions, inout Snapshot) -> Void = { _, _ in }) throws {
    server = try TestServer { options, snapshot, _ in
      let limits = options.limits
      options = DataPlaneOptions()
      options.loopCount = 2
      options.limits = limits
      snapshot = Snapshot(gate: .ready, state: "serving")
      change(&options, &snapshot)
    }
  }

  var plane: DataPlane { server.plane }
  func client() -> TestClient { server.client() }

  /// Adds an agent, or another one under an id that was there.
  @discardableResult
  func add(
    _ id: String, deployment: String? = nil, gate: Gate = .ready, worker: Worker? = nil
  ) -> Backend {
    let backend = Backend(id: id)
    publish(backend, gate: gate, worker: worker)
    entries.removeAll { $0.backend.id == id }
    entries.append(BackendEntry(backend, deploymentID: deployment))
    plane.publish(directory: entries)
    return backend
  }

  func remove(_ id: String) {
    entries.removeAll { $0.backend.id == id }
    plane.publish(directory: entries)
  }

  func publish(_ backend: Backend, gate: Gate, worker: Worker?) {
    plane.publish(
      Snapshot(gate: gate, state: Self.state(gate), worker: worker), for: backend)
  }

  static func state(_ gate: Gate) -> String {
    switch gate {
    case .booting: "booting"
    case .restarting: "restarting"
    case .ready: "ready"
    case .lameDuck, .closing: "draining"
    }
  }

  /// A worker that answers each request with its name and the target that it got.
  func worker(_ name: String, unix: Bool = false) -> Worker {
    worker(unix: unix) { connection in
      while let head = connection.head() {
        let body = "\(name) \(head[0].split(separator: " ")[1])"
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
      }
    }
  }

  func worker(
    unix: Bool = false, _ script: @escaping @Sendable (TestAgent.Connection) -> Void
  ) -> Worker {
    let path = unix ? server.folder + "/worker-\(agents.count).sock" : nil
    let agent = server.adopt(TestAgent(path, script: script))
    agents.append(agent)
    return Worker(address: agent.address)
  }

  /// The process behind the worker that was made last ends.
  func stopLast() { agents.last?.stop() }

  func stop() { server.stop() }
}
