import Glibc

/// The few protobuf messages that are answered here, by hand (protobuf.dev, Encoding).
enum HealthMessages {
  /// `grpc.health.v1.HealthCheckResponse.ServingStatus`.
  enum ServingStatus: UInt8 {
    case serving = 1
    case notServing = 2
    case serviceUnknown = 3
  }

  /// The names of `grpc.health.v1` that are known here: the server as a whole, and its service.
  static let services = ["", "pixell.agent.AgentService"]

  /// A `HealthCheckResponse` as a gRPC message: not compressed, length, field 1.
  static func checkResponse(_ status: ServingStatus) -> [UInt8] {
    framed([0x08, status.rawValue])
  }

  /// A `pixell.agent.HealthStatus` as a gRPC message: 1 ok, 2 message, 3 timestamp in ms. Fields
  /// that have their default value are left out.
  static func healthStatus(ok: Bool, message: String, timestamp: Int64) -> [UInt8] {
    var body: [UInt8] = []
    if ok { body += [0x08, 1] }
    let text = Array(message.utf8)
    if !text.isEmpty {
      body.append(0x12)
      append(varint: UInt64(text.count), to: &body)
      body += text
    }
    if timestamp != 0 {
      body.append(0x18)
      append(varint: UInt64(bitPattern: timestamp), to: &body)
    }
    return framed(body)
  }

  private static func framed(_ body: [UInt8]) -> [UInt8] {
    let count = UInt32(body.count)
    return [0] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: count >> $0) } + body
  }

  private static func append(varint number: UInt64, to bytes: inout [UInt8]) {
    var rest = number
    while rest > 0x7F {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  /// The `service` (field 1) of a `HealthCheckRequest`; nil when the message is malformed. Other
  /// fields are skipped, the last value of a repeated one counts.
  static func service(_ message: ArraySlice<UInt8>) -> String? {
    var rest = message
    var service = ""
    while !rest.isEmpty {
      guard let tag = varint(&rest), tag >> 3 != 0, tag >> 3 < 1 << 29 else { return nil }
      switch tag & 7 {
      case 0: guard varint(&rest) != nil else { return nil }
      case 1:
        guard rest.count >= 8 else { return nil }
        rest = rest.dropFirst(8)
      case 2:
        guard let count = varint(&rest), count <= UInt64(rest.count) else { return nil }
        let value = rest.prefix(Int(count))
        rest = rest.dropFirst(Int(count))
        if tag >> 3 == 1 {
          guard let text = String(validating: value, as: UTF8.self) else { return nil }
          service = text
        }
      case 5:
        guard rest.count >= 4 else { return nil }
        rest = rest.dropFirst(4)
      default: return nil
      }
    }
    return service
  }

  private static func varint(_ bytes: inout ArraySlice<UInt8>) -> UInt64? {
    var number: UInt64 = 0
    var shift: UInt64 = 0
    while let byte = bytes.popFirst() {
      // The tenth byte has one bit.
      guard shift < 63 || shift == 63 && byte < 2 else { return nil }
      number |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return number }
      shift += 7
    }
    return nil
  }
}
