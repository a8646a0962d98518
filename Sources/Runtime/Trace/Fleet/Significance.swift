internal import Glibc

/// Whether two samples differ by more than chance.
///
/// Each test answers with a probability: how often a difference at least as large as the one seen comes
/// about when both samples are drawn from the same runs. The tests ask nothing of the shape of the
/// distribution.
enum Significance {
  /// Up to this many values of both samples together the rank-sum test is exact, ties included.
  static let exactLimit = 40

  /// How likely it is that `later` ranks this high by chance: the rank-sum test, one-sided (Wilcoxon
  /// 1945; Mann, Whitney 1947). 1 without values.
  static func rankSum(_ earlier: [Int64], _ later: [Int64]) -> Double {
    guard !earlier.isEmpty, !later.isEmpty else { return 1 }
    let ranks = doubledRanks(earlier + later)
    let sum = ranks.suffix(later.count).reduce(0, +)
    return ranks.count <= exactLimit
      ? exact(ranks, choose: later.count, atLeast: sum)
      : normal(ranks, earlier.count, later.count, sum)
  }

  /// The least probability that `rankSum` can answer with samples of these sizes: 1 in as many ways as
  /// there are to choose the later ones.
  static func leastRankSum(_ earlier: Int, _ later: Int) -> Double {
    exp(-logChoose(earlier + later, later))
  }

  /// How likely it is that as many of `later` lie above the percentile of both together by chance: the
  /// quantile test (after Mood's median test; hypergeometric, exact). 1 without values.
  static func exceedance(_ earlier: [Int64], _ later: [Int64], percent: Double) -> Double {
    let (high, above) = exceeding(earlier, later, percent)
    return hypergeometricTail(
      atLeast: above, draws: later.count, marked: high, of: earlier.count + later.count)
  }

  /// The least probability that `exceedance` can answer here: all that is high belongs to the later ones.
  static func leastExceedance(_ earlier: Int, _ later: Int, percent: Double) -> Double {
    let all = earlier + later
    let high = all - Int((percent * Double(all) / 100).rounded(.up))
    return hypergeometricTail(atLeast: min(high, later), draws: later, marked: high, of: all)
  }

  /// How likely it is that at least `later.hits` of the hits fall on the later ones by chance (Fisher's
  /// exact test, one-sided).
  static func share(
    _ earlier: (hits: Int, of: Int), _ later: (hits: Int, of: Int)
  ) -> Double {
    hypergeometricTail(
      atLeast: later.hits, draws: later.of, marked: earlier.hits + later.hits,
      of: earlier.of + later.of)
  }

  // MARK: Ranks

  /// Twice the rank of each value, in the order of the values; equal ones share the middle of theirs.
  private static func doubledRanks(_ values: [Int64]) -> [Int] {
    let order = values.indices.sorted { values[$0] < values[$1] }
    var ranks = Array(repeating: 0, count: values.count)
    var start = 0
    while start < order.count {
      var end = start
      while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
      for place in start..<end { ranks[order[place]] = start + end + 1 }
      start = end
    }
    return ranks
  }

  /// Of all ways to choose `number` of the ranks, the part whose sum is at least `sum`: counted by
  /// dynamic programming over the sums.
  private static func exact(_ ranks: [Int], choose number: Int, atLeast sum: Int) -> Double {
    let limit = ranks.reduce(0, +)
    // ways[taken][sum]
    var ways = Array(repeating: Array(repeating: 0.0, count: limit + 1), count: number + 1)
    ways[0][0] = 1
    for (index, rank) in ranks.enumerated() {
      for taken in stride(from: min(index + 1, number), through: 1, by: -1) {
        for total in stride(from: limit, through: rank, by: -1) {
          ways[taken][total] += ways[taken - 1][total - rank]
        }
      }
    }
    let all = ways[number].reduce(0, +)
    return min(1, ways[number][min(sum, limit)...].reduce(0, +) / all)
  }

  /// The normal approximation, with the correction for ties and for continuity.
  private static func normal(_ ranks: [Int], _ earlier: Int, _ later: Int, _ sum: Int) -> Double {
    let (a, b) = (Double(earlier), Double(later))
    let all = a + b
    var ties = 0.0
    for (_, count) in ranks.reduce(into: [Int: Double](), { $0[$1, default: 0] += 1 }) {
      ties += count * count * count - count
    }
    let variance = a * b / 12 * (all + 1 - ties / (all * (all - 1)))
    guard variance > 0 else { return 1 }
    let distance = Double(sum) / 2 - b * (all + 1) / 2 - 0.5
    return 0.5 * erfc(distance / (2 * variance).squareRoot())
  }

  // MARK: Counts

  private static func exceeding(
    _ earlier: [Int64], _ later: [Int64], _ percent: Double
  ) -> (high: Int, later: Int) {
    let all = (earlier + later).sorted()
    guard !all.isEmpty else { return (0, 0) }
    let rank = min(all.count, max(1, Int((percent * Double(all.count) / 100).rounded(.up))))
    let bound = all[rank - 1]
    let above = later.count { $0 > bound }
    return (above + earlier.count { $0 > bound }, above)
  }

  /// Of `draws` from `all` of which `marked` are marked: how likely at least so many marked ones are.
  private static func hypergeometricTail(
    atLeast hits: Int, draws: Int, marked: Int, of all: Int
  ) -> Double {
    let most = min(draws, marked)
    guard hits > 0 else { return 1 }
    guard hits <= most else { return hits > marked ? 0 : 1 }
    let ways = logChoose(all, draws)
    var sum = 0.0
    for hit in max(hits, draws + marked - all)...most {
      sum += exp(logChoose(marked, hit) + logChoose(all - marked, draws - hit) - ways)
    }
    return min(1, sum)
  }

  private static func logChoose(_ number: Int, _ chosen: Int) -> Double {
    guard chosen >= 0, chosen <= number else { return -.infinity }
    return lgamma(Double(number + 1)) - lgamma(Double(chosen + 1))
      - lgamma(Double(number - chosen + 1))
  }
}
