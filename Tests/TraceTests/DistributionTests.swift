import Testing

@testable import LogTrace

@Suite("Percentiles of many values")
struct DistributionTests {
  private static let percents: [Double] = [0.1, 5, 50, 90, 95, 99, 99.9, 100]

  /// By nearest rank, from all values.
  private static func exact(_ values: [Int64], _ percent: Double) -> Int64 {
    let sorted = values.sorted()
    return sorted[max(1, Int((percent * Double(sorted.count) / 100).rounded(.up))) - 1]
  }

  private static func values(_ count: Int, _ shape: String) -> [Int64] {
    var random = SplitMix64(seed: UInt64(count))
    return (0..<count).map { _ in
      switch shape {
      case "even": Int64.random(in: 0...20_000, using: &random)
      case "wide": Int64(1) << Int64.random(in: 0...40, using: &random)
      case "few different": Int64.random(in: 0...3, using: &random)
      default: 700
      }
    }
  }

  @Test(
    "are exact while all values are kept",
    arguments: [1, 2, 3, 19, 20, 21, 100, Distribution.sampleLimit],
    ["even", "wide", "few different", "equal"])
  func exact(_ count: Int, _ shape: String) throws {
    let values = Self.values(count, shape)
    var distribution = Distribution()
    for value in values { distribution.take(value) }
    let found = try #require(distribution.percentiles(Self.percents))
    #expect(found == Self.percents.map { Self.exact(values, $0) })
  }

  @Test(
    "are within the named error afterwards", arguments: [Distribution.sampleLimit + 1, 20_000],
    ["even", "wide", "few different", "equal"])
  func approximate(_ count: Int, _ shape: String) throws {
    let values = Self.values(count, shape)
    var distribution = Distribution()
    for value in values { distribution.take(value) }
    let found = try #require(distribution.percentiles(Self.percents))
    for (percent, value) in zip(Self.percents, found) {
      let exact = Double(Self.exact(values, percent))
      #expect(
        abs(Double(value) - exact) <= max(exact * Distribution.relativeError, 0),
        "p\(percent): \(value), exact \(exact)")
    }
    #expect(distribution.sample.count == Distribution.sampleLimit)
    #expect(distribution.maximum == values.max())
    #expect(Distribution.relativeError <= 0.01)
  }

  @Test("have nothing to say of no value, and take the extremes")
  func extremes() {
    var distribution = Distribution()
    #expect(distribution.percentiles([50]) == nil)
    for _ in 0...Distribution.sampleLimit { distribution.take(.max) }
    distribution.take(.min)
    #expect(distribution.percentiles([0, 100]) == [0, .max])
  }
}
