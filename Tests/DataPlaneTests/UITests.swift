import Glibc
import Lifecycle
import Testing

@testable import DataPlane

@Suite("UI files")
struct UITests {
  private func server(uiListener: Bool = false) throws -> TestServer {
    let server = try TestServer(uiListener: uiListener) { _, snapshot, folder in
      folder.write("ui/index.html", "<html>home</html>")
      folder.write("ui/app.js", "let a = 1")
      folder.write("ui/app.js.br", "BROTLI")
      folder.write("ui/app.js.gz", "GZIP")
      folder.write("ui/only.css", "a {}")
      folder.write("ui/only.css.gz", "GZIPCSS")
      folder.write("ui/assets/index-BX3k9a2d.js", "hashed")
      folder.write("ui/sub/index.html", "<html>sub</html>")
      folder.write("ui/a b.txt", "blank")
      folder.write("ui/big.bin", [UInt8](repeating: 9, count: 3_000_000))
      folder.write("ui/empty.txt", "")
      folder.write("secret.txt", "SECRET")
      symlink("../secret.txt", folder.path + "/ui/out.txt")
      symlink(folder.path + "/secret.txt", folder.path + "/ui/absolute.txt")
      symlink("app.js", folder.path + "/ui/in.js")
      symlink("..", folder.path + "/ui/up")
      mkfifo(folder.path + "/ui/pipe.txt", 0o644)
      mkdir(folder.path + "/ui/folder.d", 0o755)
      snapshot.uiFolder = folder.path + "/ui"
      snapshot.surfaces = [SurfaceState(name: "ui", ready: true)]
    }
    return server
  }

  @Test(
    "Files are found, missing assets are 404, other paths are the index",
    arguments: [
      ("", 200, "<html>home</html>", "text/html; charset=utf-8", "no-cache"),
      ("index.html", 200, "<html>home</html>", "text/html; charset=utf-8", "no-cache"),
      ("app.js", 200, "let a = 1", "text/javascript; charset=utf-8", "no-cache"),
      (
        "assets/index-BX3k9a2d.js", 200, "hashed", "text/javascript; charset=utf-8",
        "public, max-age=31536000, immutable"
      ),
      ("some/page", 200, "<html>home</html>", "text/html; charset=utf-8", "no-cache"),
      ("assets", 200, "<html>home</html>", "text/html; charset=utf-8", "no-cache"),
      ("sub/", 200, "<html>sub</html>", "text/html; charset=utf-8", "no-cache"),
      ("a%20b.txt", 200, "blank", "text/plain; charset=utf-8", "no-cache"),
      ("in.js", 200, "let a = 1", "text/javascript; charset=utf-8", "no-cache"),
      ("empty.txt", 200, "", "text/plain; charset=utf-8", "no-cache"),
      ("missing.js", 404, nil, "application/json", nil),
      ("folder.d", 404, nil, "application/json", nil),
      ("pipe.txt", 404, nil, "application/json", nil),
    ] as [(String, Int, String?, String, String?)])
  func files(name: String, status: Int, text: String?, type: String, cache: String?) throws {
    let server = try server()
    defer { server.stop() }
    let response = try #require(server.client().get("/agents/x/ui/" + name))
    #expect(response.status == status)
    if let text { #expect(response.text == text) }
    #expect(response["Content-Type"] == type)
    #expect(response["Cache-Control"] == cache)
    #expect((response["ETag"] != nil) == (status == 200))
  }

  @Test(
    "Nothing outside the folder is read, whatever the encoding",
    arguments: [
      "../secret.txt", "%2e%2e/secret.txt", "%2e%2e%2fsecret.txt", "..%2fsecret.txt",
      "..%5csecret.txt", "..\\secret.txt", "%252e%252e%252fsecret.txt", "out.txt", "absolute.txt",
      "up/secret.txt", "sub/../../secret.txt", "sub/%2e%2e/%2e%2e/secret.txt", "/secret.txt",
      "//secret.txt", ".%2e/secret.txt", "%c0%ae%c0%ae/secret.txt", "%00/secret.txt",
      "....//secret.txt", "..;/secret.txt", "/etc/passwd.txt", "%2fetc%2fpasswd",
      "file:///etc/passwd",
      "%u002e%u002e/secret.txt", "~/secret.txt", "sub/..%00/secret.txt", "secret.txt%00.js",
    ])
  func traversal(name: String) throws {
    let server = try server()
    defer { server.stop() }
    server.agent(always: "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    let response = try #require(server.client().get("/agents/x/ui/" + name))
    #expect(!response.text.contains("SECRET") && !response.text.contains("root:"))
    #expect(
      response.status == 404 || response.status == 400 || response.text == "<html>home</html>")
  }

  @Test("A page that is known is not sent again")
  func conditional() throws {
    let server = try server()
    defer { server.stop() }
    let client = server.client()
    let first = try #require(client.get("/agents/x/ui/app.js"))
    let (tag, modified) = (try #require(first["ETag"]), try #require(first["Last-Modified"]))
    for field in [
      "If-None-Match: \(tag)", "If-None-Match: \"x\", W/\(tag)", "If-None-Match: *",
      "If-Modified-Since: \(modified)",
    ] {
      let again = try #require(client.get("/agents/x/ui/app.js", field + "\r\n"))
      #expect(again.status == 304)
      #expect(again["ETag"] == tag && again["Cache-Control"] == "no-cache")
    }
    #expect(
      client.get(
        "/agents/x/ui/app.js", "If-None-Match: \"x\"\r\nIf-Modified-Since: \(modified)\r\n")?.status
        == 200)
  }

  @Test(
    "Packed files are sent to those who accept them",
    arguments: [
      ("app.js", "br, gzip", "br", "BROTLI"), ("app.js", "gzip", "gzip", "GZIP"),
      ("app.js", "br;q=0, gzip;q=0.5", "gzip", "GZIP"), ("app.js", "br;q=0.0", nil, "let a = 1"),
      ("app.js", "deflate", nil, "let a = 1"), ("only.css", "br, gzip", "gzip", "GZIPCSS"),
      ("app.js", "brx", nil, "let a = 1"), ("app.js", "*", nil, "let a = 1"),
    ] as [(String, String, String?, String)])
  func packed(name: String, accept: String, coding: String?, text: String) throws {
    let server = try server()
    defer { server.stop() }
    let client = server.client()
    let plain = try #require(client.get("/agents/x/ui/" + name))
    let response = try #require(
      client.get("/agents/x/ui/" + name, "Accept-Encoding: \(accept)\r\n"))
    #expect(response.text == text)
    #expect(response["Content-Encoding"] == coding)
    #expect(response["Content-Type"] == plain["Content-Type"])
    #expect(response["Vary"] == "Accept-Encoding")
    #expect((response["ETag"] == plain["ETag"]) == (coding == nil))
  }

  @Test(
    "Single ranges are served",
    arguments: [
      ("bytes=0-2", 206, "let", "bytes 0-2/9"), ("bytes=4-", 206, "a = 1", "bytes 4-8/9"),
      ("bytes=-1", 206, "1", "bytes 8-8/9"), ("bytes=-99", 206, "let a = 1", "bytes 0-8/9"),
      ("bytes=8-99", 206, "1", "bytes 8-8/9"), ("bytes=9-", 416, nil, "bytes */9"),
      ("bytes=-0", 416, nil, "bytes */9"), ("bytes=3-2", 200, "let a = 1", nil),
      ("bytes=0-1,3-4", 200, "let a = 1", nil), ("items=0-1", 200, "let a = 1", nil),
      ("bytes=a-b", 200, "let a = 1", nil), ("bytes=-", 200, "let a = 1", nil),
    ] as [(String, Int, String?, String?)])
  func ranges(range: String, status: Int, text: String?, content: String?) throws {
    let server = try server()
    defer { server.stop() }
    let client = server.client()
    let response = try #require(client.get("/agents/x/ui/app.js", "Range: \(range)\r\n"))
    #expect(response.status == status)
    if let text { #expect(response.text == text) }
    #expect(response["Content-Range"] == content)
    let changed = try #require(
      client.get("/agents/x/ui/app.js", "Range: \(range)\r\nIf-Range: \"old\"\r\n"))
    #expect(changed.status == 200 && changed.text == "let a = 1")
  }

  @Test("Large files are sent whole, and their parts")
  func large() throws {
    let server = try server()
    defer { server.stop() }
    let client = server.client()
    for _ in 0..<3 {
      let response = try #require(client.get("/agents/x/ui/big.bin"))
      #expect(response.body.count == 3_000_000 && response.isComplete)
    }
    #expect(
      client.get("/agents/x/ui/big.bin", "Range: bytes=1000000-1999999\r\n")?.body.count
        == 1_000_000)
    client.send("HEAD /agents/x/ui/big.bin HTTP/1.1\r\nHost: a\r\n\r\n")
    let head = try #require(client.response(toHEAD: true))
    #expect(head["Content-Length"] == "3000000")
    #expect(client.get("/livez")?.status == 200)
    #expect(eventually { server.plane.completed == 5 })
    #expect(eventually { server.plane.inFlight == 0 })
  }

  @Test("The folder redirects and the page learns where its API is")
  func configuration() throws {
    let server = try server()
    defer { server.stop() }
    let client = server.client()
    let redirect = try #require(client.get("/agents/x/ui?a=b"))
    #expect(redirect.status == 308 && redirect["Location"] == "/agents/x/ui/?a=b")
    let config = try #require(client.get("/agents/x/ui-config.json"))
    #expect(config.text == "{\"apiBase\":\"/agents/x/api\"}")
    client.send("POST /agents/x/ui/ HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
    let refused = try #require(client.response())
    #expect(refused.status == 405 && refused["Allow"] == "GET, HEAD")
  }

  @Test(
    "The UI's own port serves the UI, health and the page's API, and nothing else",
    arguments: [
      ("/", 308), ("/health", 200), ("/agents/x/health", 200), ("/agents/x/ui/", 200),
      ("/agents/x/ui", 308), ("/agents/x/ui-config.json", 200), ("/agents/x/api/a", 201),
      ("/agents/x/api", 201), ("/agents/x/apis", 404), ("/agents/x/other", 404), ("/api/a", 404),
      ("/livez", 404), ("/metrics", 404), ("/agents/x/meta", 404), ("/agents/y/health", 404),
      ("/agents/x/invoke", 404),
    ])
  func ownPort(path: String, status: Int) throws {
    let server = try server(uiListener: true)
    defer { server.stop() }
    server.agent(always: "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
    #expect(server.uiClient().get(path)?.status == status)
    if path.hasPrefix("/agents/x/ui") {
      // Not the REST port's any more: the agent's.
      #expect(server.client().get(path)?.status == 201)
    }
  }

  @Test(
    "The UI's own port has no UI to offer for a package without one",
    arguments: [
      ("/", 404), ("/agents/x/ui/", 404), ("/agents/x/ui", 404), ("/agents/x/ui-config.json", 404),
      ("/health", 200), ("/agents/x/health", 200), ("/agents/x/api/a", 201), ("/livez", 404),
    ])
  func ownPortWithoutUI(path: String, status: Int) throws {
    let server = try TestServer(uiListener: true)
    defer { server.stop() }
    server.agent(always: "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
    #expect(server.uiClient().get(path)?.status == status)
    // What it is for is not known before the manifest is.
    server.publish(gate: .booting)
    #expect(server.uiClient().get(path)?.status == (path == "/livez" ? 404 : 503))
  }

  @Test(
    "Only names that cannot be words count as made from the content",
    arguments: [
      ("index-BX3k9a2d.js", true), ("main.3f2a9c1b.js", true),
      ("chunk.0123456789abcdef0123.css", true),
      ("assets/logo-a1b2c3d4.svg", true), ("bootstrap.bundle.min.js", false),
      ("jquery-ui-datepicker.js", false),
      ("component-UserList.js", false), ("report-20240101.html", false), ("app.js", false),
      ("index.html", false),
      ("page-version2.js", false),
    ])
  func hashed(name: String, expected: Bool) { #expect(ContentType.isHashed(name) == expected) }
}
