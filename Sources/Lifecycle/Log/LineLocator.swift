/// Finds a line of ours in a line of some file: bare, behind a prefix (`aws logs tail`, journald, docker,
/// kubectl), or inside a string of another JSON text (`journalctl -o json`, docker's files, `aws logs
/// --output json`, FireLens).
public struct LineLocator: Sendable {
  public enum Finding: Equatable, Sendable {
    /// Ours, there in the line.
    case plain(Range<Int>)
    /// Ours, in `unescaped`.
    case escaped
    /// It begins as a line of ours does, there, and is not one.
    case unfinished(from: Int)
    case foreign
  }

  /// How many JSON texts a line can be inside of, each in a string of the next.
  public static let depthLimit = 3

  /// The first and the last eight bytes of `{"timestamp":"`.
  private static let markHead: UInt64 = 0x7473_656D_6974_227B
  private static let markTail: UInt64 = 0x223A_2270_6D61_7473

  /// The line that was found inside another JSON text; good until the next one is looked for.
  public private(set) var unescaped: [UInt8] = []

  public init() {}

  /// Looks at a whole line, with or without its line feed.
  public mutating func locate(_ bytes: Span<UInt8>) -> Finding {
    if Self.beginning(bytes, at: 0) == 0 { return Self.plain(bytes, from: 0) }
    var position = 0
    while let brace = bytes.first(UInt8(ascii: "{"), from: position) {
      if let depth = Self.beginning(bytes, at: brace) {
        if depth == 0 { return Self.plain(bytes, from: brace) }
        return unescape(bytes, from: brace, depth)
      }
      position = brace + 1
    }
    return listed(bytes)
  }

  /// How many strings deep a line of ours begins there: `{"timestamp":"`, with a backslash before each
  /// quotation mark when it is in a string, three when in a string in a string.
  @inline(__always)
  private static func beginning(_ bytes: Span<UInt8>, at brace: Int) -> Int? {
    if bytes.word(at: brace) == markHead, bytes.word(at: brace + 6) == markTail { return 0 }
    guard bytes.byte(at: brace + 1) == UInt8(ascii: "\\") else { return nil }
    return escapedBeginning(bytes, at: brace)
  }

  private static func escapedBeginning(_ bytes: Span<UInt8>, at brace: Int) -> Int? {
    var slashes = 1
    while slashes < 1 << depthLimit, bytes.byte(at: brace + 1 + slashes) == UInt8(ascii: "\\") {
      slashes += 1
    }
    // 1, 3, 7: each string doubles the backslashes and adds one.
    guard (slashes + 1) & slashes == 0, slashes < 1 << depthLimit else { return nil }
    var place = brace + 1
    func skip(_ text: StaticString) -> Bool {
      for _ in 0..<slashes {
        guard bytes.byte(at: place) == UInt8(ascii: "\\") else { return false }
        place += 1
      }
      defer { place += text.utf8CodeUnitCount }
      return bytes.has(text, at: place)
    }
    guard skip("\"timestamp"), skip("\":"), skip("\"") else { return nil }
    return (slashes + 1).trailingZeroBitCount
  }

  /// A bare line: behind it, only blanks and the end of a colour may follow.
  private static func plain(_ bytes: Span<UInt8>, from start: Int) -> Finding {
    let end = self.end(bytes, from: start)
    return bytes.byte(at: end - 1) == UInt8(ascii: "}") && end > start
      ? .plain(start..<end) : .unfinished(from: start)
  }

  /// Where a line ends, without blanks and without the end of a colour (`ESC [ 0 m`).
  private static func end(_ bytes: Span<UInt8>, from start: Int) -> Int {
    var end = bytes.count
    while end > start {
      let last = bytes[end - 1]
      if last == 0x20 || last == 0x09 || last == 0x0A || last == 0x0D {
        end -= 1
      } else if last == UInt8(ascii: "m"), bytes.has("\u{1B}[0m", at: end - 4) {
        end -= 4
      } else if last == UInt8(ascii: "m"), bytes.has("\u{1B}[m", at: end - 3) {
        end -= 3
      } else {
        break
      }
    }
    return end
  }

  /// A line inside a string: it ends where the string does.
  private mutating func unescape(
    _ bytes: Span<UInt8>, from start: Int, _ depth: Int
  ) -> Finding {
    unescaped.removeAll(keepingCapacity: true)
    var inner = start
    guard JSONScan.unescape(bytes, &inner, into: &unescaped) else {
      return .unfinished(from: start)
    }
    for _ in 1..<depth {
      // What is left are the strings inside: they end at the first quotation mark, too.
      var (next, place): ([UInt8], Int) = ([], 0)
      guard JSONScan.unescape(unescaped.span, &place, into: &next) else {
        return .unfinished(from: start)
      }
      unescaped = next
    }
    return trim(from: start)
  }

  private mutating func trim(from start: Int) -> Finding {
    unescaped.removeLast(unescaped.count - Self.end(unescaped.span, from: 0))
    return unescaped.last == UInt8(ascii: "}") ? .escaped : .unfinished(from: start)
  }

  /// A line that journald gives as a list of numbers, because something in it is no text:
  /// `[123,34,116,…]`.
  private mutating func listed(_ bytes: Span<UInt8>) -> Finding {
    var position = 0
    while let bracket = bytes.first(UInt8(ascii: "["), from: position) {
      position = bracket + 1
      // {"timest
      guard bytes.has("123,34,116,105,109,101,115,116,", at: position) else { continue }
      unescaped.removeAll(keepingCapacity: true)
      guard Self.readList(bytes, &position, into: &unescaped),
        Self.beginning(unescaped.span, at: 0) == 0
      else { return .unfinished(from: bracket) }
      return trim(from: bracket)
    }
    return .foreign
  }

  /// Reads numbers of bytes up to the closing bracket; false when there is anything else.
  private static func readList(
    _ bytes: Span<UInt8>, _ position: inout Int, into list: inout [UInt8]
  ) -> Bool {
    while case .integer(let number)? = try? JSONScan.number(bytes, &position) {
      guard let byte = UInt8(exactly: number) else { return false }
      list.append(byte)
      guard bytes.byte(at: position) == UInt8(ascii: ",") else {
        return bytes.byte(at: position) == UInt8(ascii: "]")
      }
      position += 1
    }
    return false
  }

  /// Whether a line that cannot be read has names of ours: other programs' lines begin with a timestamp
  /// too.
  public static func hasOurNames(_ bytes: Span<UInt8>) -> Bool {
    var (position, hasEvent, hasSequence) = (0, false, false)
    while let quote = bytes.first(UInt8(ascii: "\""), from: position) {
      position = quote + 1
      hasEvent = hasEvent || bytes.has("event\":\"", at: position)
      hasSequence = hasSequence || bytes.has("seq\":", at: position)
      if hasEvent, hasSequence { return true }
    }
    return false
  }

  /// The id of the run that a line is of, of which the rest cannot be read; nil without one. `bytes`: the
  /// line, or what was unescaped.
  public static func runID(in bytes: Span<UInt8>) -> String? {
    var position = 0
    while let quote = bytes.first(UInt8(ascii: "\""), from: position) {
      position = quote + 1
      guard bytes.has("run_id\":\"", at: position) else { continue }
      let start = position + 9
      guard let end = bytes.first(UInt8(ascii: "\""), from: start), end > start,
        end - start <= runIDLimit
      else { return nil }
      for place in start..<end where !isOfRunID(bytes[place]) { return nil }
      return TextCache.make(bytes, start..<end)
    }
    return nil
  }

  /// The longest id that is looked for in a line that cannot be read, in bytes.
  static let runIDLimit = 128

  /// Visible ASCII but quotation marks and backslashes.
  private static func isOfRunID(_ byte: UInt8) -> Bool {
    byte > 0x20 && byte < 0x7F && byte != 0x22 && byte != 0x5C
  }
}
