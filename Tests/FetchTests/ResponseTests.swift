import Lifecycle
import Testing

@testable import PackageFetch

@Suite("What a response says")
struct ResponseTests {
  @Test(
    "Content-Range is read strictly",
    arguments: [
      ("bytes 0-0/1", [0, 0, 1]), ("bytes 100-199/200", [100, 199, 200]),
      ("Bytes 5-9/*", [5, 9, nil]), ("bytes 5-9/9", nil), ("bytes 9-5/20", nil),
      ("bytes */20", nil), ("bytes 5-9", nil), ("items 5-9/20", nil), ("bytes 5-9/20/30", nil),
      ("bytes -5-9/20", nil), ("bytes +5-9/20", nil), ("bytes  5-9/20", nil), ("bytes 5-/20", nil),
      ("bytes 5-9/", nil), ("bytes 5-99999999999999999999/*", nil), ("", nil),
    ] as [(String, [Int64?]?)])
  func contentRange(text: String, expected: [Int64?]?) {
    let range = ContentRange(text)
    #expect(range.map { [$0.first, $0.last, $0.total] } == expected)
  }

  @Test(
    "an entity tag is strong, weak or none",
    arguments: [
      ("\"a\"", true), ("\"\"", true), ("W/\"a\"", false), ("a", nil), ("\"a", nil), ("\"", nil),
      ("w/\"a\"", nil), ("\"a b\"", nil), ("\"a\"b\"", nil), ("\"a\r\nX: y\"", nil), ("", nil),
      (String(repeating: "\"", count: 1) + String(repeating: "a", count: 1024) + "\"", nil),
    ] as [(String, Bool?)])
  func entityTags(text: String, isStrong: Bool?) {
    #expect(EntityTag(text)?.isStrong == isStrong)
  }

  @Test(
    "Retry-After is a number of seconds or a date",
    arguments: [
      ("0", 0), ("120", 120), ("999999999999999999999", 1_000_000_000), ("-1", nil), ("1.5", nil),
      ("", nil), ("Sun, 06 Nov 1994 08:49:47 GMT", 10), ("Sun, 06 Nov 1994 08:49:36 GMT", 0),
      ("Sun, 06 Nov 1994 08:49:47 UTC", nil), ("Sun, 31 Feb 1994 08:49:47 GMT", nil),
      ("Sunday, 06-Nov-94 08:49:37 GMT", nil), ("soon", nil),
    ] as [(String, Double?)])
  func retryAfter(text: String, expected: Double?) {
    // Sun, 06 Nov 1994 08:49:37 GMT
    let now: Int64 = 784_111_777 * 1_000_000_000
    #expect(RetryAfter.parse(text, now: now)?.seconds == expected)
  }

  private static func taken(_ head: inout ResponseHead, _ line: String, _ limit: Int) -> Bool {
    head.take(Array(line.utf8), limit: limit)
  }

  @Test("the last head counts: informational ones come before it")
  func heads() {
    var head = ResponseHead()
    for line in [
      "HTTP/1.1 103 Early\r\n", "Link: x\r\n", "\r\n", "HTTP/1.1 200 OK\r\n",
      "ETag:  \"a\" \r\n", "X-A: 1\r\n", "x-a: 2\r\n", "Content-Length: 12\r\n", "Empty:\r\n",
      "\r\n",
    ] {
      let taken = Self.taken(&head, line, 1000)
      #expect(taken)
    }
    #expect(head.status == 200)
    #expect(head["etag"] == "\"a\"")
    #expect(head["x-a"] == "1, 2")
    #expect(head["link"] == nil)
    #expect(head["empty"] == "")
    #expect(head.contentLength == 12)
  }

  @Test("a head is complete with its empty line, and not before")
  func completeness() {
    var head = ResponseHead()
    let complete = ["HTTP/1.1 103 Early\r\n", "\r\n", "HTTP/1.1 200 OK\r\n", "A: 1\r\n", "\r\n"].map
    {
      _ = Self.taken(&head, $0, 1000)
      return head.isComplete
    }
    #expect(complete == [false, true, false, false, true])
  }

  @Test("a head has an end")
  func headLimit() {
    var head = ResponseHead()
    let taken = ["HTTP/1.1 200 OK\r\n", "A: 1\r\n", "B: 23456789\r\n"].map {
      Self.taken(&head, $0, 30)
    }
    #expect(taken == [true, true, false])
  }

  @Test(
    "a length that is no plain number is none",
    arguments: ["", "-1", "+1", "1, 1", "0x10", "99999999999999999999"])
  func badLength(text: String) {
    var head = ResponseHead()
    _ = head.take(Array("Content-Length: \(text)\r\n".utf8), limit: 1000)
    #expect(head.contentLength == nil)
  }

  @Test(
    "what can pass is tried again, and nothing else",
    arguments: 300...599)
  func statuses(status: Int) {
    let passes = status >= 500 || [408, 425, 429].contains(status)
    var head = ResponseHead()
    _ = head.take(Array("HTTP/1.1 \(status) X\r\n".utf8), limit: 1000)
    let failure = TransferFailure(head: head, host: "host")
    #expect(failure.kind == (passes ? .passing : .final))
    #expect(failure.sentence.hasPrefix("HTTP \(status) from host"))
  }
}

@Suite("URLs")
struct URLTests {
  @Test(
    "a URL presigned anew has the same key",
    arguments: [
      ("https://h/a", "https://h/a"), ("https://h/a#f", "https://h/a"),
      ("https://h/a?X-Amz-Signature=1&X-Amz-Date=2", "https://h/a"),
      ("https://h/a?v=1&X-Amz-Signature=1&w=2", "https://h/a?v=1&w=2"),
      ("https://h/a?x-amz-signature=1&v=1#f?g", "https://h/a?v=1"),
      ("https://h/a?", "https://h/a?"), ("https://h/a?v=X-Amz-", "https://h/a?v=X-Amz-"),
    ])
  func cacheKeys(url: String, key: String) { #expect(HTTPSOrigin.cacheKey(of: url) == key) }

  @Test(
    "a Location is resolved against the URL it came from (RFC 3986 section 5.4)",
    arguments: [
      ("/c", "https://h.example/c"), ("c", "https://h.example/a/c"),
      ("../c", "https://h.example/c"), ("?x=1", "https://h.example/a/b?x=1"),
      ("//other.example/c", "https://other.example/c"),
      ("HTTPS://Other.Example:443/c#f", "https://other.example:443/c"),
      ("http://other.example", "http://other.example/"),
      ("https://user:pass@other.example/", "https://other.example/"),
      ("https://user:pass@h.example/", "https://u:p@h.example/"),
      ("https://h.example:444/", "https://h.example:444/"), ("https://", nil), ("", nil),
    ] as [(String, String?)])
  func redirects(location: String, expected: String?) throws {
    try LibCurl.open()
    let url = try #require(TargetURL("https://u:p@h.example/a/b?q"))
    let next = url.redirected(to: location)
    guard let expected else {
      #expect(next == nil || location.isEmpty)
      return
    }
    let whole = try #require(next)
    // libcurl keeps the letters of a host as they are; what is compared is lower case.
    let text = whole.text.lowercased()
    let plain = expected.replacingUserInfo(with: whole.hasSameOrigin(as: url) ? "u:p@" : "")
    #expect(text == plain)
  }

  @Test("an address is the same however it is written")
  func addresses() throws {
    try LibCurl.open()
    for text in ["https://2130706433/", "https://0x7f.1/", "https://127.0.0.1/"] {
      #expect(TargetURL(text)?.host == "127.0.0.1")
    }
    #expect(TargetURL("https://[::1]:8443/a")?.authority == "[::1]:8443")
    #expect(TargetURL("https://h:443/")?.authority == "h")
    #expect(TargetURL("no url") == nil)
  }
}

extension String {
  fileprivate func replacingUserInfo(with userInfo: String) -> String {
    let bare = contains("u:p@") ? split(separator: "u:p@").joined() : self
    guard bare.hasPrefix("https://"), !userInfo.isEmpty else { return bare }
    return "https://" + userInfo + bare.dropFirst(8)
  }
}
