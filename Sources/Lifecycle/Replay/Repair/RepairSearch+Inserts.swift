/// Edits that put lines in which are missing.
extension RepairSearch {
  mutating func tryInserts() {
    let gap = isUnreadable ? 0 : lines[trouble].sequence &- number(before: trouble) &- 1
    if isUnreadable {
      insert([], before: trouble, replacing: 1, lost: 1)
    } else if gap > 0 {
      insert([], before: trouble, replacing: 0, lost: gap)
    } else if gap == 0 {
      for index in window.reversed() {
        insert([], before: index, replacing: 0, lost: 0)
      }
    }
  }

  /// Tries each line that could follow the chain of those inserted so far, and longer chains where
  /// they lead on. `lost`: how many lines the numbers miss here; 0: none, the numbers are to be
  /// changed.
  private mutating func insert(
    _ chain: [LogLine], before index: Int, replacing count: Int, lost: Int64
  ) {
    let range = index..<index + count
    if chain.isEmpty, lost > 0 { attemptInsert([], range, lost) }
    var replay = replay(before: index)
    for line in chain where !replay.accepts(line) { return }
    steps += chain.count
    let missing = MissingLines(
      replay.machine, before: lines[..<index] + chain, after: lines[range.upperBound...],
      testimony)
    var links: [LogLine] = []
    for (event, uptime) in missing.events {
      guard !isExhausted else { return }
      let line = self.line(event, at: uptime, after: chain, before: index)
      var next = replay
      steps += 1
      guard next.accepts(line) else { continue }
      attemptInsert(chain + [line], range, lost)
      links.append(line)
    }
    // A shorter chain, or anything else, will do.
    guard found.isEmpty else { return }
    let deepest = lost > 0 ? Int(min(lost, Int64(limits.chain))) : index == trouble ? 2 : 1
    guard chain.count + 1 < deepest else { return }
    for line in links {
      insert(chain + [line], before: index, replacing: count, lost: lost)
    }
  }

  private mutating func attemptInsert(
    _ chain: [LogLine], _ range: Range<Int>, _ lost: Int64
  ) {
    var patch = chain
    let isFilled = lost > Int64(chain.count)
    if isFilled {
      patch.append(
        line(
          .warning(code: "", message: ""), at: uptime(before: range.lowerBound),
          after: chain, before: range.lowerBound))
    }
    let names = chain.map(\.event.described).joined(separator: " and ")
    let cost =
      self.cost(chain, range, lost) + Edit.Cost.each * chain.count + distance(range.lowerBound)
    guard !range.isEmpty else {
      let shift = Int64(patch.count) &- lost
      attempt(
        range, patch, shifts: lost > 0 ? [shift] : [Int64(patch.count)], cost: cost,
        insertion(names, range.lowerBound, lost))
      return
    }
    attempt(
      range, patch, shifts: [0, -1, 1], cost: cost,
      chain.isEmpty
        ? "mend the line that cannot be read\(located): it moves nothing"
        : "mend the line that cannot be read\(located): \(names) is missing there")
  }

  private func cost(_ chain: [LogLine], _ range: Range<Int>, _ lost: Int64) -> Int {
    guard range.lowerBound < lines.count else { return Edit.Cost.missing }
    let next = lines[range.lowerBound].event
    if lost > 0 {
      // A worker that has not ended is the likeliest to be missing before the end.
      let isEnd = next.name == "stopped" && chain.last?.event.name == "worker_exited"
      return Edit.Cost.lost - (isEnd ? 2 * Edit.Cost.each : 0)
    }
    if let to = chain.last?.event.transition?.to, to == next.transition?.from,
      range.lowerBound == trouble
    {
      return Edit.Cost.impliedLine - Edit.Cost.each * chain.count
    }
    return Edit.Cost.missing
  }

  private func insertion(_ names: String, _ index: Int, _ lost: Int64) -> String {
    let place = "before \(name(index))"
    if lost == 0 { return "insert \(names) \(place)" }
    let count = lost == 1 ? "one line was" : "\(lost) lines were"
    return names.isEmpty
      ? "insert \(lost == 1 ? "a line that moves nothing" : "\(lost) lines that move nothing") \(place);"
        + " the numbers say that \(count) lost there"
      : "insert \(names) \(place); the numbers say that \(count) lost there"
  }

  private func uptime(before index: Int) -> Int64 {
    index == 0 ? lines.first?.uptimeMilliseconds ?? 0 : lines[index - 1].uptimeMilliseconds
  }

  /// A line of this run that stands after the chain.
  private func line(
    _ event: LogEvent, at uptime: Int64, after chain: [LogLine], before index: Int
  ) -> LogLine {
    var line = lines[min(index, lines.count - 1)]
    let offset = line.wallNanoseconds &- line.uptimeMilliseconds &* 1_000_000
    line.wallNanoseconds = offset &+ uptime &* 1_000_000
    line.uptimeMilliseconds = uptime
    line.sequence = number(before: index) &+ Int64(chain.count + 1)
    line.event = event
    return line
  }
}

extension LogEvent {
  /// The event for a sentence, with what a transition does.
  var described: String {
    guard let transition else { return name }
    let from = transition.from?.rawValue ?? "the beginning"
    return "\(name) (\(from) → \(transition.to.rawValue), \(transition.cause))"
  }
}
