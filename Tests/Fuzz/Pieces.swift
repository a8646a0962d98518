import Glibc

@testable import DataPlane

/// What libFuzzer made: a number that says where the bytes are split, and the bytes.
struct Pieces {
  let bytes: [UInt8]
  private var state: UInt64

  /// - Returns: nil when there is not even the number.
  init?(_ start: UnsafePointer<UInt8>?, _ count: Int) {
    guard let start, count > 1 else { return nil }
    let input = UnsafeBufferPointer(start: start, count: count)
    // The last byte, so that a corpus is the bytes themselves to whoever looks at it.
    state = UInt64(input[count - 1])
    bytes = Array(input.dropLast())
  }

  /// The size of the next piece.
  mutating func next() -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    switch state >> 60 {
    case 0..<6: return 1
    case 6..<10: return Int(state >> 40 & 7) + 1
    case 10..<14: return Int(state >> 40 & 63) + 1
    default: return Int(state >> 40 & 8191) + 1
    }
  }
}

/// Ends the process, and with it libFuzzer's run, which keeps the input.
func fail(_ text: String) -> Never {
  print("INVARIANT: \(text)")
  fflush(nil)
  abort()
}

extension Array where Element == UInt8 {
  /// As text for a person.
  var shown: String { String(decoding: self.prefix(400), as: UTF8.self).debugDescription }
}

/// Runs over a copy of exactly this size, so that the address sanitizer sees a byte read beyond it.
func exactly<Result>(
  _ bytes: ArraySlice<UInt8>, _ body: (UnsafeRawBufferPointer) throws -> Result
) rethrows -> Result {
  let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes.count, 1), alignment: 1)
  defer { copy.deallocate() }
  bytes.withUnsafeBytes { copy.copyMemory(from: $0) }
  return try body(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(copy)[..<bytes.count]))
}
