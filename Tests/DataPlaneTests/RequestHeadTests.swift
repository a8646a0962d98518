import Testing

@testable import DataPlane

/// Feeds a head to the scanner in pieces and parses it when it is complete.
func parse(
  _ text: String, pieces: [Int] = [], limits: HTTPLimits = HTTPLimits()
) throws(HTTPProblem) -> (head: RequestHead, length: Int)? {
  let bytes = Array(text.utf8)
  var scanner = HeadScanner()
  for end in pieces + [bytes.count] {
    let result: Result<(RequestHead, Int)?, HTTPProblem> = bytes[..<end].withUnsafeBytes { bytes in
      Result { () throws(HTTPProblem) in
        guard case .complete(let length) = try scanner.scan(bytes, limits: limits) else {
          return nil
        }
        let head = RequestHead(limits: limits)
        try head.parse(UnsafeRawBufferPointer(rebasing: bytes[..<length]))
        return (head, length)
      }
    }
    if let found = try result.get() { return found }
  }
  return nil
}

@Suite("Request heads")
struct RequestHeadTests {
  struct Refused: Sendable, CustomTestStringConvertible {
    let name: String
    let text: String
    var status = 400
    var testDescription: String { name }
  }

  static func fields(_ lines: String) -> String { "GET / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n" }

  static let refused: [Refused] = [
    Refused(
      name: "both lengths", text: fields("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n")),
    Refused(
      name: "both lengths, the other way",
      text: fields("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n")),
    Refused(name: "length twice", text: fields("Content-Length: 3\r\nContent-Length: 4\r\n")),
    Refused(
      name: "the same length twice", text: fields("Content-Length: 3\r\nContent-Length: 3\r\n")),
    Refused(name: "a list of lengths", text: fields("Content-Length: 3, 3\r\n")),
    Refused(name: "a signed length", text: fields("Content-Length: +3\r\n")),
    Refused(name: "a negative length", text: fields("Content-Length: -3\r\n")),
    Refused(name: "a hexadecimal length", text: fields("Content-Length: 0x3\r\n")),
    Refused(name: "an empty length", text: fields("Content-Length: \r\n")),
    Refused(name: "a length with a blank", text: fields("Content-Length: 1 2\r\n")),
    Refused(
      name: "a length that overflows", text: fields("Content-Length: 99999999999999999999\r\n")),
    Refused(name: "identity", text: fields("Transfer-Encoding: identity\r\n")),
    Refused(name: "gzip, chunked", text: fields("Transfer-Encoding: gzip, chunked\r\n")),
    Refused(name: "chunked, identity", text: fields("Transfer-Encoding: chunked, identity\r\n")),
    Refused(name: "chunked twice in one", text: fields("Transfer-Encoding: chunked, chunked\r\n")),
    Refused(
      name: "chunked twice",
      text: fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")),
    Refused(name: "xchunked", text: fields("Transfer-Encoding: xchunked\r\n")),
    Refused(name: "a quoted coding", text: fields("Transfer-Encoding: \"chunked\"\r\n")),
    Refused(
      name: "vertical tab before chunked", text: fields("Transfer-Encoding: \u{0B}chunked\r\n")),
    Refused(name: "an empty coding", text: fields("Transfer-Encoding:\r\n")),
    Refused(
      name: "chunked in HTTP/1.0", text: "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    Refused(name: "a folded line", text: fields("A: b\r\n c\r\n")),
    Refused(name: "a folded line with a tab", text: fields("A: b\r\n\tc\r\n")),
    Refused(name: "a blank before the first field", text: "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    Refused(name: "a blank before the colon", text: fields("A : b\r\n")),
    Refused(name: "a tab before the colon", text: fields("Content-Length\t: 3\r\n")),
    Refused(name: "no colon", text: fields("Abc\r\n")),
    Refused(name: "an empty name", text: fields(": b\r\n")),
    Refused(name: "a name with a bracket", text: fields("A(b): c\r\n")),
    Refused(name: "a name with obs-text", text: fields("Ä: c\r\n")),
    Refused(name: "NUL in a value", text: fields("A: b\0c\r\n")),
    Refused(name: "NUL in a name", text: fields("A\0: c\r\n")),
    Refused(name: "a bare CR in a value", text: fields("A: b\rc\r\n")),
    Refused(name: "a bare CR before the end", text: fields("A: b\r\r\n")),
    Refused(name: "DEL in a value", text: fields("A: b\u{7F}\r\n")),
    Refused(name: "a bare LF after the request line", text: "GET / HTTP/1.1\nHost: a\r\n\r\n"),
    Refused(name: "a bare LF after a field", text: "GET / HTTP/1.1\r\nHost: a\n\r\n"),
    Refused(name: "a bare LF as the end", text: "GET / HTTP/1.1\r\nHost: a\r\n\n"),
    Refused(name: "LF at first", text: "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    Refused(name: "two empty lines at first", text: "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    Refused(name: "no Host", text: "GET / HTTP/1.1\r\n\r\n"),
    Refused(name: "Host twice", text: "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
    Refused(name: "a Host with a blank", text: "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    Refused(name: "a Host with a slash", text: "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    Refused(name: "a Host with a user", text: "GET / HTTP/1.1\r\nHost: u@b\r\n\r\n"),
    Refused(name: "a list of Hosts", text: "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"),
    Refused(name: "a Host with a bad port", text: "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"),
    Refused(name: "a Host with a broken address", text: "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"),
    Refused(name: "a lower case version", text: "GET / http/1.1\r\nHost: a\r\n\r\n"),
    Refused(name: "no version", text: "GET /\r\nHost: a\r\n\r\n"),
    Refused(name: "a version with too much", text: "GET / HTTP/1.1x\r\nHost: a\r\n\r\n"),
    Refused(name: "a blank after the version", text: "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
    Refused(name: "two blanks in the request line", text: "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
    Refused(name: "a tab in the request line", text: "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    Refused(name: "a blank before the method", text: " GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    Refused(name: "a method with a bracket", text: "G(T / HTTP/1.1\r\nHost: a\r\n\r\n"),
    Refused(
      name: "a long method",
      text: String(repeating: "G", count: 33) + " / HTTP/1.1\r\nHost: a\r\n\r\n", status: 501),
    Refused(name: "obs-text in the target", text: "GET /ä HTTP/1.1\r\nHost: a\r\n\r\n"),
    Refused(name: "NUL in the target", text: "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"),
    Refused(name: "an empty target", text: "GET  HTTP/1.1\r\nHost: a\r\n\r\n"),
    Refused(name: "the preface of HTTP/2", text: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", status: 505),
    Refused(name: "HTTP/1.2", text: "GET / HTTP/1.2\r\nHost: a\r\n\r\n", status: 505),
    Refused(name: "HTTP/0.9", text: "GET / HTTP/0.9\r\nHost: a\r\n\r\n", status: 505),
    Refused(
      name: "a carriage return before the method", text: "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    Refused(name: "another expectation", text: fields("Expect: 200-ok\r\n"), status: 417),
    Refused(
      name: "a hundred and one fields",
      text: "GET / HTTP/1.1\r\n" + String(repeating: "A: b\r\n", count: 101) + "\r\n", status: 431),
    Refused(
      name: "a field without end",
      text: "GET / HTTP/1.1\r\nA: " + String(repeating: "b", count: 65536), status: 431),
    Refused(
      name: "a request line without end", text: "GET /" + String(repeating: "b", count: 65536),
      status: 414),
  ]

  @Test("What two parsers could read differently is refused", arguments: refused)
  func refuses(row: Refused) {
    let problem = #expect(throws: HTTPProblem.self) { try parse(row.text) }
    #expect(problem?.status == row.status)
  }

  static let accepted = [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /a?b=c HTTP/1.1\r\nhOsT:a\r\nContent-Length:\t12 \r\n\r\n",
    "PUT /a HTTP/1.1\r\nHost: [::1]:80\r\nTransfer-Encoding: Chunked\r\nExpect: 100-Continue\r\n\r\n",
    "M-SEARCH /%20 HTTP/1.1\r\nHost:\r\nA: b c\t\u{E9}\r\nConnection: close, x\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
  ]

  @Test("A head reads the same, wherever it is split", arguments: accepted)
  func splits(text: String) throws {
    let whole = try #require(try parse(text))
    #expect(whole.length == text.utf8.count)
    for first in 0..<text.utf8.count {
      let split = try #require(try parse(text, pieces: [first]))
      #expect(split.length == whole.length)
      #expect(split.head.method == whole.head.method)
      #expect(split.head.targetRange == whole.head.targetRange)
      #expect(split.head.keepAlive == whole.head.keepAlive)
      #expect(split.head.framing == whole.head.framing)
      #expect(split.head.lines.fields.map(\.valueEnd) == whole.head.lines.fields.map(\.valueEnd))
    }
    let bytewise = try #require(try parse(text, pieces: Array(0..<text.utf8.count)))
    #expect(bytewise.length == whole.length)
    #expect(try parse(String(text.dropLast())) == nil)
  }

  @Test(
    "A refused head is refused, wherever it is split",
    arguments: refused.filter { $0.text.utf8.count < 1000 })
  func splitsRefused(row: Refused) {
    for first in 0..<row.text.utf8.count {
      let problem = #expect(throws: HTTPProblem.self) { try parse(row.text, pieces: [first]) }
      #expect(problem?.status == row.status)
    }
  }

  @Test("Head limits count to the last allowed byte and field")
  func limits() throws {
    var limits = HTTPLimits()
    limits.headBytes = 64
    limits.fields = 2
    let two = "GET / HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\n"
    #expect(try parse(two, limits: limits) != nil)
    #expect(throws: HTTPProblem.tooManyFields) {
      try parse("GET / HTTP/1.1\r\nHost: a\r\nB: c\r\nD: e\r\n\r\n", limits: limits)
    }
    let filled = "GET / HTTP/1.1\r\nHost: a\r\nB: " + String(repeating: "c", count: 32) + "\r\n\r\n"
    #expect(filled.utf8.count == 64)
    #expect(try parse(filled, limits: limits) != nil)
    #expect(throws: HTTPProblem.headTooLarge) {
      try parse(filled.replacing("B: ", with: "B: c"), limits: limits)
    }
  }

  struct Persistence: Sendable {
    let version: String
    let connection: String
    let keepAlive: Bool
  }

  @Test(
    "The client's wish for the connection is understood",
    arguments: [
      Persistence(version: "1.1", connection: "", keepAlive: true),
      Persistence(version: "1.1", connection: "Connection: close\r\n", keepAlive: false),
      Persistence(version: "1.1", connection: "Connection: x , CLOSE\r\n", keepAlive: false),
      Persistence(version: "1.0", connection: "", keepAlive: false),
      Persistence(version: "1.0", connection: "Connection: Keep-Alive\r\n", keepAlive: true),
      Persistence(
        version: "1.0", connection: "Connection: keep-alive, close\r\n", keepAlive: false),
    ])
  func persistence(row: Persistence) throws {
    let text = "GET / HTTP/\(row.version)\r\nHost: a\r\n\(row.connection)\r\n"
    #expect(try parse(text)?.head.keepAlive == row.keepAlive)
  }
}
