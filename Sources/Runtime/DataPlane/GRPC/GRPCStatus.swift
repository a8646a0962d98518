/// Status codes of gRPC ("Status codes and their use in gRPC").
enum GRPCStatus: Int, CaseIterable {
  case ok, cancelled, unknown, invalidArgument, deadlineExceeded, notFound, alreadyExists
  case permissionDenied, resourceExhausted, failedPrecondition, aborted, outOfRange
  case unimplemented, internalError, unavailable, dataLoss, unauthenticated

  /// As it stands in `/metrics`.
  var name: StaticString {
    switch self {
    case .ok: "OK"
    case .cancelled: "CANCELLED"
    case .unknown: "UNKNOWN"
    case .invalidArgument: "INVALID_ARGUMENT"
    case .deadlineExceeded: "DEADLINE_EXCEEDED"
    case .notFound: "NOT_FOUND"
    case .alreadyExists: "ALREADY_EXISTS"
    case .permissionDenied: "PERMISSION_DENIED"
    case .resourceExhausted: "RESOURCE_EXHAUSTED"
    case .failedPrecondition: "FAILED_PRECONDITION"
    case .aborted: "ABORTED"
    case .outOfRange: "OUT_OF_RANGE"
    case .unimplemented: "UNIMPLEMENTED"
    case .internalError: "INTERNAL"
    case .unavailable: "UNAVAILABLE"
    case .dataLoss: "DATA_LOSS"
    case .unauthenticated: "UNAUTHENTICATED"
    }
  }

  /// The value of a `grpc-status` field; anything that is no known code is UNKNOWN.
  init(_ value: UnsafeRawBufferPointer) {
    guard (1...2).contains(value.count), value.allSatisfy({ Byte.isDigit($0) }) else {
      self = .unknown
      return
    }
    self = GRPCStatus(rawValue: value.reduce(0) { $0 * 10 + Int($1 &- 0x30) }) ?? .unknown
  }

  /// What a stream's end without a status means, by the error code of RFC 9113 section 7
  /// ("gRPC over HTTP2", HTTP2 Transport Mapping, Errors).
  init(http2 code: UInt32) {
    self =
      switch code {
      case HTTP2Code.refusedStream: .unavailable
      case HTTP2Code.cancel: .cancelled
      case HTTP2Code.enhanceYourCalm: .resourceExhausted
      default: .internalError
      }
  }
}

/// The value of a `grpc-message` field: what is no printable ASCII, and the percent sign, as `%XX`.
enum GRPCMessage {
  static func encode(_ text: String) -> [UInt8] {
    var encoded: [UInt8] = []
    for byte in text.utf8 {
      if (0x20...0x7E).contains(byte), byte != Byte.percent {
        encoded.append(byte)
      } else {
        encoded += [Byte.percent, Byte.upperDigit(byte >> 4), Byte.upperDigit(byte & 15)]
      }
    }
    return encoded
  }
}
