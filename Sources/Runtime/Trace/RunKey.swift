/// A run's id as a key: one of 32 bytes, as ours are, is its bytes in four words; others stay text.
struct RunKey: Hashable, Sendable {
  private static let bytes = 32

  private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
  private var text = ""

  init(_ runID: String) {
    guard runID.utf8.count == Self.bytes else {
      text = runID
      return
    }
    var runID = runID
    words = runID.withUTF8 {
      let bytes = UnsafeRawBufferPointer($0)
      return (
        bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
        bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
        bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self),
        bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
      )
    }
  }

  /// A number below a power of two, which is soon at hand.
  func place(in count: Int) -> Int { Int(truncatingIfNeeded: words.0 ^ words.3) & (count - 1) }

  static func == (left: RunKey, right: RunKey) -> Bool {
    // Code by code: Swift takes canonically equivalent strings as equal.
    left.words == right.words
      && (left.text.isEmpty && right.text.isEmpty
        || left.text.utf8.elementsEqual(right.text.utf8))
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(words.0)
    hasher.combine(words.1)
    hasher.combine(words.2)
    hasher.combine(words.3)
    if !text.isEmpty { for byte in text.utf8 { hasher.combine(byte) } }
  }
}
