/// The fields of an HTTP/2 header list that mean something to this program.
enum HeaderName: UInt8 {
  case other
  case method, path, scheme, authority, status, otherPseudo
  case contentType, grpcTimeout, grpcStatus, requestID
  case agentID, deploymentID
  case forwardedFor, forwardedOther
  case traceparent, tracestate

  /// Pseudo-header fields begin with a colon (RFC 9113 section 8.3).
  var isPseudo: Bool {
    switch self {
    case .method, .path, .scheme, .authority, .status, .otherPseudo: true
    case .other, .contentType, .grpcTimeout, .grpcStatus, .requestID, .agentID, .deploymentID,
      .forwardedFor, .forwardedOther, .traceparent, .tracestate:
      false
    }
  }

  /// - Parameter name: lower case, as HTTP/2 has it.
  static func of(_ name: UnsafeRawBufferPointer) -> HeaderName {
    guard let first = name.first else { return .other }
    if first == Byte.colon {
      if equals(name, ":method") { return .method }
      if equals(name, ":path") { return .path }
      if equals(name, ":scheme") { return .scheme }
      if equals(name, ":authority") { return .authority }
      if equals(name, ":status") { return .status }
      return .otherPseudo
    }
    switch name.count {
    case 9: if equals(name, "forwarded") { return .forwardedOther }
    case 10:
      if equals(name, "tracestate") { return .tracestate }
      if equals(name, "x-agent-id") { return .agentID }
    case 11:
      if equals(name, "grpc-status") { return .grpcStatus }
      if equals(name, "traceparent") { return .traceparent }
    case 12:
      if equals(name, "content-type") { return .contentType }
      if equals(name, "grpc-timeout") { return .grpcTimeout }
      if equals(name, "x-request-id") { return .requestID }
    case 15:
      if equals(name, "x-forwarded-for") { return .forwardedFor }
      if equals(name, "x-deployment-id") { return .deploymentID }
    default: break
    }
    if first == UInt8(ascii: "x"), name.count > 11,
      equals(UnsafeRawBufferPointer(rebasing: name[..<11]), "x-forwarded")
    {
      return .forwardedOther
    }
    return .other
  }

  @inline(__always)
  static func equals(_ name: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
    guard name.count == text.utf8CodeUnitCount else { return false }
    let expected = text.utf8Start
    for index in 0..<name.count where name[index] != expected[index] { return false }
    return true
  }
}
