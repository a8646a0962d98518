internal import Lifecycle

/// What a supervisor's lines say of its workers, held against the workers' own logs. Nothing is kept while
/// no supervisor's run is open.
struct SupervisedWorkers {
  /// Of a run that has ended as it should: what its supervisor may still speak of.
  struct Account {
    /// Its first moment, and its last ones.
    let moments: [History.Moment]
    let lines: RecentLines
    let lastSequence: Int64
    let isWhole: Bool
    let wasReady: Bool

    func view(_ claim: WorkerClaim) -> WorkerView {
      WorkerView(
        first: moments.first,
        moment: claim.sequence.flatMap { sequence in
          moments.dropFirst(isWhole ? 0 : 1).last {
            $0.sequence <= sequence && $0.event.transition != nil
          }
        },
        ending: moments, lastSequence: lastSequence, isWhole: isWhole, wasReady: wasReady)
    }
  }

  /// Last moments that are kept of a run that has ended.
  static let momentLimit = 12
  /// Runs that have ended and are remembered at least; twice as many at most.
  static let accountLimit = 1 << 10
  /// Words of supervisors about lines that were not here that are remembered; beyond it the oldest half is
  /// forgotten.
  static let wordLimit = 1 << 12

  /// What a supervisor said of a worker whose lines up to it should have been here already.
  struct Word {
    let supervisor: RunKey
    /// Of the supervisor's line.
    let sequence: Int64
    let event: String
    let place: Place
    /// The worker's latest line that was spoken of; the greatest number: it has ended.
    let upTo: Int64
  }

  // Two generations: when the younger is full it becomes the older, which is forgotten.
  private var young: [RunKey: Account] = [:]
  private var old: [RunKey: Account] = [:]
  private var words: [RunKey: Word] = [:]
  private var olderWords: [RunKey: Word] = [:]

  subscript(_ key: RunKey) -> Account? { young[key] ?? old[key] }

  /// Whether a line of any run may be one that came too late.
  var isListening: Bool { !words.isEmpty || !olderWords.isEmpty }

  func word(about key: RunKey) -> Word? { words[key] ?? olderWords[key] }

  mutating func ended(
    _ key: RunKey, _ history: History, _ lines: RecentLines, lastSequence: Int64
  ) {
    if young.count >= Self.accountLimit {
      old = young
      young.removeAll(keepingCapacity: true)
    }
    let moments = history.moments
    let isWhole = moments.count <= Self.momentLimit + 1
    young[key] = Account(
      moments: isWhole ? moments : [moments[0]] + moments.suffix(Self.momentLimit), lines: lines,
      lastSequence: lastSequence, isWhole: isWhole && history.leftOut == 0,
      wasReady: moments.contains { $0.event.isReady })
  }

  mutating func note(_ word: Word, about key: RunKey) {
    if words.count >= Self.wordLimit / 2 {
      olderWords = words
      words.removeAll(keepingCapacity: true)
    }
    words[key] = word
  }

  mutating func forgetWord(about key: RunKey) {
    words[key] = nil
    olderWords[key] = nil
  }

  /// No supervisor is there any more.
  mutating func clear() { self = SupervisedWorkers() }
}

extension OpenRun {
  /// What its log says so far of what a supervisor claims.
  func view(_ claim: WorkerClaim) -> WorkerView {
    let moments = claim.isEnd ? history.moments : []
    return WorkerView(
      first: history.first,
      moment: claim.sequence.flatMap { $0 <= lastSequence ? history.move(upTo: $0) : nil },
      ending: claim.isEnd ? moments : history.last.map { [$0] } ?? [], lastSequence: lastSequence,
      isWhole: history.leftOut == 0,
      wasReady: claim.isEnd ? moments.contains { $0.event.isReady } : nil)
  }
}

extension LogEvent {
  fileprivate var isReady: Bool { if case .runtimeReady = self { true } else { false } }
}
