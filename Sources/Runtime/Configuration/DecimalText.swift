/// Numbers as the configuration accepts them: ASCII digits, and for a fraction one point with digits
/// on both sides. No sign, blank, separator, unit, exponent, infinity, other base or other script;
/// leading zeros mean nothing.
package enum DecimalText {
  /// More digits than any rule needs, and few enough that no sum or product overflows.
  static let maximumLength = 18

  package static func whole(_ text: String) -> Int64? {
    guard isDigits(text.utf8) else { return nil }
    return Int64(text)
  }

  package static func fraction(_ text: String) -> Double? {
    let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count <= 2, parts.allSatisfy(isDigits), text.utf8.count <= maximumLength else {
      return nil
    }
    return Double(text)
  }

  private static func isDigits(_ bytes: some Collection<UInt8>) -> Bool {
    (1...maximumLength).contains(bytes.count) && bytes.allSatisfy { (0x30...0x39).contains($0) }
  }

  /// A number for a sentence or a file: without `.0`.
  package static func describe(_ number: Double) -> String {
    Int64(exactly: number).map { "\($0)" } ?? "\(number)"
  }
}
