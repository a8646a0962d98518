/// The fields that mean something to this program.
enum FieldName: UInt8 {
  case other
  case host, connection, contentLength, transferEncoding, expect, te, upgrade, keepAlive
  case proxyConnection, proxyAuthorization, proxyAuthenticate, trailer, http2Settings
  case forwarded, forwardedFor, forwardedProto, forwardedHost, forwardedPrefix, forwardedOther
  case requestID, traceparent, tracestate
  case acceptEncoding, ifNoneMatch, ifModifiedSince, ifRange, range
  case contentType, date, serverTiming
  /// A name that goes no further, whoever sent it: the slot's, which only this program writes, and one
  /// that frames a message or is written here, spelled with underscores.
  case lookalike

  /// Fields of one hop (RFC 9110 section 7.6.1, and those that older software sends): never
  /// forwarded. `TE` and `Trailer` say what this hop can do; trailers are passed regardless. A
  /// lookalike goes no further either: to WSGI and CGI an underscore is a hyphen, so that it would
  /// pass for the field that it looks like.
  var isHopByHop: Bool {
    switch self {
    case .connection, .transferEncoding, .te, .upgrade, .keepAlive, .proxyConnection,
      .proxyAuthorization, .proxyAuthenticate, .http2Settings, .trailer, .lookalike:
      true
    case .other, .host, .contentLength, .expect, .forwarded, .forwardedFor, .forwardedProto,
      .forwardedHost, .forwardedPrefix, .forwardedOther, .requestID, .traceparent, .tracestate,
      .acceptEncoding, .ifNoneMatch, .ifModifiedSince, .ifRange, .range, .contentType, .date,
      .serverTiming:
      false
    }
  }

  /// - Parameter name: valid token bytes, any case.
  static func of(_ name: UnsafeRawBufferPointer) -> FieldName {
    switch name.count {
    case 2: if matches(name, "te") { return .te }
    case 4:
      if matches(name, "host") { return .host }
      if matches(name, "date") { return .date }
    case 5: if matches(name, "range") { return .range }
    case 6: if matches(name, "expect") { return .expect }
    case 7:
      if matches(name, "upgrade") { return .upgrade }
      if matches(name, "trailer") { return .trailer }
    case 8: if matches(name, "if-range") { return .ifRange }
    case 9: if matches(name, "forwarded") { return .forwarded }
    case 10:
      if matches(name, "connection") { return .connection }
      if matches(name, "keep-alive") { return .keepAlive }
      if matches(name, "tracestate") { return .tracestate }
      if matches(name, "x-par-slot") { return .lookalike }
    case 11: if matches(name, "traceparent") { return .traceparent }
    case 12:
      if matches(name, "content-type") { return .contentType }
      if matches(name, "x-request-id") { return .requestID }
    case 13:
      if matches(name, "if-none-match") { return .ifNoneMatch }
      if matches(name, "server-timing") { return .serverTiming }
    case 14:
      if matches(name, "content-length") { return .contentLength }
      if matches(name, "http2-settings") { return .http2Settings }
    case 15: if matches(name, "accept-encoding") { return .acceptEncoding }
    case 16: if matches(name, "proxy-connection") { return .proxyConnection }
    case 17:
      if matches(name, "transfer-encoding") { return .transferEncoding }
      if matches(name, "if-modified-since") { return .ifModifiedSince }
    case 18: if matches(name, "proxy-authenticate") { return .proxyAuthenticate }
    case 19: if matches(name, "proxy-authorization") { return .proxyAuthorization }
    default: break
    }
    if name.contains(Byte.underscore) { return isLookalike(name) ? .lookalike : .other }
    guard starts(name, "x-forwarded") else { return .other }
    switch name.count {
    case 15: if matches(name, "x-forwarded-for") { return .forwardedFor }
    case 16: if matches(name, "x-forwarded-host") { return .forwardedHost }
    case 17: if matches(name, "x-forwarded-proto") { return .forwardedProto }
    case 18: if matches(name, "x-forwarded-prefix") { return .forwardedPrefix }
    default: break
    }
    return .forwardedOther
  }

  private static func isLookalike(_ name: UnsafeRawBufferPointer) -> Bool {
    withUnsafeTemporaryAllocation(byteCount: name.count, alignment: 1) { spelled in
      for index in 0..<name.count {
        spelled[index] = name[index] == Byte.underscore ? Byte.hyphen : name[index]
      }
      let name = UnsafeRawBufferPointer(spelled)
      return matches(name, "content-length") || matches(name, "transfer-encoding")
        || matches(name, "x-request-id") || matches(name, "x-par-slot")
        || starts(name, "x-forwarded")
    }
  }

  private static func starts(_ name: UnsafeRawBufferPointer, _ lower: StaticString) -> Bool {
    name.count >= lower.utf8CodeUnitCount
      && matches(UnsafeRawBufferPointer(rebasing: name[..<lower.utf8CodeUnitCount]), lower)
  }

  /// `lower` is lower case letters, digits and hyphens.
  @inline(__always)
  static func matches(_ name: UnsafeRawBufferPointer, _ lower: StaticString) -> Bool {
    guard name.count == lower.utf8CodeUnitCount else { return false }
    let expected = lower.utf8Start
    for index in 0..<name.count where name[index] | 0x20 != expected[index] { return false }
    return true
  }
}

/// One field line of a head, as offsets from the head's first byte.
struct Field {
  let name: FieldName
  let nameStart: Int32
  let nameEnd: Int32
  let valueStart: Int32
  let valueEnd: Int32

  @inline(__always)
  func nameBytes(_ head: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: head[Int(nameStart)..<Int(nameEnd)])
  }
  @inline(__always)
  func valueBytes(_ head: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: head[Int(valueStart)..<Int(valueEnd)])
  }
}

/// How a message's body is delimited (RFC 9112 section 6.3).
enum BodyFraming: Equatable {
  case none
  case length(Int64)
  case chunked
  /// Responses only: everything until the connection ends.
  case untilClose
}
