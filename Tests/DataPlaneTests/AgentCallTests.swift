import Lifecycle
import LinuxSystem
import Testing

@testable import DataPlane

@Suite("gRPC calls for many agents")
struct AgentCallTests {
  /// Two agents that serve, `c` that does not yet, `d` and `e` of one deployment.
  private func supervisor() throws -> TestSupervisor {
    let supervisor = try TestSupervisor()
    for (id, deployment) in [("a", "one"), ("b", "two"), ("d", "same"), ("e", "same")] {
      let worker = supervisor.worker { GRPCAgent.serve($0, says: id) }
      supervisor.add(id, deployment: deployment, worker: worker)
    }
    supervisor.add("c", deployment: "three", gate: .booting)
    return supervisor
  }

  private static let health = "/grpc.health.v1.Health/Check"

  @Test(
    "The path names the agent, else x-agent-id, else x-deployment-id; on both ports",
    arguments: [
      ("/agents/a/a2a/t.T/Echo", [], "0", "a"), ("/t.T/Echo", [("x-agent-id", "a")], "0", "a"),
      ("/t.T/Echo", [("x-deployment-id", "two")], "0", "b"),
      ("/agents/a/a2a/t.T/Echo", [("x-agent-id", "b")], "0", "a"),
      ("/t.T/Echo", [("x-agent-id", "a"), ("x-deployment-id", "two")], "0", "a"),
      ("/t.T/Echo", [], "3", nil), ("/pixell.agent.AgentService/Health", [], "3", nil),
      ("/agents/a/a2ax/t.T/Echo", [], "3", nil), ("/agents/a/a2a", [], "3", nil),
      ("/t.T/Echo", [("x-agent-id", "a"), ("x-agent-id", "b")], "3", nil),
      ("/agents/x/a2a/t.T/Echo", [("x-agent-id", "a")], "5", nil),
      ("/t.T/Echo", [("x-agent-id", "x")], "5", nil), ("/t.T/Echo", [("x-agent-id", "")], "5", nil),
      ("/t.T/Echo", [("x-agent-id", "x"), ("x-deployment-id", "one")], "5", nil),
      ("/t.T/Echo", [("x-deployment-id", "same")], "5", nil),
      ("/t.T/Echo", [("x-agent-id", "c")], "14", nil),
      ("/agents/c/a2a/grpc.health.v1.Health/Check", [], "14", nil),
      ("/agents/b/a2a/grpc.health.v1.Health/Check", [], "0", "b"),
      (health, [("x-agent-id", "a")], "0", "a"),
    ] as [(String, [(String, String)], String, String?)])
  func routed(
    _ path: String, _ metadata: [(String, String)], _ status: String, _ agent: String?
  ) throws {
    let supervisor = try supervisor()
    defer { supervisor.stop() }
    for port in [supervisor.server.port, supervisor.server.a2aPort] {
      let peer = HTTP2Peer(port: port)
      let result = peer.result(peer.call(path, grpcMessage("hello"), metadata))
      #expect(result?.grpcStatus == status)
      #expect(result?.head["says"] == agent)
      guard agent != nil else { continue }
      #expect(result?.messages == [Array("hello".utf8)])
      // The agent learns how it was found, and the path as any of its callers writes it.
      let seen = result?.head["seen"]?.split(separator: " ").map { String($0) } ?? []
      for (name, _) in metadata { #expect(seen.contains(name)) }
      let names = path.hasPrefix("/agents/") ? path.split(separator: "/").suffix(2) : []
      #expect(
        result?.head["seen-path"] == (names.isEmpty ? path : "/" + names.joined(separator: "/")))
    }
    #expect(eventually { supervisor.plane.inFlight == 0 })
  }

  @Test("Health without an agent's name is the supervisor's own, whatever its agents do")
  func ownHealth() throws {
    let supervisor = try supervisor()
    defer { supervisor.stop() }
    let peer = HTTP2Peer(port: supervisor.server.a2aPort)
    #expect(peer.result(peer.call(Self.health, grpcMessage("")))?.messages == [[0x08, 1]])
    supervisor.server.publish { $0.gate = .booting }
    #expect(peer.result(peer.call(Self.health, grpcMessage("")))?.messages == [[0x08, 2]])
    // An agent's calls do not depend on it.
    let result = peer.result(peer.call("/t.T/Echo", grpcMessage(""), [("x-agent-id", "a")]))
    #expect(result?.grpcStatus == "0")
  }

  @Test("An agent that is not ready tells its health when its worker listens")
  func agentHealth() throws {
    let supervisor = try supervisor()
    defer { supervisor.stop() }
    supervisor.add(
      "c", gate: .booting, worker: supervisor.worker { GRPCAgent.serve($0, says: "c") })
    let peer = HTTP2Peer(port: supervisor.server.a2aPort)
    let health = peer.result(peer.call("/agents/c/a2a" + Self.health, grpcMessage("")))
    #expect(health?.head["says"] == "c")
    let other = peer.result(peer.call("/agents/c/a2a/t.T/Echo", grpcMessage("")))
    #expect(other?.grpcStatus == "14" && other?.grpcMessage == "The agent is not ready: booting")
  }

  @Test("A lost worker's calls end, another agent's on the same connection go on")
  func isolated() throws {
    let supervisor = try supervisor()
    defer { supervisor.stop() }
    let worker = supervisor.worker { GRPCAgent.serve($0, says: "z") }
    let backend = supervisor.add("z", worker: worker)
    let peer = HTTP2Peer(port: supervisor.server.a2aPort)
    let lost = peer.call("/t.T/Bidi", nil, [("x-agent-id", "z")])
    let kept = peer.call("/t.T/Bidi", nil, [("x-agent-id", "a")])
    #expect(peer.waits { [lost, kept].allSatisfy { peer.streams[$0]?.head[":status"] == "200" } })
    #expect(supervisor.plane.inFlight(of: backend) == 1)
    supervisor.stopLast()
    _ = supervisor.plane.upstreamLost(worker)
    #expect(peer.result(lost)?.grpcStatus == "14")
    peer.send(kept, grpcMessage("on"), ends: true)
    #expect(peer.result(kept)?.grpcStatus == "0")
    #expect(peer.streams[kept]?.messages == [Array("on".utf8)])
  }
}
