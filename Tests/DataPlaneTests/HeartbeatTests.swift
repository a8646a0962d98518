import Testing

@testable import DataPlane

@Suite("The loops' signs of life")
struct HeartbeatTests {
  @Test("come from every loop whenever they are asked for")
  func answered() throws {
    let server = try TestServer()
    defer { server.stop() }
    for _ in 0..<100 {
      server.plane.askHeartbeat()
      #expect(eventually { server.plane.heartbeatIsWhole })
    }
  }

  @Test("come under load too")
  func load() throws {
    let server = try TestServer()
    defer { server.stop() }
    server.agent(always: ok)
    let done = Counter()
    let clients = (0..<4).map { _ in
      TestThread {
        let client = server.client()
        while done.value == 0 { #expect(client.get("/agents/x/a")?.status == 200) }
      }
    }
    for _ in 0..<20 {
      server.plane.askHeartbeat()
      #expect(eventually { server.plane.heartbeatIsWhole })
    }
    done.increment()
    for client in clients { client.join() }
  }

  @Test("are not whole while one loop hangs, whatever the others do")
  func hangs() throws {
    let (entered, go) = (Counter(), Counter())
    let server = try TestServer { _, snapshot, _ in
      // Read on a loop's thread, for /metrics.
      snapshot.gauges = [
        Gauge(name: "par_hang", help: "Hangs.") {
          entered.increment()
          _ = go.waits(for: 1)
          return 0
        }
      ]
    }
    defer { server.stop() }
    let client = server.client()
    client.send("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(entered.waits(for: 1))
    server.plane.askHeartbeat()
    #expect(!server.plane.heartbeatIsWhole)
    // The other loop still serves.
    #expect(eventually { server.client().get("/livez")?.status == 200 })
    #expect(!server.plane.heartbeatIsWhole)
    go.increment()
    #expect(client.response()?.status == 200)
    #expect(eventually { server.plane.heartbeatIsWhole })
  }
}
