import CPlatform
import Glibc
import Lifecycle
import LinuxSystem
import Synchronization
import Testing

@testable import DataPlane

@Suite("Workers that end under load")
struct MarkStressTests {
  /// A worker of which the end is one moment, as that of a process is: what has not begun by then
  /// never does.
  private final class MortalWorker: Sendable {
    let worker: Worker
    private let marks: WorkerMarks
    private let agent: Locked<TestAgent?>
    private let isAlive = Locked(true)

    /// - Parameter begun: told the target of each request that is begun.
    init(_ path: String, begun: @escaping @Sendable (String) -> Void) throws {
      let marks = try WorkerMarks()
      self.marks = marks
      worker = Worker(restSocket: path, memory: marks.memory)
      agent = Locked(nil)
      let made = TestAgent(path) { [isAlive] connection in
        while let head = connection.head() {
          let target = String(head[0].split(separator: " ")[1])
          // Some begin late, so that bodies arrive before.
          if target.hashValue & 3 == 0 { usleep(2000) }
          let begins = isAlive.withLock { alive in
            if alive {
              marks.begin(head)
              begun(target)
            }
            return alive
          }
          guard begins else { return }
          var body: [UInt8]? = []
          if head.contains("Transfer-Encoding: chunked") {
            body = connection.chunks()
          } else if let length = head.first(where: { $0.hasPrefix("Content-Length: ") }) {
            body = connection.take(Int(length.dropFirst(16)) ?? 0)
          }
          guard let body else { return }
          let isWhole = body == MarkStressTests.bodies[body.count]
          let text = "\(target) \(body.count) \(isWhole)"
          guard
            connection.write(
              "HTTP/1.1 200 OK\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)")
          else { return }
        }
      }
      agent.withLock { $0 = made }
    }

    func end() {
      isAlive.withLock { $0 = false }
      agent.withLock { $0 }?.stop()
    }
  }

  private static let sizes = [0, 10, 1000, 30_000, 150_000]
  private static let bodies = Dictionary(
    uniqueKeysWithValues: sizes.map { ($0, KeptBodyTests.pattern($0)) })

  private struct Account {
    var begun: [String: Int] = [:]
    var answered: [String: Int] = [:]
    var wrong: [String] = []
  }

  @Test("Each request is begun once: answered by its content, or 502 when it was begun and lost")
  func account() throws {
    let (account, stopping) = (Locked(Account()), Locked(false))
    let server = try TestServer(gate: .ready) { options, _, _ in
      options.loopCount = 2
      // Under a sanitizer, with all tests at once.
      options.holdTime = .seconds(60)
      options.upstreamConnectTimeout = .seconds(60)
    }
    defer { server.stop() }
    var number = 0
    func next() throws -> MortalWorker {
      number += 1
      return try MortalWorker(server.folder + "/w\(number).sock") { target in
        account.withLock { $0.begun[target, default: 0] += 1 }
      }
    }
    var current = try next()
    server.publish { $0.worker = current.worker }
    let plane = server.port
    let clients = (0..<12).map { index in
      TestThread {
        var client = TestClient(plane)
        var count = 0
        while !stopping.withLock({ $0 }) {
          count += 1
          let target = "/\(index)-\(count)"
          let size = Self.sizes[(count &+ index) % Self.sizes.count]
          guard let body = Self.bodies[size] else { return }
          let isChunked = count % 2 == 0 && size > 0
          let framing = isChunked ? "Transfer-Encoding: chunked" : "Content-Length: \(size)"
          client.send("POST /agents/x\(target) HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n")
          if isChunked { client.send("\(String(size, radix: 16))\r\n") }
          client.send(body)
          if isChunked { client.send("\r\n0\r\n\r\n") }
          let response = client.response()
          account.withLock {
            $0.answered[target] = response?.status ?? 0
            if response?.status == 200, response?.text != "\(target) \(size) true" {
              $0.wrong.append(response?.text ?? "")
            }
          }
          if response == nil || response?["Connection"] == "close" || index % 3 == 0 {
            client = TestClient(plane)
          }
        }
      }
    }
    for round in 0..<20 {
      let before = account.withLock { $0.answered.count }
      #expect(eventually { account.withLock { $0.answered.count } > before + 20 })
      let old = current
      if round % 3 == 2 {
        // A replacement: nothing may be lost at all.
        current = try next()
        server.publish { $0.worker = current.worker }
        server.plane.retire(old.worker)
        #expect(eventually { server.recorder.retired.contains { $0 === old.worker } })
        old.end()
      } else {
        old.end()
        _ = server.plane.upstreamLost(old.worker)
        server.publish {
          $0.gate = .restarting
          $0.worker = nil
        }
        current = try next()
        server.publish {
          $0.gate = .ready
          $0.worker = current.worker
        }
      }
    }
    stopping.withLock { $0 = true }
    for client in clients { client.join() }
    current.end()
    let result = account.withLock { $0 }
    #expect(result.wrong.isEmpty)
    for (target, status) in result.answered {
      // 200 or 502, and begun once in either case.
      #expect(status == 200 || status == 502, "\(target)")
      #expect(result.begun[target] == 1, "\(target) \(status)")
    }
    #expect(result.begun.count == result.answered.count)
    let lost = result.answered.values.count { $0 == 502 }
    #expect(server.plane.abortedCount == lost)
    #expect(eventually { server.plane.completed == result.answered.count - lost })
    #expect(eventually { server.plane.inFlight == 0 && server.held == 0 })
  }
}
