/// How a measure is distributed over many runs, in constant memory: exact while there are few values,
/// afterwards with a relative error of at most `relativeError`.
struct Distribution {
  /// As many values are kept as they are; of more, a sample of this size drawn evenly.
  static let sampleLimit = 1024
  /// Of a percentile, once there are more values than are kept.
  static let relativeError = 1.0 / Double(2 * divisions)

  /// Buckets for each doubling. Below twice as many every value has a bucket of its own.
  private static let divisions = 64
  private static let divisionBits = 6

  private(set) var count = 0
  private(set) var minimum = Int64.max
  private(set) var maximum: Int64 = 0
  /// All values, or, of more than `sampleLimit`, a sample (Vitter's algorithm R).
  private(set) var sample: [Int64] = []
  private var buckets: [Int] = []
  /// Seeded, so that the same input gives the same report.
  private var random = SplitMix64(seed: 0x7061_725f_7472_6163)

  /// Takes a value; a negative one counts as 0.
  mutating func take(_ value: Int64) {
    let value = max(0, value)
    count += 1
    (minimum, maximum) = (min(minimum, value), max(maximum, value))
    let bucket = Self.bucket(of: value)
    if bucket >= buckets.count {
      buckets += Array(repeating: 0, count: bucket + 1 - buckets.count)
    }
    buckets[bucket] += 1
    if sample.count < Self.sampleLimit {
      sample.append(value)
    } else {
      let place = Int(random.next() % UInt64(count))
      if place < Self.sampleLimit { sample[place] = value }
    }
  }

  /// The percentiles by nearest rank: the least value that at least `percent` in a hundred values do
  /// not exceed. `percents` between 0 and 100; nil without a value.
  func percentiles(_ percents: [Double]) -> [Int64]? {
    guard count > 0 else { return nil }
    let ranks = percents.map { min(count, max(1, Int(($0 * Double(count) / 100).rounded(.up)))) }
    if count <= Self.sampleLimit {
      let sorted = sample.sorted()
      return ranks.map { sorted[$0 - 1] }
    }
    return ranks.map(value(ofRank:))
  }

  private func value(ofRank rank: Int) -> Int64 {
    if rank == count { return maximum }
    var seen = 0
    for (bucket, values) in buckets.enumerated() {
      seen += values
      if seen >= rank { return min(maximum, max(minimum, Self.middle(ofBucket: bucket))) }
    }
    return maximum
  }

  private static func bucket(of value: Int64) -> Int {
    guard value >= 2 * divisions else { return Int(value) }
    let exponent = 63 - value.leadingZeroBitCount
    let division = Int(value >> (exponent - divisionBits)) - divisions
    return 2 * divisions + (exponent - divisionBits - 1) * divisions + division
  }

  private static func middle(ofBucket bucket: Int) -> Int64 {
    guard bucket >= 2 * divisions else { return Int64(bucket) }
    let (octave, division) = (bucket - 2 * divisions).quotientAndRemainder(dividingBy: divisions)
    let width = Int64(1) << (octave + 1)
    return (Int64(divisions + division) << (octave + 1)) + width / 2
  }
}

/// A small generator of random numbers with a seed (Steele, Lea, Flood: Fast splittable pseudorandom
/// number generators, 2014).
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
