/// The field `traceparent` (W3C Trace Context, level 2, section 3.2).
enum TraceParent {
  /// `00-{trace id}-{parent id}-{flags}`; later versions may be longer.
  static let bytes = 55
  private static let traceID = 3..<35
  private static let parentID = 36..<52

  /// - Parameter value: of the only field of that name: several are like none (a trace begins anew).
  /// - Returns: nil when it is not valid, and its `tracestate` then means nothing either.
  static func read(_ value: UnsafeRawBufferPointer) -> TraceID? {
    guard value.count >= bytes, value[2] == 0x2D, value[35] == 0x2D, value[52] == 0x2D else {
      return nil
    }
    func isHexadecimal(_ range: Range<Int>) -> Bool {
      range.allSatisfy { Byte.isDigit(value[$0]) || value[$0] &- 0x61 < 6 }
    }
    guard isHexadecimal(0..<2), isHexadecimal(traceID), isHexadecimal(parentID),
      isHexadecimal(53..<55)
    else { return nil }
    if value[0] == 0x66, value[1] == 0x66 { return nil }
    if value[0] == 0x30, value[1] == 0x30, value.count != bytes { return nil }
    if value.count > bytes, value[bytes] != 0x2D { return nil }
    guard traceID.contains(where: { value[$0] != 0x30 }),
      parentID.contains(where: { value[$0] != 0x30 })
    else { return nil }
    return TraceID(value, at: traceID.lowerBound)
  }

  /// Begins a trace: sampled, which is what a tracer does without a parent, and random.
  static func start(_ identifiers: inout Identifiers, into out: ByteBuffer) -> TraceID {
    out.append("00-")
    let start = out.count
    identifiers.append(to: out)
    identifiers.append(to: out, mayBeZero: true)
    let trace = TraceID(out.readable, at: start)
    out.append("-")
    identifiers.append(to: out)
    out.append("-03")
    return trace
  }
}

/// The 32 lower case hexadecimal digits that name a trace, or nothing. By value: it is kept for each
/// request, and looked at for the few that the log tells of.
struct TraceID: Equatable {
  private var digits: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

  init() {}

  fileprivate init(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
    func word(_ index: Int) -> UInt64 {
      bytes.loadUnaligned(fromByteOffset: offset + index * 8, as: UInt64.self)
    }
    digits = (word(0), word(1), word(2), word(3))
  }

  static func == (one: TraceID, other: TraceID) -> Bool { one.digits == other.digits }

  /// Nil when there is none.
  var text: String? {
    guard digits.0 != 0 else { return nil }
    return withUnsafeBytes(of: digits) { String(decoding: $0, as: UTF8.self) }
  }
}
