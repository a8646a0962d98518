import Lifecycle
import LinuxSystem
import Synchronization
import Testing

@testable import DataPlane

@Suite("Agents that come and go")
struct AgentStressTests {
  private static let ids = ["a", "b", "c"]
  private static let rounds = 48

  /// What is known of one id: the last worker that was taken away before now.
  private final class Known: Sendable {
    let gone = Atomic<Int>(-1)
  }

  @Test("No request reaches another agent's worker, nor one that was replaced before it was sent")
  func isolated() throws {
    let supervisor = try TestSupervisor()
    defer { supervisor.stop() }
    let known = Self.ids.map { _ in Known() }
    let stops = Atomic<Bool>(false)
    let (wrong, right) = (Locked<[String]>([]), Counter())
    let workers = Self.ids.map { id in
      (0...(Self.rounds / Self.ids.count)).map {
        supervisor.worker("\(id) \($0)", unix: $0 % 2 == 0)
      }
    }
    let backends = Self.ids.indices.map { supervisor.add(Self.ids[$0], worker: workers[$0][0]) }
    let port = supervisor.server.port
    withExtendedLifetime(stops) {
      let threads = (0..<6).map { number in
        TestThread {
          let client = TestClient(port)
          var turn = number
          while !stops.load(ordering: .relaxed) {
            turn += 1
            let index = turn % Self.ids.count
            let gone = known[index].gone.load(ordering: .sequentiallyConsistent)
            let method = turn % 2 == 0 ? "GET" : "POST"
            client.send(
              "\(method) /agents/\(Self.ids[index])/x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
            )
            guard let answer = client.response() else {
              return wrong.withLock { $0.append("no answer") }
            }
            let words = answer.text.split(separator: " ")
            switch answer.status {
            case 404: break
            case 200
            where words.count == 3 && words[0] == Self.ids[index] && Int(words[1]) ?? -1 > gone:
              right.increment()
            default: wrong.withLock { $0.append("\(answer.status) \(answer.text) after \(gone)") }
            }
          }
        }
      }
      var current = backends
      for round in 1...Self.rounds {
        let index = round % Self.ids.count
        let next = (round - 1) / Self.ids.count + 1
        switch round % 4 {
        case 0:
          // It goes and comes back.
          supervisor.remove(Self.ids[index])
          current[index] = supervisor.add(Self.ids[index], worker: workers[index][next])
        case 1:
          supervisor.publish(current[index], gate: .restarting, worker: nil)
          supervisor.publish(current[index], gate: .ready, worker: workers[index][next])
        default: supervisor.publish(current[index], gate: .ready, worker: workers[index][next])
        }
        known[index].gone.store(next - 1, ordering: .sequentiallyConsistent)
        let seen = right.value
        #expect(right.waits(for: seen + 4))
      }
      stops.store(true, ordering: .relaxed)
      for thread in threads { thread.join() }
    }
    #expect(wrong.withLock { $0 }.isEmpty)
    #expect(eventually { supervisor.plane.inFlight == 0 })
  }
}
