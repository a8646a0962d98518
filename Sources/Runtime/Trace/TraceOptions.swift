/// What `trace` is asked for.
public struct TraceOptions: Sendable {
  public enum Format: String, Sendable, CaseIterable { case text, json, html, svg, chrome, otlp }

  /// Paths, `-` for standard input, in the order of the command line.
  public var inputs: [String] = ["-"]
  public var format: Format = .text
  /// Whether a run that was cut off is a failure.
  public var isStrict = false
  /// Whether a line that stands twice word for word is passed over.
  public var allowsDuplicates = false
  public var follows = false
  /// Percentiles and counts of all runs instead of each run's own picture.
  public var summarises = false
  /// Which cells of the machine's table the runs have seen, and which not.
  public var coversTable = false
  /// Columns of the terminal.
  public var width = 80
  public var hasColours = false

  public init() {}
}
