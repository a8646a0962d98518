import Glibc

/// Writes the head of a request as the agent gets it: anew, field by field, never copied whole.
enum ForwardedHead {
  /// - Parameters:
  ///   - path: the agent's path, in normal form.
  ///   - query: with its question mark, or empty; as the client wrote it.
  ///   - prefix: what was taken off the path's front; empty: nothing.
  /// - Returns: the trace that the request belongs to.
  static func write(
    _ request: RequestHead, _ head: UnsafeRawBufferPointer, path: UnsafeRawBufferPointer,
    query: UnsafeRawBufferPointer, prefix: String, peer: ClientConnection.Peer,
    requestID: [UInt8], identifiers: inout Identifiers, into out: ByteBuffer
  ) -> TraceID {
    out.append(UnsafeRawBufferPointer(rebasing: head[request.methodRange]))
    out.append(" ")
    if path.isEmpty { out.append("/") } else { out.append(path) }
    write(query: query, into: out)
    out.append(" HTTP/1.1\r\n")
    let lines = request.lines
    var host: UnsafeRawBufferPointer?
    var (proto, forwardedHost, forwardedPrefix) = (false, false, false)
    let received = lines.single(.traceparent, head).flatMap(TraceParent.read)
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
        guard received != nil else { continue }
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
      case .other where request.method == .options:
        if let left = MaxForwards.left(field, head), left > 0 {
          out.append("Max-Forwards: ")
          out.append(decimal: left - 1)
          out.append("\r\n")
          continue
        }
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
    if request.asksForWebSocket { out.append(Self.webSocket) }
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
    let trace: TraceID
    if let received {
      trace = received
    } else {
      out.append("traceparent: ")
      trace = TraceParent.start(&identifiers, into: out)
      out.append("\r\n")
    }
    out.append("\r\n")
    return trace
  }

  /// The fields of a hop that becomes a WebSocket's, either direction.
  static let webSocket: StaticString = "Connection: Upgrade\r\nUpgrade: websocket\r\n"

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
    if !peer.text.isEmpty, !peer.isSupervisor {
      out.append(isFirst ? "X-Forwarded-For: " : ", ")
      out.append(peer.text)
      isFirst = false
    }
    if !isFirst { out.append("\r\n") }
  }
}
