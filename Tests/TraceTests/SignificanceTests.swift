import Testing

@testable import LogTrace

@Suite("A difference or chance")
struct SignificanceTests {
  /// Computed by hand, by counting the ways.
  @Test(
    "the rank-sum test counts the ways",
    arguments: [
      ([1, 2, 3], [4, 5, 6], 1.0 / 20), ([4, 5, 6], [1, 2, 3], 1), ([1, 3], [2, 4], 2.0 / 6),
      ([5, 5], [5, 5], 1), ([1, 2, 2], [2, 3, 3], 3.0 / 20), ([], [1], 1),
      ([1, 2, 3, 4, 5], [6, 7, 8, 9, 10], 1.0 / 252),
    ] as [([Int64], [Int64], Double)])
  func rankSum(_ earlier: [Int64], _ later: [Int64], _ expected: Double) {
    #expect(abs(Significance.rankSum(earlier, later) - expected) < 1e-12)
  }

  @Test(
    "the tests of counts are hypergeometric",
    arguments: [
      ((0, 5), (5, 5), 1.0 / 252), ((0, 3), (1, 3), 0.5), ((2, 4), (2, 4), 53.0 / 70),
      ((3, 3), (0, 3), 1), ((0, 0), (0, 0), 1),
    ] as [((Int, Int), (Int, Int), Double)])
  func share(_ earlier: (Int, Int), _ later: (Int, Int), _ expected: Double) {
    let found = Significance.share((earlier.0, earlier.1), (later.0, later.1))
    #expect(abs(found - expected) < 1e-9)
  }

  /// Times as boots have them: most alike, some long, many equal.
  private static func sample(_ count: Int, _ random: inout SplitMix64) -> [Int64] {
    (0..<count).map { _ in
      let base = Int64.random(in: 100...110, using: &random)
      return Int64.random(in: 0..<10, using: &random) == 0 ? base * 5 : base
    }
  }

  @Test(
    "of equal builds no more seem different than was promised",
    arguments: [(5, 5), (7, 4), (30, 30), (200, 60)])
  func falseAlarms(_ sizes: (Int, Int)) {
    var random = SplitMix64(seed: 7)
    let trials = 600
    var alarms = (0, 0)
    for _ in 0..<trials {
      let (a, b) = (Self.sample(sizes.0, &random), Self.sample(sizes.1, &random))
      if Significance.rankSum(a, b) <= 0.05 { alarms.0 += 1 }
      if Significance.exceedance(a, b, percent: 95) <= 0.05 { alarms.1 += 1 }
    }
    // Three standard deviations above 5 %.
    let bound = Int(Double(trials) * 0.05 + 3 * (Double(trials) * 0.05 * 0.95).squareRoot())
    #expect(alarms.0 <= bound)
    #expect(alarms.1 <= bound)
  }

  @Test("no answer is less than the least one that the sizes allow", arguments: [1, 3, 6, 40])
  func least(_ size: Int) {
    let low = (0..<size).map { Int64($0) }
    let high = low.map { $0 + 1000 }
    let ranks = Significance.rankSum(low, high)
    #expect(ranks >= Significance.leastRankSum(size, size) - 1e-9)
    let above = Significance.exceedance(low, high, percent: 95)
    #expect(above >= Significance.leastExceedance(size, size, percent: 95) - 1e-9)
  }

  @Test("the normal approximation agrees with the exact test where they meet")
  func agreement() {
    var random = SplitMix64(seed: 11)
    for _ in 0..<5 {
      let a = Self.sample(20, &random)
      let b = Self.sample(20, &random).map { $0 + 3 }
      // One value more on each side, far apart: the sample is too large for the exact test.
      let exact = Significance.rankSum(a, b)
      let normal = Significance.rankSum(a + [0], b + [0])
      #expect(abs(exact - normal) < 0.03, "\(exact) and \(normal)")
    }
  }
}
