import Testing

@testable import DataPlane

@Suite("An HTTP/2 request written as HTTP/1.1")
struct RewrittenRequestTests {
  /// A header block as text, `name=value` each.
  struct Block: Sendable, CustomTestStringConvertible {
    var fields: [(name: String, value: String)]
    var hasBody = false
    var testDescription: String { fields.map { "\($0.name)=\($0.value)" }.joined(separator: " ") }

    init(_ fields: KeyValuePairs<String, String>, hasBody: Bool = false) {
      self.fields = fields.map { ($0.key, $0.value) }
      self.hasBody = hasBody
    }

    /// A GET of `/` that has these fields too.
    static func get(_ fields: KeyValuePairs<String, String>) -> Block {
      var block = Block([":method": "GET", ":scheme": "http", ":path": "/", ":authority": "a.b"])
      block.fields += fields.map { ($0.key, $0.value) }
      return block
    }
  }

  private func write(
    _ block: Block
  ) throws -> (text: String, framing: RewrittenRequest.Framing) {
    // Kept by the buffer while the fields point into it.
    let bytes = ByteBuffer(capacity: 4096)
    var ends: [(Int, Int)] = []
    for (name, value) in block.fields {
      bytes.append(text: name)
      let middle = bytes.end
      bytes.append(text: value)
      ends.append((middle, bytes.end))
    }
    var start = 0
    let fields = ends.map { middle, end in
      defer { start = end }
      return HeaderField(
        name: UnsafeRawBufferPointer(rebasing: bytes.readable[start..<middle]),
        value: UnsafeRawBufferPointer(rebasing: bytes.readable[middle..<end]))
    }
    let out = ByteBuffer(capacity: 64)
    let framing = try RewrittenRequest.write(fields, hasBody: block.hasBody, into: out)
    return (String(decoding: out.readable, as: UTF8.self), framing)
  }

  @Test("The pseudo-fields become the request line and Host, and the connection is for one request")
  func request() throws {
    let (text, framing) = try write(
      Block([
        ":method": "GET", ":scheme": "https", ":authority": "example.org:8080",
        ":path": "/a?b=c%20d", "accept": "*/*", "x-empty": "",
      ]))
    #expect(
      text == "GET /a?b=c%20d HTTP/1.1\r\nhost: example.org:8080\r\naccept: */*\r\nx-empty: \r\n"
        + "connection: close\r\n\r\n")
    #expect(!framing.hasLength)
  }

  @Test("A body without a length is framed in chunks, one with a length is not")
  func framing() throws {
    var block = Block.get([:])
    block.hasBody = true
    #expect(try write(block).text.contains("\r\ntransfer-encoding: chunked\r\n"))
    block.fields.append(("content-length", "5"))
    let (text, framing) = try write(block)
    #expect(!text.contains("transfer-encoding"))
    #expect(text.contains("\r\ncontent-length: 5\r\n"))
    #expect(framing.hasLength)
  }

  @Test("Cookie crumbs become one field again")
  func cookies() throws {
    let text = try write(.get(["cookie": "a=b", "x": "y", "cookie": "c=d", "cookie": "e"])).text
    #expect(text.contains("\r\nx: y\r\ncookie: a=b; c=d; e\r\n"))
    #expect(text.components(of: "cookie").count == 2)
  }

  @Test("Without :authority, Host is the host; with both the same, one is written")
  func host() throws {
    let block = Block([":method": "GET", ":scheme": "http", ":path": "/", "host": "a.b"])
    #expect(try write(block).text.contains("\r\nhost: a.b\r\n"))
    let both = try write(.get(["host": "A.b"])).text
    #expect(both.components(of: "host").count == 2)
  }

  @Test("TE: trailers is of this hop; OPTIONS * and CONNECT are the reader's to answer")
  func special() throws {
    #expect(!(try write(.get(["te": "trailers"])).text.contains("te:")))
    let server = Block([":method": "OPTIONS", ":scheme": "http", ":path": "*", ":authority": "a"])
    #expect(try write(server).text.hasPrefix("OPTIONS * HTTP/1.1\r\n"))
    let tunnel = Block([":method": "CONNECT", ":authority": "a:443"])
    #expect(try write(tunnel).text.hasPrefix("CONNECT a:443 HTTP/1.1\r\n"))
  }

  private static let malformed: [(Block, RewrittenRequest.Malformed)] = [
    (Block([":scheme": "http", ":path": "/", ":authority": "a"]), .pseudoField),
    (Block([":method": "GET", ":path": "/", ":authority": "a"]), .pseudoField),
    (Block([":method": "GET", ":scheme": "", ":path": "/", ":authority": "a"]), .pseudoField),
    (Block([":method": "GET", ":scheme": "http", ":authority": "a"]), .pseudoField),
    (Block([":method": "", ":scheme": "http", ":path": "/"]), .pseudoField),
    (Block([":method": "G T", ":scheme": "http", ":path": "/"]), .pseudoField),
    (Block([":method": "CONNECT", ":authority": "a b"]), .pseudoField),
    (.get([":method": "GET"]), .pseudoField),
    (.get([":status": "200"]), .pseudoField),
    (.get([":protocol": "websocket"]), .pseudoField),
    (.get(["x": "y", ":path": "/"]), .pseudoField),
    (Block([":method": "GET", ":scheme": "http", ":path": ""]), .target),
    (Block([":method": "GET", ":scheme": "http", ":path": "*"]), .target),
    (Block([":method": "GET", ":scheme": "http", ":path": "a"]), .target),
    (Block([":method": "GET", ":scheme": "http", ":path": "http://a/"]), .target),
    (Block([":method": "GET", ":scheme": "http", ":path": "/ HTTP/1.1\r\nx: y"]), .target),
    (Block([":method": "GET", ":scheme": "http", ":path": "/a b"]), .target),
    (
      Block([":method": "GET", ":scheme": "http", ":path": "/", ":authority": "a\r\nx: y"]),
      .pseudoField
    ),
    (.get(["connection": "close"]), .connectionField),
    (.get(["keep-alive": "1"]), .connectionField),
    (.get(["proxy-connection": "close"]), .connectionField),
    (.get(["transfer-encoding": "chunked"]), .connectionField),
    (.get(["upgrade": "h2c"]), .connectionField),
    (.get(["te": "gzip"]), .connectionField),
    (.get(["X-Upper": "y"]), .fieldName),
    (.get(["": "y"]), .fieldName),
    (.get(["a b": "y"]), .fieldName),
    (.get(["a:": "y"]), .fieldName),
    (.get(["x": "a\r\nb: c"]), .fieldValue),
    (.get(["x": "a\nb"]), .fieldValue),
    (.get(["x": "a\0b"]), .fieldValue),
    (.get(["x": " a"]), .fieldValue),
    (.get(["x": "a\t"]), .fieldValue),
    (.get(["host": "c.d"]), .host),
  ]

  @Test("What is malformed by HTTP/2's own rules is refused", arguments: malformed)
  func refused(_ block: Block, _ reason: RewrittenRequest.Malformed) {
    #expect(throws: reason) { try write(block) }
  }
}

extension String {
  /// Split at each occurrence.
  fileprivate func components(of part: String) -> [Substring] {
    split(separator: part, omittingEmptySubsequences: false)
  }
}
