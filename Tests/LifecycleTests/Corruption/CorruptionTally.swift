import Lifecycle

/// How many damages of each kind were caught, and which were not.
struct CorruptionTally {
  private var tried: [CorruptionKind: Int] = [:]
  private var caught: [CorruptionKind: Int] = [:]
  private(set) var survivors: [String: Int] = [:]

  mutating func run(
    _ logs: [CorruptibleLog], each count: Int, _ random: inout SplitMix
  ) {
    for kind in CorruptionKind.allCases {
      for _ in 0..<count {
        guard let outcome = logs.randomElement(using: &random)?.corrupt(kind, &random) else {
          continue
        }
        tried[kind, default: 0] += 1
        if outcome.isCaught {
          caught[kind, default: 0] += 1
        } else {
          survivors[outcome.what, default: 0] += 1
        }
      }
    }
  }

  /// Of the kinds that count.
  var triedInAll: Int { Self.sum(tried) }
  var caughtInAll: Int { Self.sum(caught) }

  private static func sum(_ counts: [CorruptionKind: Int]) -> Int {
    counts.reduce(0) { $0 + ($1.key.counts ? $1.value : 0) }
  }

  /// A table in Markdown.
  var table: String {
    var text = "| damage | tried | caught |\n| --- | --- | --- |\n"
    for kind in CorruptionKind.allCases {
      let (tried, caught) = (tried[kind] ?? 0, caught[kind] ?? 0)
      if kind == .process {
        text += "| together | \(triedInAll) | \(Self.rate(caughtInAll, of: triedInAll)) |\n"
      }
      text += "| \(kind.rawValue) | \(tried) | \(Self.rate(caught, of: tried)) |\n"
    }
    return text
  }

  /// In per cent, rounded down to a tenth.
  static func rate(_ caught: Int, of tried: Int) -> String {
    let tenths = tried == 0 ? 1000 : caught * 1000 / tried
    return "\(tenths / 10).\(tenths % 10) %"
  }
}
