import Glibc

/// Writes the head of a request as the agent gets it: anew, field by field, never copied whole.
enum ForwardedHead {
  /// - Parameters:
  ///   - path: the agent's path, in normal form.
  ///   - query: with its question mark, or empty; as the client wrote it.
  ///   - prefix: what was taken off the path's front; empty: nothing.
  static func write(
    _ request: RequestHead, _ head: UnsafeRawBufferPointer, path: UnsafeRawBufferPointer,
    query: UnsafeRawBufferPointer, prefix: String, peer: ClientConnection.Peer,
    requestID: [UInt8], identifiers: inout Identifiers, into out: ByteBuffer
  ) {
    out.append(UnsafeRawBufferPointer(rebasing: head[request.methodRange]))
    out.append(" ")
    if path.isEmpty { out.append("/") } else { out.append(path) }
    write(query: query, into: out)
    out.append(" HTTP/1.1\r\n")
    let lines = request.lines
    var host: UnsafeRawBufferPointer?
    var (proto, forwardedHost, forwardedPrefix, traceparent) = (false, false, false, false)
    var hasTrace = false
    if let trace = lines.single(.traceparent, head), isTraceparent(trace) { hasTrace = true }
    for field in lines.fields {
      if field.name.isHopByHop || lines.isNamedByConnection(field, head) { continue }
      let value = field.valueBytes(head)
      switch field.name {
      case .host:
        host = value
        line("Host: ", value, out)
        continue
      case .contentLength, .requestID, .forwardedFor: continue
      case .traceparent, .tracestate:
        guard hasTrace else { continue }
        if field.name == .traceparent { traceparent = true }
      case .forwarded, .forwardedOther:
        guard peer.isTrusted else { continue }
      case .forwardedProto:
        guard peer.isTrusted else { continue }
        proto = true
      case .forwardedHost:
        guard peer.isTrusted else { continue }
        forwardedHost = true
      case .forwardedPrefix:
        guard peer.isTrusted else { continue }
        forwardedPrefix = true
      case .expect:
        // Written below, once: a list of expectations is another one to some servers.
        continue
      case .other, .connection, .transferEncoding, .te, .upgrade, .keepAlive, .proxyConnection,
        .proxyAuthorization, .proxyAuthenticate, .trailer, .http2Settings, .acceptEncoding,
        .ifNoneMatch, .ifModifiedSince, .ifRange, .range, .contentType, .date, .serverTiming,
        .lookalike:
        break
      }
      // Name, colon, blanks and value stand together; only the blanks are ours.
      out.append(field.nameBytes(head))
      out.append(": ")
      out.append(value)
      out.append("\r\n")
    }
    if host == nil { out.append("Host: localhost\r\n") }
    switch request.framing {
    case .length(let count):
      out.append("Content-Length: ")
      out.append(decimal: count)
      out.append("\r\n")
    case .chunked: out.append("Transfer-Encoding: chunked\r\n")
    case .none: if request.hasLength { out.append("Content-Length: 0\r\n") }
    case .untilClose: break
    }
    if request.expectsContinue { out.append("Expect: 100-continue\r\n") }
    forwardedFor(lines, head, peer, out)
    if !proto { out.append("X-Forwarded-Proto: http\r\n") }
    if !forwardedHost, let host { line("X-Forwarded-Host: ", host, out) }
    if !forwardedPrefix, !prefix.isEmpty {
      out.append("X-Forwarded-Prefix: ")
      out.append(text: prefix)
      out.append("\r\n")
    }
    out.append("X-Request-ID: ")
    out.append(requestID)
    out.append("\r\n")
    if !traceparent {
      // W3C Trace Context section 3.2. Sampled, which is what a tracer does without a parent.
      out.append("traceparent: 00-")
      identifiers.append(to: out)
      identifiers.append(to: out)
      out.append("-")
      identifiers.append(to: out)
      out.append("-01\r\n")
    }
    out.append("\r\n")
  }

  /// As it is, but for three characters that no URL has (RFC 3986 section 3.4) and that browsers
  /// escape too: some servers refuse a target with one of them.
  private static func write(query: UnsafeRawBufferPointer, into out: ByteBuffer) {
    guard query.contains(where: isForbidden) else { return out.append(query) }
    for byte in query {
      if isForbidden(byte) {
        out.append(Byte.percent)
        out.append(Byte.upperDigit(byte >> 4))
        out.append(Byte.upperDigit(byte & 15))
      } else {
        out.append(byte)
      }
    }
  }

  @inline(__always)
  private static func isForbidden(_ byte: UInt8) -> Bool {
    byte == Byte.quote || byte == UInt8(ascii: "<") || byte == UInt8(ascii: ">")
  }

  private static func line(
    _ name: StaticString, _ value: UnsafeRawBufferPointer, _ out: ByteBuffer
  ) {
    out.append(name)
    out.append(value)
    out.append("\r\n")
  }

  private static func forwardedFor(
    _ lines: FieldLines, _ head: UnsafeRawBufferPointer, _ peer: ClientConnection.Peer,
    _ out: ByteBuffer
  ) {
    var isFirst = true
    if peer.isTrusted {
      for field in lines.fields where field.name == .forwardedFor {
        out.append(isFirst ? "X-Forwarded-For: " : ", ")
        out.append(field.valueBytes(head))
        isFirst = false
      }
    }
    if !peer.text.isEmpty {
      out.append(isFirst ? "X-Forwarded-For: " : ", ")
      out.append(peer.text)
      isFirst = false
    }
    if !isFirst { out.append("\r\n") }
  }

  /// `00-{32 hex}-{16 hex}-{2 hex}`, lower case, no id all zero; later versions may be longer.
  static func isTraceparent(_ value: UnsafeRawBufferPointer) -> Bool {
    guard value.count >= 55, value[2] == 0x2D, value[35] == 0x2D, value[52] == 0x2D else {
      return false
    }
    func isHexadecimal(_ range: Range<Int>) -> Bool {
      range.allSatisfy { Byte.isDigit(value[$0]) || value[$0] &- 0x61 < 6 }
    }
    guard isHexadecimal(0..<2), isHexadecimal(3..<35), isHexadecimal(36..<52),
      isHexadecimal(53..<55)
    else { return false }
    if value[0] == 0x66, value[1] == 0x66 { return false }
    if value[0] == 0x30, value[1] == 0x30, value.count != 55 { return false }
    if value.count > 55, value[55] != 0x2D { return false }
    return (3..<35).contains { value[$0] != 0x30 } && (36..<52).contains { value[$0] != 0x30 }
  }
}
