/// Two sets of runs side by side: what became slower, and whether that is more than chance.
struct Comparison {
  /// What is said of one percentile of a measure, or of a share of the runs.
  enum Finding: String {
    /// Worse by more than the limit, and not by chance.
    case regressed
    /// Worse, not by chance, but within the limit.
    case worse
    case better
    /// The difference may be chance.
    case chance
    /// With so few runs nothing could be told from chance.
    case tooFew = "too few runs to tell"
    /// No difference that the log's milliseconds can show.
    case same

    var text: String {
      switch self {
      case .regressed: "REGRESSED"
      case .worse: "worse"
      case .better: "better"
      case .chance: "by chance?"
      case .tooFew: "too few runs"
      case .same: "same"
      }
    }
  }

  struct Row {
    let measure: Measure
    let percent: Int
    let counts: (Int, Int)
    /// Nil: that side has no such run.
    let values: (Int64?, Int64?)
    /// How likely a difference like this one is by chance; nil where there is nothing to test.
    let probability: Double?
    let finding: Finding

    var change: Int64? {
      guard let before = values.0, let after = values.1 else { return nil }
      return after - before
    }
    /// As a part of the value before.
    var relative: Double? {
      guard let before = values.0, let change else { return nil }
      return change == 0 ? 0 : Double(change) / Double(before)
    }
  }

  /// How many runs ended in a way that nobody wants.
  struct Share {
    let name: String
    let counts: (Int, Int)
    let of: (Int, Int)
    let probability: Double
    let finding: Finding
  }

  /// Of comparisons of equal builds, at most this part finds a regression: it is shared out among all
  /// tests of one comparison (Bonferroni).
  static let falseAlarms = 0.01
  /// A difference of so many milliseconds may come from rounding alone.
  static let resolution: Int64 = 1
  static let percents = [50, 95]

  let rows: [Row]
  let shares: [Share]
  /// What part slower is too much: 0.1 for 10 %.
  let limit: Double

  var hasRegressed: Bool {
    rows.contains { $0.finding == .regressed } || shares.contains { $0.finding == .regressed }
  }

  init(_ before: Fleet, _ after: Fleet, limit: Double) {
    self.limit = limit
    let measures = Measure.allCases.filter { before.times[$0] != nil || after.times[$0] != nil }
    let failures = [
      ("failed", (before.failed, before.ended), (after.failed, after.ended)),
      ("cut off requests", (before.cut, before.ended), (after.cut, after.ended)),
    ]
    let alpha = Self.falseAlarms / Double(measures.count * Self.percents.count + failures.count)
    rows = measures.flatMap { measure in
      let sides = (
        before.times[measure]?.all ?? Distribution(), after.times[measure]?.all ?? Distribution()
      )
      return Self.percents.map {
        Self.row(measure, $0, sides.0, sides.1, alpha: alpha, limit: limit)
      }
    }
    shares = failures.map { name, before, after in
      Self.share(name, before, after, alpha: alpha)
    }
  }

  private static func row(
    _ measure: Measure, _ percent: Int, _ before: Distribution, _ after: Distribution,
    alpha: Double, limit: Double
  ) -> Row {
    let values = (
      before.percentiles([Double(percent)])?.first, after.percentiles([Double(percent)])?.first
    )
    func row(_ probability: Double?, _ finding: Finding) -> Row {
      Row(
        measure: measure, percent: percent, counts: (before.count, after.count), values: values,
        probability: probability, finding: finding)
    }
    guard let old = values.0, let new = values.1 else { return row(nil, .tooFew) }
    let change = new - old
    if abs(change) <= resolution { return row(nil, .same) }
    let sizes = (before.sample.count, after.sample.count)
    let (first, second) = change > 0 ? (before, after) : (after, before)
    let least: Double
    let probability: Double
    if percent == 50 {
      least = Significance.leastRankSum(sizes.0, sizes.1)
      probability = Significance.rankSum(first.sample, second.sample)
    } else {
      least = Significance.leastExceedance(
        first.sample.count, second.sample.count, percent: Double(percent))
      probability = Significance.exceedance(
        first.sample, second.sample, percent: Double(percent))
    }
    if least > alpha { return row(probability, .tooFew) }
    if probability > alpha { return row(probability, .chance) }
    if change < 0 { return row(probability, .better) }
    return row(probability, Double(change) > limit * Double(old) ? .regressed : .worse)
  }

  private static func share(
    _ name: String, _ before: (Int, Int), _ after: (Int, Int), alpha: Double
  ) -> Share {
    // Compared crosswise, so that no side may be empty.
    let (more, less) = (after.0 * before.1, before.0 * after.1)
    let isWorse = more > less
    let probability =
      isWorse
      ? Significance.share((before.0, before.1), (after.0, after.1))
      : Significance.share((after.0, after.1), (before.0, before.1))
    let finding: Finding =
      if before.1 == 0 || after.1 == 0 {
        .tooFew
      } else if more == less {
        .same
      } else if probability > alpha {
        .chance
      } else {
        isWorse ? .regressed : .better
      }
    return Share(
      name: name, counts: (before.0, after.0), of: (before.1, after.1), probability: probability,
      finding: finding)
  }
}
