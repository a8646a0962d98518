/// A change of a few neighbouring lines.
struct Edit: Sendable {
  /// Which lines are replaced; empty: lines are inserted before the lower bound.
  var range: Range<Int>
  /// What stands there instead, with the numbers of the place.
  var patch: [LogLine]
  /// By how much the numbers of the lines after it change, so that they count on.
  var shift: Int64
  /// What a person is told to do, as a part of a sentence.
  var sentence: String
  /// How unlikely it is that this was the damage; the least is named first.
  var cost: Int

  /// The lines as they are after the edit.
  func apply(to lines: [LogLine]) -> [LogLine] {
    var edited = Array(lines[..<range.lowerBound]) + patch
    for line in lines[range.upperBound...] {
      edited.append(line.shifted(by: shift))
    }
    return edited
  }

  /// How unlikely the kinds of damage are, beside each other.
  enum Cost {
    /// Each missing line, and each field of several.
    static let each = 2
    /// Delivered twice.
    static let repeated = 0
    /// The numbers say that lines stand in another order.
    static let disordered = 8
    /// The numbers say that lines are missing.
    static let lost = 10
    static let number = 11
    /// The wall clock says so too.
    static let confirmedTime = 15
    /// A line tells of the transition before it, which is missing.
    static let impliedLine = 18
    static let expectedField = 20
    static let otherField = 24
    static let time = 26
    /// The wall clock says that the time was right.
    static let contradictedTime = 38
    static let moved = 28
    static let severalFields = 30
    static let missing = 34
    /// A cause that names its reason is seldom the wrong one.
    static let telling = 40
    static let dropped = 42
    /// The run had an end and has none any more.
    static let endless = 40
    /// Each further edit.
    static let another = 100
  }
}

extension LogLine {
  func shifted(by shift: Int64) -> LogLine {
    if shift == 0 { return self }
    var line = self
    line.sequence &+= shift
    return line
  }
}
