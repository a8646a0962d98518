/// The value of a `grpc-timeout` field: one to eight digits and a unit ("gRPC over HTTP2", Timeout).
enum GRPCTimeout {
  /// - Returns: nanoseconds; nil when it is malformed. 99,999,999 hours still fit.
  static func nanoseconds(_ value: UnsafeRawBufferPointer) -> Int64? {
    guard (2...9).contains(value.count) else { return nil }
    var number: Int64 = 0
    for byte in value.dropLast() {
      guard Byte.isDigit(byte) else { return nil }
      number = number * 10 + Int64(byte &- 0x30)
    }
    let unit: Int64
    switch value[value.count - 1] {
    case UInt8(ascii: "H"): unit = 3_600_000_000_000
    case UInt8(ascii: "M"): unit = 60_000_000_000
    case UInt8(ascii: "S"): unit = 1_000_000_000
    case UInt8(ascii: "m"): unit = 1_000_000
    case UInt8(ascii: "u"): unit = 1000
    case UInt8(ascii: "n"): unit = 1
    default: return nil
    }
    let (product, overflow) = number.multipliedReportingOverflow(by: unit)
    // Beyond this machine's clock is for ever.
    return overflow ? Int64.max / 2 : min(product, Int64.max / 2)
  }
}
