import Testing

@testable import DataPlane

@Suite("Paths")
struct NormalPathTests {
  static func normal(_ path: String) throws(HTTPProblem) -> String {
    let bytes = Array(path.utf8)
    let result: Result<[UInt8], HTTPProblem> = bytes.withUnsafeBytes { bytes in
      Result { () throws(HTTPProblem) in
        var normal: [UInt8] = []
        try NormalPath.write(bytes, into: &normal)
        return normal
      }
    }
    return String(decoding: try result.get(), as: UTF8.self)
  }

  @Test(
    "A path has one form",
    arguments: [
      ("/", "/"), ("/a/b", "/a/b"), ("/a/./b", "/a/b"), ("/a/../b", "/b"), ("/a/b/..", "/a/"),
      ("/a/b/.", "/a/b/"), ("/..", "/"), ("/../../a", "/a"), ("/.", "/"), ("/a//b", "/a//b"),
      ("/a//../b", "/a/b"), ("/%61", "/a"), ("/%2e%2E/a", "/a"), ("/a/%2e%2e/b", "/b"),
      ("/a/.%2e/b", "/b"), ("/a%2fb", "/a%2Fb"), ("/a/%2e%2e%2fb", "/a/..%2Fb"),
      ("/%252e%252e/a", "/%252e%252e/a"), ("/a%20b", "/a%20b"), ("/%c3%a9", "/%C3%A9"),
      ("/a|b", "/a%7Cb"), ("/a\\..\\b", "/a%5C..%5Cb"), ("/...", "/..."), ("/a.", "/a."),
      ("/..a", "/..a"), ("/a;b=c/..;/d", "/a;b=c/..;/d"), ("/%7Ea", "/~a"), ("/%3b", "/%3B"),
      ("/a/..", "/"), ("//..", "/"), ("/./.", "/"),
    ])
  func forms(path: String, expected: String) throws {
    #expect(try Self.normal(path) == expected)
    #expect(try Self.normal(expected) == expected)
  }

  @Test(
    "What is no path is refused",
    arguments: ["", "a", "*", "http://a/b", "/%", "/%4", "/%zz", "/%00", "/a%00.html"])
  func refuses(path: String) {
    #expect(throws: HTTPProblem.self) { try Self.normal(path) }
  }

  struct Row: Sendable {
    let path: String
    let route: Route
  }

  @Test(
    "Routes match whole segments of the normal path",
    arguments: [
      Row(path: "/health", route: .health),
      Row(path: "/health/", route: .agent(from: 0, underBase: false)),
      Row(path: "/healthy", route: .agent(from: 0, underBase: false)),
      Row(path: "/base/health", route: .health), Row(path: "/agents/x/health", route: .health),
      Row(path: "/agents/y/health", route: .otherAgent),
      Row(path: "/agents/y/z/health", route: .agent(from: 0, underBase: false)),
      Row(path: "/base", route: .agent(from: 5, underBase: true)),
      Row(path: "/base/", route: .agent(from: 5, underBase: true)),
      Row(path: "/basement", route: .agent(from: 0, underBase: false)),
      Row(path: "/base/api/x", route: .agent(from: 5, underBase: true)),
      Row(path: "/base/livez", route: .agent(from: 5, underBase: true)),
      Row(path: "/base/meta", route: .meta),
      Row(path: "/meta", route: .agent(from: 0, underBase: false)),
      Row(path: "/base/ui", route: .uiRedirect), Row(path: "/base/ui/", route: .uiFile(from: 9)),
      Row(path: "/base/ui/a/b.js", route: .uiFile(from: 9)),
      Row(path: "/base/uix", route: .agent(from: 5, underBase: true)),
      Row(path: "/base/ui-config.json", route: .uiConfig),
      Row(path: "/base/a2a/health", route: .surfaceHealth(.a2a)),
      Row(path: "/ui/health", route: .surfaceHealth(.ui)),
      Row(path: "/ui/x", route: .agent(from: 0, underBase: false)),
      Row(path: "/base/ui/health", route: .surfaceHealth(.ui)),
    ])
  func routes(row: Row) {
    let router = Router(DataPlaneOptions(agentAppID: "x", basePath: "/base"))
    #expect(router.route(Array(row.path.utf8), port: .rest, hasUI: true) == row.route)
  }

  @Test("An empty base path serves both at the root")
  func rootBase() {
    let router = Router(DataPlaneOptions(agentAppID: "x", basePath: ""))
    func route(_ path: String, hasUI: Bool = true) -> Route {
      router.route(Array(path.utf8), port: .rest, hasUI: hasUI)
    }
    #expect(route("/health") == .health)
    #expect(route("/meta") == .meta)
    #expect(route("/ui/a.js") == .uiFile(from: 4))
    #expect(route("/ui/a.js", hasUI: false) == .agent(from: 0, underBase: true))
    #expect(route("/x") == .agent(from: 0, underBase: true))
    #expect(route("/agents/y/health") == .otherAgent)
  }
}
