import Glibc
import Testing
@testable import DataPlane

@Suite struct ServeTests {
  @Test(.enabled(if: getenv("PAR_SERVE") != nil)) func serve() throws {
    guard let raw = getenv("PAR_SERVE") else { return }
    let path = String(cString: raw)
    let server = try TestServer { options, snapshot, _ in
      snapshot.a2aUpstream = .unix(path)
      options.loopCount = getenv("PAR_LOOPS").flatMap { Int(String(cString: $0)) } ?? 1
    }

    fflush(nil)
    let text = "a2a=\(server.a2aPort) rest=\(server.port)\n"
    if let file = fopen(path + ".ports", "w") {
      fputs(text, file)
      fclose(file)
    }
    guard let input = fopen(path + ".in", "r") else { return }
    var line = [CChar](repeating: 0, count: 100)
    while fgets(&line, 100, input) != nil {
      switch String(decoding: line.prefix { $0 > 32 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      {
      case "drain": server.publish(gate: .lameDuck)
      case "closing": server.publish(gate: .closing)
      case "ready": server.publish(gate: .ready)
      case "cutall": print(server.plane.cutAll())
      case "streams": print(server.plane.cutStreams())
      case "flight": print(server.plane.inFlight, server.plane.completed, server.plane.abortedCount)
      default: break
      }
    }
    server.stop()
  }
}
