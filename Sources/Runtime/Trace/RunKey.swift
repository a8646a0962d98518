/// A run's id as a key: ours are 32 hexadecimal digits and become two words; others stay text.
struct RunKey: Hashable, Sendable {
  private let high: UInt64
  private let low: UInt64
  private let text: String

  init(_ runID: String) {
    var words: (UInt64, UInt64) = (0, 0)
    var count = 0
    for byte in runID.utf8 {
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
      default:
        count = -1
        digit = 0
      }
      if count < 0 || count == 32 {
        count = -1
        break
      }
      words = (words.0 << 4 | words.1 >> 60, words.1 << 4 | UInt64(digit))
      count += 1
    }
    let isOurs = count == 32
    high = isOurs ? words.0 : 0
    low = isOurs ? words.1 : 0
    text = isOurs ? "" : runID
  }

  static func == (left: RunKey, right: RunKey) -> Bool {
    // Code by code: Swift takes canonically equivalent strings as equal.
    left.low == right.low && left.high == right.high
      && left.text.utf8.elementsEqual(right.text.utf8)
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(low ^ high)
    if !text.isEmpty { for byte in text.utf8 { hasher.combine(byte) } }
  }
}
