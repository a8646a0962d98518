/// Which member came after which in the lines before: lines of one kind have their members in one order,
/// so that a name has only to be compared.
struct MemberOrder: Sendable {
  /// Of the lines' members: made once, as each reader begins with a copy.
  static let ofLines = MemberOrder(NameTable.ofLines)

  /// A name with its quotation marks and its colon, in words, and which bytes of the words count.
  private struct Spelling {
    var first: UInt64 = 1
    var firstMask: UInt64 = 0
    var second: UInt64 = 0
    var secondMask: UInt64 = 0
    var third: UInt64 = 0
    var thirdMask: UInt64 = 0
    var length = 0
  }

  /// Behind the numbers of the members: one for the beginning of an object of each scope.
  private static let beginnings = LineScanner.valueLimit
  private static let places = beginnings + NameScope.allCases.count

  private static let unknown: UInt8 = .max

  /// By the member before: the ones to be expected, the latest first. Lines of two kinds take turns, and
  /// some members are not always there.
  private var followers = [UInt8](repeating: MemberOrder.unknown, count: MemberOrder.places)
  private var others = [UInt8](repeating: MemberOrder.unknown, count: MemberOrder.places)
  /// By member.
  private var spellings = [Spelling](repeating: Spelling(), count: LineScanner.valueLimit)

  init(_ table: NameTable) {
    for (name, number) in table.members where name.count + 3 <= 24 && number < spellings.count {
      let bytes = [UInt8(ascii: "\"")] + name + [UInt8(ascii: "\""), UInt8(ascii: ":")]
      let full: UInt64 = .max
      spellings[number] = Spelling(
        first: bytes.span.word(at: 0), firstMask: full.first(bytes.count),
        second: bytes.span.word(at: 8), secondMask: full.first(max(0, bytes.count - 8)),
        third: bytes.span.word(at: 16), thirdMask: full.first(max(0, bytes.count - 16)),
        length: bytes.count)
    }
  }

  /// What stands before the first member of an object.
  @inline(__always)
  static func start(_ scope: NameScope) -> UInt8 { UInt8(beginnings) + scope.rawValue }

  /// The member that is expected after `last`, if it is the one that stands there: then the position is
  /// behind its colon.
  @inline(__always)
  func follower(of last: UInt8, _ bytes: Span<UInt8>, _ position: inout Int) -> UInt8? {
    guard Int(last) < followers.count, Int(last) < others.count else { return nil }
    return match(followers[Int(last)], bytes, &position)
      ?? match(others[Int(last)], bytes, &position)
  }

  @inline(__always)
  private func match(_ number: UInt8, _ bytes: Span<UInt8>, _ position: inout Int) -> UInt8? {
    guard Int(number) < spellings.count else { return nil }
    let spelling = spellings[Int(number)]
    guard bytes.word(at: position) & spelling.firstMask == spelling.first else { return nil }
    if spelling.length > 8 {
      guard bytes.word(at: position + 8) & spelling.secondMask == spelling.second,
        spelling.thirdMask == 0
          || bytes.word(at: position + 16) & spelling.thirdMask == spelling.third
      else { return nil }
    }
    position += spelling.length
    return number
  }

  @inline(__always)
  mutating func note(_ number: UInt8, after last: UInt8) {
    others[Int(last)] = followers[Int(last)]
    followers[Int(last)] = number
  }
}
