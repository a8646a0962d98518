internal import Lifecycle

/// Makes something to look at from runs, one after the other as they end.
protocol TraceView {
  /// What stands before the first run.
  mutating func begin() -> String
  mutating func show(_ run: RunReport) -> String
  /// What stands after the last run.
  mutating func finish(_ totals: Totals) -> String
}

extension TraceView {
  mutating func begin() -> String { "" }
  mutating func finish(_ totals: Totals) -> String { "" }
}
