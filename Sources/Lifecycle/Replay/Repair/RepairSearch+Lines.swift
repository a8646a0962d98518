/// Edits of whole lines: dropped, moved.
extension RepairSearch {
  /// `seq 6, load`, as the log calls the line.
  func name(_ index: Int) -> String {
    "seq \(told[index]), \(lines[index].event.name)" + (index == trouble ? located : "")
  }

  /// The place of the trouble, behind its name.
  var located: String { place.isEmpty ? "" : " (\(place))" }

  /// How far an edit is from the trouble.
  func distance(_ index: Int) -> Int { abs(trouble - index) }

  // MARK: Repeated lines

  /// A line that was delivered twice, or written twice: word for word, but for the number.
  mutating func tryRepeated() {
    guard !isUnreadable else { return }
    let line = lines[trouble]
    for other in lines[..<trouble].indices.reversed().prefix(64) {
      guard lines[other].isCopy(of: line) else { continue }
      let isSame = told[other] == told[trouble]
      attempt(
        trouble..<trouble + 1, [], shifts: [0, -1], cost: Edit.Cost.repeated + distance(other),
        "drop \(name(trouble)): it repeats "
          + (isSame ? "an earlier one" : "seq \(told[other])"))
      return
    }
    guard trouble > 0, line.sequence <= number(before: trouble) else { return }
    attempt(
      trouble..<trouble + 1, [], shifts: [0], cost: Edit.Cost.repeated,
      "drop \(name(trouble)): a line with its number was there before")
  }

  // MARK: Dropped lines

  mutating func tryDrops() {
    if isUnreadable {
      attempt(
        trouble..<trouble + 1, [], shifts: [0, -1], cost: Edit.Cost.dropped,
        "drop the line that cannot be read\(located)")
      return
    }
    for index in window.reversed() {
      attempt(
        index..<index + 1, [], shifts: [0, -1], cost: Edit.Cost.dropped + distance(index),
        "drop \(name(index))")
    }
  }

  // MARK: Moved lines

  /// A line that stands a few lines too early or too late.
  mutating func tryMoves() {
    guard !isUnreadable else { return }
    let end = min(lines.count, trouble + limits.reachAhead + 1)
    for first in window {
      let farthest = min(end - 1, first + limits.reachAhead + limits.reachBack)
      let nearest = max(first + 1, trouble)
      guard nearest <= farthest else { continue }
      for last in nearest...farthest { tryMove(first, last) }
    }
  }

  private mutating func tryMove(_ first: Int, _ last: Int) {
    let range = first..<last + 1
    let base = number(before: first)
    let numbers = lines[range].map(\.sequence).sorted()
    guard zip(numbers, 1...).allSatisfy({ $0 == base &+ $1 }) else { return }
    let isOrdered = lines[range].indices.allSatisfy {
      lines[$0].sequence == base &+ Int64($0 - first + 1)
    }
    let cost = (isOrdered ? Edit.Cost.moved : Edit.Cost.disordered) + 2 * (last - first - 1)
    func numbered(_ patch: [LogLine]) -> [LogLine] {
      patch.enumerated().map { offset, line in
        var line = line
        line.sequence = base &+ Int64(offset + 1)
        return line
      }
    }
    let later = Array(lines[first + 1...last]) + [lines[first]]
    attempt(
      range, numbered(later), shifts: [0], cost: cost + distance(first),
      "move \(name(first)), after \(name(last))")
    guard last > first + 1 else { return }
    let earlier = [lines[last]] + Array(lines[first..<last])
    attempt(
      range, numbered(earlier), shifts: [0], cost: cost + distance(first),
      "move \(name(last)), before \(name(first))")
  }
}

extension LogLine {
  /// Whether it tells the same as the other, whatever its number.
  fileprivate func isCopy(of other: LogLine) -> Bool {
    uptimeMilliseconds == other.uptimeMilliseconds && wallNanoseconds == other.wallNanoseconds
      && event == other.event
  }
}
