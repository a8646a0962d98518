/// Where a line stands.
struct Place: Sendable, Equatable {
  /// Which of the inputs, from 0.
  var input: Int
  /// From 1.
  var line: Int
}
