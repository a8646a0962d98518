import Glibc
import Lifecycle
import Synchronization
import Testing

@testable import DataPlane

@Suite("Everything at once")
struct StressTests {
  @Test("Gates, losses and cuts under load leave nothing behind")
  func churn() throws {
    let server = try TestServer { options, snapshot, folder in
      options.limits.lingerTime = .milliseconds(10)
      options.accessLog = 1
      folder.write("ui/index.html", "<html>")
      folder.write("ui/big.bin", [UInt8](repeating: 1, count: 400_000))
      snapshot.uiFolder = folder.path + "/ui"
    }
    defer { server.stop() }
    server.agent { connection in
      while let head = connection.head() {
        if head[0].contains("/stream") {
          connection.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
          while connection.write("data: x\n\n") { usleep(500) }
          return
        }
        if head[0].contains("/ws") {
          connection.write(switching)
          while let word = connection.take(4) {
            guard word.first != 0x88, connection.write(word) else { break }
          }
          connection.write([0x88, 0])
          return
        }
        if head[0].hasPrefix("POST") { guard connection.take(20_000) != nil else { return } }
        if head[0].contains("/end") { return }
        guard connection.write(ok) else { return }
      }
    }
    let answered = Counter()
    let port = server.port
    let clients = (0..<6).map { seed in
      TestThread {
        var numbers = SeededNumbers(state: UInt64(seed))
        var client = TestClient(port)
        for _ in 0..<120 {
          switch Int.random(in: 0..<8, using: &numbers) {
          case 0:
            client.send("GET /agents/x/stream HTTP/1.1\r\nHost: a\r\n\r\n")
            if client.head()?.status == 200 { _ = client.chunk() }
            client = TestClient(port)
          case 1:
            client.send("POST /agents/x/a HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n")
            client.send([UInt8](repeating: 1, count: 20_000))
            if client.response() != nil { answered.increment() }
          case 2: if client.get("/agents/x/end") != nil { answered.increment() }
          case 3: if client.get("/agents/x/ui/big.bin") != nil { answered.increment() }
          case 4:
            client.send(handshake + "ping")
            if client.head()?.status == 101, client.take(4) != nil {
              if Bool.random(using: &numbers) {
                client.send([0x88, 0, 0, 0])
              } else if Bool.random(using: &numbers) {
                client.finishSending()
              }
              if Bool.random(using: &numbers) { _ = client.isClosed() }
            }
            client = TestClient(port)
          case 5: if client.get("/health") != nil { answered.increment() }
          default: if client.get("/agents/x/a") != nil { answered.increment() }
          }
          if client.hasEnded { client = TestClient(port) }
        }
      }
    }
    var numbers = SeededNumbers(state: 99)
    var named = 0
    for _ in 0..<150 {
      server.publish(gate: Gate.allCases.randomElement(using: &numbers) ?? .ready)
      switch Int.random(in: 0..<4, using: &numbers) {
      case 0: named += server.plane.upstreamLost().count
      case 1: named += server.plane.cutStreams().count
      case 2: named += server.plane.cutAll().count
      default: server.publish(gate: .ready)
      }
      usleep(1000)
    }
    server.publish(gate: .ready)
    // What still streams is cut, so that its readers come to their end.
    let finished = Atomic<Bool>(false)
    let cutter = TestThread {
      while !finished.load(ordering: .relaxed) {
        _ = server.plane.cutStreams()
        usleep(1000)
      }
    }
    for client in clients { client.join() }
    finished.store(true, ordering: .relaxed)
    cutter.join()
    #expect(eventually { server.plane.inFlight == 0 })
    #expect(answered.value > 0)
    #expect(server.metric("par_tunnels") == 0 && (server.metric("par_tunnels_total") ?? 0) > 0)
    #expect(named <= server.plane.abortedCount)
    #expect(
      eventually {
        server.client().get("/metrics")?.text.contains("par_connections 1\n") == true
      })
  }
}
