/// The head of an HTTP/2 request written as one of HTTP/1.1, so that it passes the same strict reader
/// as any other.
///
/// Refused here is what makes a request malformed by HTTP/2's own rules (RFC 9113 sections 8.2 and
/// 8.3) and could not be seen in what is written; all else is the reader's to refuse.
enum RewrittenRequest {
  /// Why the request is malformed (RFC 9113 section 8.1.1): its stream is reset.
  enum Malformed: Error, Equatable {
    case pseudoField, fieldName, fieldValue, connectionField, target, host
  }

  /// What the connection cannot see in the head.
  struct Framing: Equatable {
    /// The body's length is declared.
    var hasLength = false
  }

  /// Field lines that are added to those of the client: Host, the framing, the connection's end.
  static let ownLines = 3

  private struct Pseudo {
    var method: UnsafeRawBufferPointer?
    var path: UnsafeRawBufferPointer?
    var scheme: UnsafeRawBufferPointer?
    var authority: UnsafeRawBufferPointer?
  }

  /// - Parameters:
  ///   - fields: the block in its order, pseudo-fields first.
  ///   - hasBody: the block did not end the stream.
  static func write(
    _ fields: some Collection<HeaderField>, hasBody: Bool, into out: ByteBuffer
  ) throws(Malformed) -> Framing {
    var framing = Framing()
    var (host, hasCookie): (UnsafeRawBufferPointer?, Bool) = (nil, false)
    let pseudo = try collect(fields)
    try writeRequestLine(pseudo, into: out)
    if let authority = pseudo.authority { line("host", authority, out) }
    for field in fields where field.name.first != Byte.colon {
      try check(field)
      switch FieldName.of(field.name) {
      case .connection, .transferEncoding, .upgrade, .keepAlive, .proxyConnection:
        throw .connectionField
      case .te:
        guard FieldName.matches(field.value, "trailers") else { throw .connectionField }
        continue
      case .host:
        // Who asks for two hosts gets neither (section 8.3.1).
        if let other = host ?? pseudo.authority, !isSameHost(other, field.value) { throw .host }
        if host == nil, pseudo.authority == nil { line("host", field.value, out) }
        host = field.value
        continue
      case .contentLength: framing.hasLength = true
      case .other:
        // Written below, as one (section 8.2.3).
        if FieldName.matches(field.name, "cookie") {
          hasCookie = true
          continue
        }
      case .expect, .proxyAuthorization, .proxyAuthenticate, .trailer, .http2Settings, .forwarded,
        .forwardedFor, .forwardedProto, .forwardedHost, .forwardedPrefix, .forwardedOther,
        .requestID, .traceparent, .tracestate, .acceptEncoding, .ifNoneMatch, .ifModifiedSince,
        .ifRange, .range, .contentType, .date, .serverTiming, .lookalike:
        break
      }
      out.append(field.name)
      out.append(": ")
      out.append(field.value)
      out.append("\r\n")
    }
    if hasCookie { writeCookies(fields, into: out) }
    if hasBody, !framing.hasLength { out.append("transfer-encoding: chunked\r\n") }
    // One stream, one exchange.
    out.append("connection: close\r\n\r\n")
    return framing
  }

  /// Each at most once, before all other fields, and none that is unknown.
  private static func collect(
    _ fields: some Collection<HeaderField>
  ) throws(Malformed) -> Pseudo {
    var pseudo = Pseudo()
    var isOver = false
    for field in fields {
      guard field.name.first == Byte.colon else {
        isOver = true
        continue
      }
      guard !isOver else { throw .pseudoField }
      if equals(field.name, ":method") {
        try set(&pseudo.method, field.value)
      } else if equals(field.name, ":path") {
        try set(&pseudo.path, field.value)
      } else if equals(field.name, ":scheme") {
        try set(&pseudo.scheme, field.value)
      } else if equals(field.name, ":authority") {
        try set(&pseudo.authority, field.value)
      } else {
        throw .pseudoField
      }
    }
    return pseudo
  }

  private static func set(
    _ slot: inout UnsafeRawBufferPointer?, _ value: UnsafeRawBufferPointer
  ) throws(Malformed) {
    guard slot == nil else { throw .pseudoField }
    slot = value
  }

  private static func equals(_ name: UnsafeRawBufferPointer, _ expected: StaticString) -> Bool {
    name.count == expected.utf8CodeUnitCount
      && name.indices.allSatisfy { name[$0] == expected.utf8Start[$0] }
  }

  private static func writeRequestLine(
    _ pseudo: Pseudo, into out: ByteBuffer
  ) throws(Malformed) {
    guard let method = pseudo.method, !method.isEmpty,
      method.allSatisfy({ ByteSet.token.contains($0) })
    else { throw .pseudoField }
    out.append(method)
    out.append(" ")
    if Method(method) == .connect, pseudo.path == nil, pseudo.scheme == nil {
      guard let authority = pseudo.authority, isVisible(authority) else { throw .pseudoField }
      out.append(authority)
    } else {
      guard let path = pseudo.path, pseudo.scheme?.isEmpty == false else { throw .pseudoField }
      let isServer = Method(method) == .options && path.elementsEqual([Byte.asterisk])
      // A whole URL would be something else to the reader of HTTP/1.1.
      guard path.first == Byte.slash || isServer, isVisible(path) else { throw .target }
      out.append(path)
    }
    out.append(" HTTP/1.1\r\n")
    if let authority = pseudo.authority, !authority.allSatisfy({ mayStandInValue($0) }) {
      throw .pseudoField
    }
  }

  private static func isSameHost(
    _ one: UnsafeRawBufferPointer, _ other: UnsafeRawBufferPointer
  ) -> Bool {
    one.count == other.count
      && zip(one, other).allSatisfy { Byte.lowercase($0) == Byte.lowercase($1) }
  }

  /// Nothing that could end a request line.
  private static func isVisible(_ bytes: UnsafeRawBufferPointer) -> Bool {
    !bytes.isEmpty && bytes.allSatisfy { $0 > 0x20 && $0 != 0x7F }
  }

  /// Section 8.2.1: names in lower case, values that cannot be taken for something else.
  private static func check(_ field: HeaderField) throws(Malformed) {
    guard !field.name.isEmpty,
      field.name.allSatisfy({ ByteSet.token.contains($0) && $0 &- 0x41 >= 26 })
    else { throw .fieldName }
    guard field.value.allSatisfy({ mayStandInValue($0) }), !isBlank(field.value.first),
      !isBlank(field.value.last)
    else { throw .fieldValue }
  }

  @inline(__always)
  private static func mayStandInValue(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte != 0x7F || byte == Byte.tab
  }

  private static func isBlank(_ byte: UInt8?) -> Bool {
    byte == Byte.space || byte == Byte.tab
  }

  private static func writeCookies(
    _ fields: some Collection<HeaderField>, into out: ByteBuffer
  ) {
    var isFirst = true
    for field in fields where FieldName.matches(field.name, "cookie") {
      out.append(isFirst ? "cookie: " : "; ")
      out.append(field.value)
      isFirst = false
    }
    out.append("\r\n")
  }

  private static func line(
    _ name: StaticString, _ value: UnsafeRawBufferPointer, _ out: ByteBuffer
  ) {
    out.append(name)
    out.append(": ")
    out.append(value)
    out.append("\r\n")
  }
}
