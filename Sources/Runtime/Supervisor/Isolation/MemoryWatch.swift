package import Lifecycle

/// Decides which agents use too much memory, where the kernel does not limit them or would only kill
/// them. Told what each uses every `interval`; it reads nothing itself.
///
/// Over its own limit an agent is recycled: a new worker takes its place and the old one drains. Far
/// over it the worker is killed. Without limits nobody is bothered while there is memory; when the
/// task is nearly out of it, the one that is furthest above an equal share is recycled, before the
/// kernel kills somebody.
package struct MemoryWatch: Sendable {
  /// How often it is to be told.
  package static let interval = Interval.seconds(3)
  /// In so many looks in a row an agent has to be over its limit: a peak is none of its business.
  static let looks = 2
  /// From this part of its limit on an agent is killed, where no control group does it.
  static let killRatio = 1.25
  /// Where a control group kills at the limit, the recycling begins so much below it.
  static let groupRatio = 0.9
  /// After a recycling for a short task nobody else is recycled for so long: the old worker has to
  /// drain before its memory is there again. Nor is an agent over its own limit that was just recycled.
  static let pause = Interval.seconds(60)

  package enum Verdict: Sendable, Equatable {
    /// Replace it, then let it drain.
    case recycle(agent: String, Reason)
    case kill(agent: String, Reason)
  }

  /// Why, for a log line.
  package struct Reason: Sendable, Equatable {
    package let usedBytes: Int64
    package let limitBytes: Int64
    /// Whether the limit is its share of a task that is short of memory.
    package let isShare: Bool

    package var sentence: String {
      let (used, limit) = (usedBytes >> 20, limitBytes >> 20)
      return isShare
        ? "it uses \(used) MiB where memory is short and an equal share is \(limit) MiB"
        : "it uses \(used) MiB of memory_mb \(limit)"
    }
  }

  /// One agent, as it is now. A worker that drains is not told of.
  package struct Sample: Sendable, Equatable {
    package var agent: String
    package var usedBytes: Int64
    package var limitBytes: Int64?
    /// Whether a control group holds it to its limit.
    package var isHeld: Bool
    /// Whether it may be replaced: it is Ready and no change of it is under way.
    package var isSettled: Bool

    package init(
      agent: String, usedBytes: Int64, limitBytes: Int64?, isHeld: Bool, isSettled: Bool
    ) {
      self.agent = agent
      self.usedBytes = usedBytes
      self.limitBytes = limitBytes
      self.isHeld = isHeld
      self.isSettled = isSettled
    }
  }

  private var looksOver: [String: Int] = [:]
  /// When an agent over its own limit got a new worker: the next one is as large, as likely as not.
  private var recycledAt: [String: Instant] = [:]
  private var pausedUntil: Instant?

  package init() {}

  package mutating func look(
    _ samples: [Sample], free: FreeMemory?, at now: Instant
  ) -> [Verdict] {
    var verdicts: [Verdict] = []
    var over: [String: Int] = [:]
    recycledAt = recycledAt.filter { now - $0.value < Self.pause }
    for sample in samples {
      guard let limit = sample.limitBytes, limit > 0 else { continue }
      let soft = sample.isHeld ? Int64(Double(limit) * Self.groupRatio) : limit
      guard sample.usedBytes > soft else { continue }
      let count = (looksOver[sample.agent] ?? 0) + 1
      over[sample.agent] = count
      let reason = Reason(usedBytes: sample.usedBytes, limitBytes: limit, isShare: false)
      if !sample.isHeld, Double(sample.usedBytes) > Double(limit) * Self.killRatio {
        verdicts.append(.kill(agent: sample.agent, reason))
      } else if count >= Self.looks, sample.isSettled, recycledAt[sample.agent] == nil {
        verdicts.append(.recycle(agent: sample.agent, reason))
        over[sample.agent] = 0
        recycledAt[sample.agent] = now
      }
    }
    looksOver = over
    if verdicts.isEmpty, let free, let verdict = relieve(samples, free, at: now) {
      verdicts.append(verdict)
    }
    return verdicts
  }

  private mutating func relieve(
    _ samples: [Sample], _ free: FreeMemory, at now: Instant
  ) -> Verdict? {
    guard free.isShort, !samples.isEmpty else { return nil }
    if let pausedUntil, now < pausedUntil { return nil }
    let share = free.total / Int64(samples.count)
    let greedy = samples.filter { $0.isSettled && $0.usedBytes > share }
      .max { $0.usedBytes < $1.usedBytes }
    guard let greedy else { return nil }
    pausedUntil = now + Self.pause
    return .recycle(
      agent: greedy.agent,
      Reason(usedBytes: greedy.usedBytes, limitBytes: share, isShare: true))
  }
}
