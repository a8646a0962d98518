import Lifecycle
import Testing

@testable import DataPlane

@Suite("Gates and routes")
struct GateRouteTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let path: String
    /// In the order of `Gate.allCases`: booting, restarting, ready, lame duck, closing.
    let statuses: [Int]
    var testDescription: String { path }
  }

  static let rows = [
    Row(path: "/health", statuses: [503, 503, 200, 503, 503]),
    Row(path: "/agents/x/health", statuses: [503, 503, 200, 503, 503]),
    Row(path: "/agents/other/health", statuses: [404, 404, 404, 404, 404]),
    Row(path: "/livez", statuses: [200, 200, 200, 200, 200]),
    Row(path: "/metrics", statuses: [200, 200, 200, 200, 200]),
    Row(path: "/agents/x/meta", statuses: [503, 200, 200, 200, 200]),
    Row(path: "/a2a/health", statuses: [503, 404, 404, 404, 404]),
    Row(path: "/agents/x/a2a/health", statuses: [503, 404, 404, 404, 404]),
    Row(path: "/ui/health", statuses: [503, 503, 200, 503, 503]),
    Row(path: "/agents/x/ui/health", statuses: [503, 503, 200, 503, 503]),
    Row(path: "/agents/x/ui", statuses: [503, 308, 308, 308, 308]),
    Row(path: "/agents/x/ui/", statuses: [503, 200, 200, 200, 200]),
    Row(path: "/agents/x/ui-config.json", statuses: [503, 200, 200, 200, 200]),
    Row(path: "/agents/x/api/thing", statuses: [503, 503, 201, 201, 503]),
    Row(path: "/agents/x/invoke", statuses: [503, 503, 201, 201, 503]),
    Row(path: "/agents/x", statuses: [503, 503, 201, 201, 503]),
    Row(path: "/", statuses: [503, 503, 201, 201, 503]),
    Row(path: "/api/thing", statuses: [503, 503, 201, 201, 503]),
  ]

  @Test(
    "Every route answers as its gate says, where nothing is held", arguments: rows, Gate.allCases)
  func route(row: Row, gate: Gate) throws {
    let server = try TestServer(gate: gate) { options, snapshot, folder in
      options.holdTime = .zero
      folder.write("ui/index.html", "<html>")
      snapshot.uiFolder = folder.path + "/ui"
      snapshot.surfaces.append(SurfaceState(name: "ui", ready: true))
    }
    defer { server.stop() }
    server.agent(always: "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok")
    let client = server.client()
    let response = try #require(client.get(row.path))
    #expect(response.status == row.statuses[Int(gate.rawValue)], "\(response)")
    #expect((response["Retry-After"] != nil) == (response.status == 503))
    let draining = gate == .lameDuck || gate == .closing
    #expect((response["Connection"] == "close") == draining, "\(response)")
    #expect(!draining || client.isClosed())
  }
}
