/// The grammar of JSON's strings and numbers (RFC 8259, sections 6 and 7), over bytes.
///
/// Each function begins at a position and leaves it behind what it read.
enum JSONScan {
  /// Where the text between the quotation marks is; it is well-formed UTF-8 and its escapes are good.
  struct StringBody {
    var start: Int
    var end: Int
    var hasEscapes: Bool

    var range: Range<Int> { start..<end }
  }

  enum Number {
    case integer(Int64)
    /// One with a fraction, an exponent, or too large for an `Int64`.
    case decimal(Range<Int>)
  }

  @inline(__always)
  static func skipBlanks(_ bytes: Span<UInt8>, _ position: inout Int) {
    while let byte = bytes.byte(at: position), byte <= 0x20,
      byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
    {
      position += 1
    }
  }

  /// A word of `count` bytes; `head`: those as a number.
  @inline(__always)
  static func word(
    _ word: StaticString, _ head: UInt64, _ count: Int, _ bytes: Span<UInt8>,
    _ position: inout Int
  ) throws(JSONError) {
    guard bytes.word(at: position).first(count) == head else {
      throw badWord(word, bytes, position)
    }
    position += count
  }

  @inline(never)
  private static func badWord(
    _ word: StaticString, _ bytes: Span<UInt8>, _ start: Int
  ) -> JSONError {
    var position = start
    for byte in word.description.utf8 {
      guard let found = bytes.byte(at: position) else {
        return JSONError(problem: .unexpectedEnd, offset: position)
      }
      guard found == byte else { break }
      position += 1
    }
    return JSONError(problem: .unexpectedByte, offset: position)
  }

  @inline(__always)
  static func null(_ bytes: Span<UInt8>, _ position: inout Int) throws(JSONError) {
    try word("null", 0x6C6C_756E, 4, bytes, &position)
  }

  @inline(__always)
  static func yes(_ bytes: Span<UInt8>, _ position: inout Int) throws(JSONError) {
    try word("true", 0x6575_7274, 4, bytes, &position)
  }

  @inline(__always)
  static func no(_ bytes: Span<UInt8>, _ position: inout Int) throws(JSONError) {
    try word("false", 0x65_736C_6166, 5, bytes, &position)
  }

  /// After an element: a comma goes on, the closing bracket ends.
  @inline(__always)
  static func continues(
    _ bytes: Span<UInt8>, _ position: inout Int, until closing: UInt8
  ) throws(JSONError) -> Bool {
    skipBlanks(bytes, &position)
    guard let byte = bytes.byte(at: position) else {
      throw JSONError(problem: .unexpectedEnd, offset: position)
    }
    guard byte == UInt8(ascii: ",") || byte == closing else {
      throw JSONError(problem: .unexpectedByte, offset: position)
    }
    position += 1
    return byte != closing
  }

  /// Begins at the opening quotation mark, ends behind the closing one.
  @inline(__always)
  static func string(
    _ bytes: Span<UInt8>, _ position: inout Int
  ) throws(JSONError) -> StringBody {
    let start = position + 1
    var place = start
    var high: UInt64 = 0
    passPlain(bytes, &place, &high)
    if high & UInt64.highBits == 0, bytes.byte(at: place) == 0x22 {
      position = place + 1
      return StringBody(start: start, end: place, hasEscapes: false)
    }
    return try unusualString(bytes, &position, from: start, to: place, high)
  }

  /// Goes on to the next byte of a string that is not plain; `high` gets the bits of those passed.
  @inline(__always)
  private static func passPlain(_ bytes: Span<UInt8>, _ place: inout Int, _ high: inout UInt64) {
    while true {
      let word = bytes.word(at: place)
      let marks = word.stringMarks
      guard marks != 0 else {
        high |= word
        place += 8
        continue
      }
      let count = marks.firstMark
      high |= word.first(count)
      place += count
      return
    }
  }

  /// A string with escapes, or with characters beyond ASCII, or a bad one. It is read up to `place`;
  /// `bytesBefore` has the high bits of what was read.
  @inline(never)
  private static func unusualString(
    _ bytes: Span<UInt8>, _ position: inout Int, from start: Int, to place: Int,
    _ bytesBefore: UInt64
  ) throws(JSONError) -> StringBody {
    var place = place
    var hasEscapes = false
    var high = bytesBefore
    scan: while true {
      passPlain(bytes, &place, &high)
      switch bytes.byte(at: place) {
      case nil: throw JSONError(problem: .unexpectedEnd, offset: bytes.count)
      case UInt8(ascii: "\""): break scan
      case UInt8(ascii: "\\"):
        hasEscapes = true
        switch bytes.byte(at: place + 1) {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "n"), UInt8(ascii: "t"):
          place += 2
        default: _ = try escape(bytes, &place)
        }
      case .some: throw JSONError(problem: .badString, offset: place)
      }
    }
    if high & UInt64.highBits != 0 { try checkUTF8(bytes, from: start, to: place) }
    position = place + 1
    return StringBody(start: start, end: place, hasEscapes: hasEscapes)
  }

  private static func checkUTF8(
    _ bytes: Span<UInt8>, from start: Int, to end: Int
  ) throws(JSONError) {
    var first = start
    while first + 8 <= end, bytes.word(at: first) & UInt64.highBits == 0 { first += 8 }
    do { _ = try UTF8Span(validating: bytes.extracting(first..<end)) } catch {
      throw JSONError(problem: .badString, offset: first + error.byteOffsets.lowerBound)
    }
  }

  /// The character of an escape, which begins at its `\`.
  private static func escape(
    _ bytes: Span<UInt8>, _ position: inout Int
  ) throws(JSONError) -> Unicode.Scalar {
    let start = position
    guard let byte = bytes.byte(at: position + 1) else {
      throw JSONError(problem: .unexpectedEnd, offset: bytes.count)
    }
    position += 2
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      var code = try hexadecimal(bytes, &position)
      if (0xD800..<0xDC00).contains(code) {
        for expected in [UInt8(ascii: "\\"), UInt8(ascii: "u")] {
          guard let byte = bytes.byte(at: position) else {
            throw JSONError(problem: .unexpectedEnd, offset: bytes.count)
          }
          guard byte == expected else { throw JSONError(problem: .badString, offset: start) }
          position += 1
        }
        let low = try hexadecimal(bytes, &position)
        guard (0xDC00..<0xE000).contains(low) else {
          throw JSONError(problem: .badString, offset: start)
        }
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else {
        throw JSONError(problem: .badString, offset: start)
      }
      return scalar
    default: throw JSONError(problem: .badString, offset: start)
    }
  }

  private static func hexadecimal(
    _ bytes: Span<UInt8>, _ position: inout Int
  ) throws(JSONError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = bytes.byte(at: position) else {
        throw JSONError(problem: .unexpectedEnd, offset: bytes.count)
      }
      let digit: UInt8
      switch byte {
      case 0x30...0x39: digit = byte - 0x30
      case 0x41...0x46: digit = byte - 0x41 + 10
      case 0x61...0x66: digit = byte - 0x61 + 10
      default: throw JSONError(problem: .badString, offset: position)
      }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }

  /// Adds the text of a string's body, its escapes replaced by what they stand for, to `text`. Begins
  /// inside the string and ends at its closing quotation mark; false when there is none, or at a bad
  /// escape. That the text is UTF-8 is not checked.
  static func unescape(
    _ bytes: Span<UInt8>, _ position: inout Int, into text: inout [UInt8]
  ) -> Bool {
    guard position < bytes.count else { return false }
    // No escape stands for more bytes than it has.
    var isClosed = false
    text.append(addingCapacity: bytes.count - position) { output in
      while let byte = bytes.byte(at: position) {
        if byte == UInt8(ascii: "\\") {
          guard let scalar = try? escape(bytes, &position) else { return }
          if scalar.isASCII {
            output.append(UInt8(truncatingIfNeeded: scalar.value))
          } else {
            for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter {
              output.append(byte)
            }
          }
        } else {
          isClosed = byte == UInt8(ascii: "\"")
          if isClosed { return }
          output.append(byte)
          position += 1
        }
      }
    }
    return isClosed
  }

  /// The text of a string's body.
  static func text(_ bytes: Span<UInt8>, _ body: StringBody) -> String {
    if body.hasEscapes {
      var unescaped: [UInt8] = []
      var position = body.start
      _ = unescape(bytes, &position, into: &unescaped)
      return String(decoding: unescaped, as: UTF8.self)
    }
    guard let text = try? UTF8Span(validating: bytes.extracting(body.range)) else { return "" }
    return String(copying: text)
  }

  private static let powers: InlineArray<8, Int64> = [
    1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000,
  ]

  /// Begins at the minus sign or the first digit.
  @inline(__always)
  static func number(_ bytes: Span<UInt8>, _ position: inout Int) throws(JSONError) -> Number {
    let start = position
    let isNegative = bytes.byte(at: start) == UInt8(ascii: "-")
    let first = isNegative ? start + 1 : start
    var place = first
    var value: Int64 = 0
    var digits = 0
    while true {
      let word = bytes.word(at: place)
      let marks = word.otherThanDigitMarks
      guard marks == 0 else {
        let count = marks.firstMark
        guard count > 0 else { break }
        value = value &* powers[count] &+ (word << UInt64((8 - count) * 8)).eightDigits
        digits += count
        place += count
        break
      }
      value = value &* 100_000_000 &+ word.eightDigits
      digits += 8
      place += 8
    }
    if digits >= 1, digits <= 18, digits == 1 || bytes.byte(at: first) != 0x30 {
      switch bytes.byte(at: place) {
      case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): break
      default:
        position = place
        return .integer(isNegative ? -value : value)
      }
    }
    return try unusualNumber(bytes, &position, firstDigit: first, digitsEnd: place)
  }

  /// One with more than 18 digits, a fraction or an exponent, or a bad one.
  @inline(never)
  private static func unusualNumber(
    _ bytes: Span<UInt8>, _ position: inout Int, firstDigit: Int, digitsEnd: Int
  ) throws(JSONError) -> Number {
    let start = position
    func bad(_ place: Int) -> JSONError { JSONError(problem: .badNumber, offset: place) }
    var place = digitsEnd
    guard place > firstDigit else {
      throw start == firstDigit
        ? JSONError(problem: .unexpectedByte, offset: start) : bad(firstDigit)
    }
    if bytes.byte(at: firstDigit) == 0x30, place > firstDigit + 1 { throw bad(firstDigit + 1) }
    var isWhole = true
    func skipDigits() throws(JSONError) {
      let first = place
      while let byte = bytes.byte(at: place), byte &- 0x30 < 10 { place += 1 }
      if place == first { throw bad(place) }
    }
    if bytes.byte(at: place) == UInt8(ascii: ".") {
      isWhole = false
      place += 1
      try skipDigits()
    }
    var hasExponent = false
    if let byte = bytes.byte(at: place), byte | 0x20 == UInt8(ascii: "e") {
      (isWhole, hasExponent) = (false, true)
      place += 1
      if let sign = bytes.byte(at: place), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") {
        place += 1
      }
      try skipDigits()
    }
    let range = start..<place
    if isWhole, range.count <= 20,
      let whole = Int64(text(bytes, StringBody(start: start, end: place, hasEscapes: false)))
    {
      position = place
      return .integer(whole)
    }
    // Only these can be beyond what a Double holds.
    if hasExponent || range.count > 300, decimal(bytes, range) == nil { throw bad(start) }
    position = place
    return .decimal(range)
  }

  /// The value of a number; nil when it is beyond what a `Double` holds.
  static func decimal(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Double? {
    // Digits and a power of ten that a Double holds exactly have an exact quotient but for one
    // rounding, which is the right one.
    var (mantissa, scale, isPlain): (Int64, Int, Bool) = (0, 0, range.count <= 16)
    var isFraction = false
    if isPlain {
      for position in range {
        switch bytes[position] {
        case UInt8(ascii: "-"): break
        case UInt8(ascii: "."): isFraction = true
        case 0x30...0x39:
          mantissa = mantissa * 10 + Int64(bytes[position] - 0x30)
          if isFraction { scale += 1 }
        default: isPlain = false
        }
        guard isPlain else { break }
      }
    }
    if isPlain, mantissa < 1 << 53 {
      var divisor: Double = 1
      for _ in 0..<scale { divisor *= 10 }
      let value = Double(mantissa) / divisor
      return bytes[range.lowerBound] == UInt8(ascii: "-") ? -value : value
    }
    let body = StringBody(start: range.lowerBound, end: range.upperBound, hasEscapes: false)
    guard let value = Double(text(bytes, body)), value.isFinite else { return nil }
    return value
  }
}
