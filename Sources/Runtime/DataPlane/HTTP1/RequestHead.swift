/// A request's method, as far as this program treats it differently.
enum Method: UInt8 {
  case get, head, post, put, delete, options, patch, trace, connect, other

  /// May be sent again when nobody can know whether it was done (RFC 9110 section 9.2.2).
  var isIdempotent: Bool {
    switch self {
    case .get, .head, .put, .delete, .options, .trace: true
    case .post, .patch, .connect, .other: false
    }
  }

  init(_ token: UnsafeRawBufferPointer) {
    func equals(_ text: StaticString) -> Bool {
      guard token.count == text.utf8CodeUnitCount else { return false }
      for index in 0..<token.count where token[index] != text.utf8Start[index] { return false }
      return true
    }
    self =
      if equals("GET") {
        .get
      } else if equals("POST") {
        .post
      } else if equals("HEAD") {
        .head
      } else if equals("PUT") {
        .put
      } else if equals("DELETE") {
        .delete
      } else if equals("OPTIONS") {
        .options
      } else if equals("PATCH") {
        .patch
      } else if equals("TRACE") {
        .trace
      } else if equals("CONNECT") {
        .connect
      } else {
        .other
      }
  }
}

/// A request's head, parsed in place over the bytes it arrived in (RFC 9112 sections 3 and 5).
///
/// All offsets count from the head's first byte. One per loop, refilled for each request; a class, so
/// that to pass it on copies nothing.
final class RequestHead {
  static let methodBytes = 32

  private(set) var method = Method.get
  private(set) var methodRange = 0..<0
  private(set) var targetRange = 0..<0
  private(set) var isHTTP11 = true
  /// What the client wants for the connection after this exchange.
  private(set) var keepAlive = true
  private(set) var framing = BodyFraming.none
  private(set) var expectsContinue = false
  /// The connection is to become a WebSocket's, and may.
  private(set) var asksForWebSocket = false
  let lines: FieldLines

  init(limits: HTTPLimits) { lines = FieldLines(limits: limits) }

  /// - Parameter head: exactly what `HeadScanner` found.
  func parse(_ head: UnsafeRawBufferPointer) throws(HTTPProblem) {
    // The empty line that `HeadScanner` forgives; a carriage return alone is part of the method.
    var position = head[0] == Byte.carriageReturn && head[1] == Byte.lineFeed ? 2 : 0
    let methodStart = position
    while ByteSet.token.contains(head[position]) { position &+= 1 }
    guard position > methodStart, head[position] == Byte.space else {
      throw .bad("The request line does not start with a method and one blank")
    }
    guard position - methodStart <= Self.methodBytes else {
      throw HTTPProblem(status: 501, text: "No method is as long as this one")
    }
    methodRange = methodStart..<position
    method = Method(UnsafeRawBufferPointer(rebasing: head[methodRange]))
    position &+= 1
    let targetStart = position
    while head[position] > 0x20 && head[position] < 0x7F { position &+= 1 }
    guard position > targetStart, head[position] == Byte.space else {
      throw .bad("The request's target is empty or has a character that must be escaped")
    }
    targetRange = targetStart..<position
    position &+= 1
    position = try parseVersion(head, position)
    try lines.parse(head, from: position)
    let options = lines.connectionOptions(head)
    keepAlive = isHTTP11 ? !options.close : options.keepAlive && !options.close
    try checkHost(head)
    let declared = try lines.framing(head)
    if declared == .chunked, !isHTTP11 {
      throw .bad("HTTP/1.0 has no Transfer-Encoding")
    }
    framing = declared ?? .none
    if framing == .length(0) { framing = .none }
    hasLength = declared != nil
    asksForWebSocket = options.upgrade ? try mayBecomeWebSocket(head) : false
    expectsContinue = false
    guard lines.has(.expect) else { return }
    for field in lines.fields where field.name == .expect {
      guard FieldName.matches(field.valueBytes(head), "100-continue") else {
        throw HTTPProblem(status: 417, text: "Expect knows 100-continue only")
      }
      // HTTP/1.0 knows no interim response (RFC 9110 section 10.1.1).
      expectsContinue = isHTTP11 && framing != .none
    }
  }

  /// A length, zero included, or chunks were declared.
  private(set) var hasLength = false

  /// RFC 6455 section 4.1: GET, HTTP/1.1. Anything else, and another protocol, is what a server may
  /// ignore (RFC 9110 section 7.8), and this one does: the request is an ordinary one then.
  private func mayBecomeWebSocket(_ head: UnsafeRawBufferPointer) throws(HTTPProblem) -> Bool {
    guard isHTTP11, method == .get, lines.lists(.upgrade, "websocket", head) else { return false }
    // Where a body ends and the tunnel begins is what two readers could see differently.
    guard framing == .none else { throw .bad("A request for a WebSocket has a body") }
    return true
  }

  private func parseVersion(
    _ head: UnsafeRawBufferPointer, _ start: Int
  ) throws(HTTPProblem) -> Int {
    let expected: StaticString = "HTTP/"
    for index in 0..<5 where head[start + index] != expected.utf8Start[index] {
      throw .bad("The request line does not end in a version")
    }
    // The head ends in two line ends, and `start` is before the first: these bytes are there.
    let position = start + 5
    guard Byte.isDigit(head[position]), head[position + 1] == Byte.dot,
      Byte.isDigit(head[position + 2]), head[position + 3] == Byte.carriageReturn,
      position + 4 < head.count, head[position + 4] == Byte.lineFeed
    else { throw .bad("The request line does not end in a version") }
    guard head[position] == UInt8(ascii: "1"), head[position + 2] <= UInt8(ascii: "1") else {
      throw HTTPProblem(status: 505, text: "Only HTTP/1.1 and HTTP/1.0 are spoken here")
    }
    isHTTP11 = head[position + 2] == UInt8(ascii: "1")
    return position + 5
  }

  /// RFC 9112 section 3.2: exactly one Host in HTTP/1.1, and a valid one.
  private func checkHost(_ head: UnsafeRawBufferPointer) throws(HTTPProblem) {
    var count = 0
    for field in lines.fields where field.name == .host {
      count += 1
      guard Self.isAuthority(field.valueBytes(head)) else { throw .bad("Host is not valid") }
    }
    guard count <= 1 else { throw .bad("Host is there twice") }
    guard count == 1 || !isHTTP11 else { throw .bad("Host is missing") }
  }

  /// A name, address or bracketed IPv6 address, and a port; may be empty.
  private static func isAuthority(_ value: UnsafeRawBufferPointer) -> Bool {
    var position = 0
    if value.first == UInt8(ascii: "[") {
      position = 1
      while position < value.count,
        Byte.hexadecimal(value[position]) != nil || value[position] == Byte.colon
          || value[position] == Byte.dot
      {
        position &+= 1
      }
      guard position < value.count, position > 2, value[position] == UInt8(ascii: "]") else {
        return false
      }
      position &+= 1
    } else {
      while position < value.count, value[position] != Byte.colon {
        // reg-name of RFC 3986; a comma would be a list to a careless reader.
        guard ByteSet.regName.contains(value[position]) else { return false }
        position &+= 1
      }
    }
    guard position < value.count else { return true }
    guard value[position] == Byte.colon else { return false }
    return value[(position + 1)...].allSatisfy { Byte.isDigit($0) } && value.count - position <= 6
  }
}

extension Method {
  var name: StaticString {
    switch self {
    case .get: "GET"
    case .head: "HEAD"
    case .post: "POST"
    case .put: "PUT"
    case .delete: "DELETE"
    case .options: "OPTIONS"
    case .patch: "PATCH"
    case .trace: "TRACE"
    case .connect: "CONNECT"
    case .other: ""
    }
  }
}
