/// One metric of `/metrics`: what it is called, what it is, and where its samples come from.
struct Metric: Sendable {
  enum Kind: String {
    case gauge, counter, histogram, summary
  }

  /// What a reading is made from.
  struct Source {
    let shared: SharedState
    let snapshot: Snapshot

    /// Of all loops together.
    func sum(_ count: (LoopCounters) -> Int) -> Int {
      shared.counters.reduce(0) { $0 + count($1) }
    }
  }

  let name: String
  let kind: Kind
  let help: String
  let write: @Sendable (Source, inout MetricsText) -> Void

  /// Any samples.
  static func samples(
    _ name: String, _ kind: Kind, _ help: String,
    write: @escaping @Sendable (Source, inout MetricsText) -> Void
  ) -> Metric { Metric(name: name, kind: kind, help: help, write: write) }

  /// One number.
  static func one(
    _ name: String, _ kind: Kind, _ help: String,
    _ value: @escaping @Sendable (Source) -> any CustomStringConvertible
  ) -> Metric { samples(name, kind, help) { $1.sample(value($0)) } }

  /// One number, the sum of what the loops count.
  static func loops(
    _ name: String, _ kind: Kind, _ help: String, _ count: @escaping @Sendable (LoopCounters) -> Int
  ) -> Metric { samples(name, kind, help) { $1.sample($0.sum(count)) } }

  /// The same for each value of a label.
  static func loops<Label: CaseIterable & Sendable>(
    _ name: String, _ kind: Kind, _ help: String, by label: String, _: Label.Type,
    _ count: @escaping @Sendable (LoopCounters, Label) -> (StaticString, Int)
  ) -> Metric {
    let values = Array(Label.allCases)
    return samples(name, kind, help) { source, out in
      for value in values {
        let readings = source.shared.counters.map { count($0, value) }
        out.sample(readings.reduce(0) { $0 + $1.1 }, "\(label)=\"\(readings[0].0)\"")
      }
    }
  }
}
