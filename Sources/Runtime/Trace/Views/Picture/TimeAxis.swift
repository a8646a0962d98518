internal import Glibc

/// Where a time stands on a picture: straight, or logarithmic where a boot would be lost beside a long
/// life.
struct TimeAxis {
  /// Below this, in milliseconds, a logarithmic axis is nearly straight.
  private static let knee = 50.0
  /// A life this many times longer than half of the boots is drawn on a logarithmic axis.
  private static let longLife = 60.0
  /// Pixels between two ticks.
  private static let room = 70.0

  let end: Int64
  let isLogarithmic: Bool
  let width: Double

  /// `boots`: how long each boot took that has ended; `end`: when the longest run ends. Milliseconds.
  init(end: Int64, boots: [Int64], width: Double) {
    self.end = max(1, end)
    self.width = width
    let middle = boots.isEmpty ? nil : boots.sorted()[boots.count / 2]
    isLogarithmic = middle.map { Double(end) > Self.longLife * Double(max(1, $0)) } ?? false
  }

  /// Pixels from the left.
  func place(_ milliseconds: Int64) -> Double {
    let milliseconds = min(max(0, milliseconds), end)
    return scaled(Double(milliseconds)) / scaled(Double(end)) * width
  }

  private func scaled(_ milliseconds: Double) -> Double {
    isLogarithmic ? log10(1 + milliseconds / Self.knee) : milliseconds
  }

  /// Round times that are not too near to each other.
  var ticks: [Int64] {
    var found: [Int64] = []
    var last = -Double.infinity
    for time in isLogarithmic ? Self.round : multiples where time <= end {
      let place = place(time)
      guard place - last >= Self.room else { continue }
      found.append(time)
      last = place
    }
    return found
  }

  private static let second: Int64 = 1000
  private static let minute: Int64 = 60 * second
  private static let hour: Int64 = 60 * minute
  private static let day: Int64 = 24 * hour

  private static let round: [Int64] =
    [
      0, 10, 20, 50, 100, 200, 500, second, 2 * second, 5 * second, 10 * second, 20 * second,
      30 * second, minute, 2 * minute, 5 * minute, 10 * minute, 30 * minute, hour, 3 * hour,
      6 * hour, 12 * hour, day,
    ] + (1...6).flatMap { power in [2, 5, 10].map { day * $0 * tenTo(power - 1) } }

  private static func tenTo(_ power: Int) -> Int64 { (0..<power).reduce(1) { sum, _ in sum * 10 } }

  /// Of the smallest round time that leaves room between two.
  private var multiples: [Int64] {
    let most = max(1, Int64(width / Self.room))
    let step = Self.round.first { $0 > 0 && end / $0 <= most } ?? end
    return (0...(end / step)).map { $0 * step }
  }
}
