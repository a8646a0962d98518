import Lifecycle
import Testing

@testable import DataPlane

@Suite("gRPC calls that a worker had not begun when it ended")
struct UnbegunCallTests {
  private static let waiting = 5

  /// A supervisor whose agent `a` answers one call at a time: one is with it, others wait.
  private struct Scene {
    let supervisor: TestSupervisor
    let backend: Backend
    let worker: Worker
    let client: HTTP2Peer
    let long: Int32
    let unbegun: [Int32]

    init(
      unix: Bool = false, _ change: (inout DataPlaneOptions) -> Void = { _ in }
    ) throws {
      supervisor = try TestSupervisor { options, _ in
        options.loopCount = 1
        options.http2.agentConnections = 1
        change(&options)
      }
      worker = supervisor.worker(unix: unix) { GRPCAgent.serve($0, maxStreams: 1) }
      backend = supervisor.add("a", worker: worker)
      client = supervisor.server.grpc()
      let first = client.call("/t.T/Echo", grpcMessage("x"), Self.agent)
      #expect(client.result(first)?.grpcStatus == "0")
      let held = client.call("/t.T/Bidi", nil, Self.agent)
      long = held
      #expect([client].allSatisfy { peer in peer.waits { peer.streams[held]?.hasHead == true } })
      unbegun = [client].flatMap { peer in
        (0..<UnbegunCallTests.waiting).map {
          peer.call("/t.T/Echo", grpcMessage("\($0)"), Self.agent)
        }
      }
      let (plane, agent) = (supervisor.plane, backend)
      #expect(eventually { plane.inFlight(of: agent) == UnbegunCallTests.waiting + 1 })
    }

    static let agent = [("x-agent-id", "a")]

    /// - Parameter isKnown: the supervisor knows it before the loops find out.
    func end(isKnown: Bool) {
      if isKnown { supervisor.publish(backend, gate: .restarting, worker: nil) }
      supervisor.stopLast()
      if isKnown { _ = supervisor.plane.upstreamLost(worker) }
    }
  }

  @Test(
    "wait for the next one, whether its end is known or not",
    arguments: [true, false], [true, false])
  func next(_ unix: Bool, _ isKnown: Bool) throws {
    let scene = try Scene(unix: unix)
    defer { scene.supervisor.stop() }
    scene.end(isKnown: isKnown)
    #expect(scene.client.result(scene.long)?.grpcStatus == "14")
    let next = scene.supervisor.worker(unix: unix) { GRPCAgent.serve($0) }
    scene.supervisor.publish(scene.backend, gate: .ready, worker: next)
    for (index, id) in scene.unbegun.enumerated() {
      let result = scene.client.result(id)
      #expect(result?.grpcStatus == "0" && result?.body == grpcMessage("\(index)"))
    }
    #expect(scene.supervisor.plane.abortedCount == 1)
    #expect(eventually { scene.supervisor.plane.inFlight == 0 })
  }

  @Test(
    "are given up when none comes in the time for which requests are held",
    arguments: [true, false])
  func none(_ isKnown: Bool) throws {
    let scene = try Scene { $0.holdTime = .milliseconds(50) }
    defer { scene.supervisor.stop() }
    scene.end(isKnown: isKnown)
    for id in scene.unbegun { #expect(scene.client.result(id)?.grpcStatus == "14") }
    #expect(eventually { scene.supervisor.plane.inFlight == 0 })
  }

  @Test(
    "are not held where requests are not, nor for an agent that is gone", arguments: [true, false])
  func gone(_ isRemoved: Bool) throws {
    let scene = try Scene { if !isRemoved { $0.holdTime = .zero } }
    defer { scene.supervisor.stop() }
    scene.end(isKnown: true)
    if isRemoved { scene.supervisor.remove("a") }
    for id in scene.unbegun { #expect(scene.client.result(id)?.grpcStatus == "14") }
  }

  @Test("wait for it as long as the gate says that one comes, and not while it closes")
  func closing() throws {
    let scene = try Scene()
    defer { scene.supervisor.stop() }
    scene.end(isKnown: true)
    scene.supervisor.publish(scene.backend, gate: .closing, worker: nil)
    for id in scene.unbegun { #expect(scene.client.result(id)?.grpcStatus == "14") }
  }

  @Test("are ended by their own deadline, and by their callers")
  func ended() throws {
    let scene = try Scene()
    defer { scene.supervisor.stop() }
    let late = scene.client.call(
      "/t.T/Echo", grpcMessage("x"), Scene.agent + [("grpc-timeout", "300m")])
    #expect(eventually { scene.supervisor.plane.inFlight == Self.waiting + 2 })
    scene.end(isKnown: true)
    scene.client.reset(scene.unbegun[0], 8)
    #expect(scene.client.result(late)?.grpcStatus == "4")
    let next = scene.supervisor.worker { GRPCAgent.serve($0) }
    scene.supervisor.publish(scene.backend, gate: .ready, worker: next)
    for id in scene.unbegun.dropFirst() { #expect(scene.client.result(id)?.grpcStatus == "0") }
    #expect(eventually { scene.supervisor.plane.inFlight == 0 })
  }
}
