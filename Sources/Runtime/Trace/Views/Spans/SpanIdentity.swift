/// Ids of traces and spans that are the same each time a log is read, so that a collector that is given
/// a log twice has its spans once.
struct SpanIdentity {
  /// 32 lower-case hex digits, not all 0.
  let trace: String
  private let runID: String

  /// A run id that looks like a trace id is one.
  init(runID: String) {
    self.runID = runID
    let digits = Array(runID.utf8)
    let isTrace =
      digits.count == 32 && digits.contains { $0 != UInt8(ascii: "0") }
      && digits.allSatisfy {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
          || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
      }
    trace =
      isTrace
      ? runID : Self.hexadecimal(Self.hash("trace", runID)) + Self.hexadecimal(Self.hash(runID))
  }

  /// 16 hex digits, not all 0, of the span that `kind` and `number` name within the run.
  func span(_ kind: String, _ number: Int64 = 0) -> String {
    Self.hexadecimal(Self.hash(runID, kind, String(number)))
  }

  /// FNV-1a of 64 bits over the parts and a mark after each; never 0.
  private static func hash(_ parts: String...) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for part in parts {
      for byte in part.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
      hash = (hash ^ 0xFF) &* 0x100_0000_01b3
    }
    return hash == 0 ? 1 : hash
  }

  private static func hexadecimal(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
