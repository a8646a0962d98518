/// One option of `trace`. The table is the command line: what has a row is taken, and stands in the help.
///
/// A new option is a row in `all` and a property of `TraceOptions`; what it does not go together with is
/// a row in `TraceOptions.contradictions`; a new format is a case of `TraceOptions.Format` and a line of `makeView`.
public struct TraceOption: Sendable {
  /// What is wrong with a command line, as one sentence.
  public struct Misuse: Error, Equatable {
    public let sentence: String
  }

  /// With its two hyphens.
  public let name: String
  /// What the help calls its value; nil: it takes none.
  public let value: String?
  /// A few words.
  public let help: String
  private let set: @Sendable (inout TraceOptions, String) throws(Misuse) -> Void

  /// Notes the option, with its value (empty for one that takes none).
  public func apply(_ value: String, to options: inout TraceOptions) throws(Misuse) {
    try set(&options, value)
  }

  /// In the order of the help.
  public static let all: [TraceOption] = [
    TraceOption(name: "--format", value: "FORMAT", help: TraceOptions.Format.names) {
      (options, value) throws(Misuse) in options.format = try choice("--format", value)
    },
    TraceOption(name: "--run", value: "ID", help: "only the run whose id begins so") {
      (options, value) throws(Misuse) in
      guard !value.isEmpty else { throw Misuse(sentence: "--run needs the beginning of an id") }
      options.runID = value
    },
    TraceOption(name: "--strict", value: nil, help: "a run that was cut off is a failure too") {
      (options, _) throws(Misuse) in options.isStrict = true
    },
    TraceOption(
      name: "--allow-duplicates", value: nil, help: "pass over a line that stands twice"
    ) { (options, _) throws(Misuse) in options.allowsDuplicates = true },
    TraceOption(name: "--summary", value: nil, help: "all runs together: counts and percentiles") {
      (options, _) throws(Misuse) in options.summarises = true
    },
    TraceOption(
      name: "--follow", value: nil, help: "judge what is written while it is written, as tail -F"
    ) { (options, _) throws(Misuse) in options.follows = true },
    TraceOption(
      name: "--coverage", value: nil, help: "what of the machine's table the runs have seen"
    ) { (options, _) throws(Misuse) in options.coversTable = true },
    TraceOption(
      name: "--max-regress", value: "PERCENT",
      help: "of diff: how much slower is too much (default 10%)"
    ) { (options, value) throws(Misuse) in
      let number = Double(value.hasSuffix("%") ? String(value.dropLast()) : value)
      guard let number, number.isFinite, number >= 0 else {
        throw Misuse(sentence: "--max-regress \(value) is no percentage such as 10%")
      }
      options.maximumRegression = number / 100
    },
    TraceOption(
      name: "--color", value: "WHEN",
      help: "auto (in a terminal, but for NO_COLOR), always, never"
    ) { (options, value) throws(Misuse) in options.colours = try choice("--color", value) },
    TraceOption(name: "--promises", value: nil, help: "what every log keeps, as a table") {
      (options, _) throws(Misuse) in options.listsPromises = true
    },
  ]

  /// The rows of the help, as wide as the help's other text.
  public static var helpText: String {
    let heads = all.map { "\($0.name)\($0.value.map { " " + $0 } ?? "")" }
    let width = heads.map(\.count).max() ?? 0
    return zip(heads, all).map { head, option in
      "  \(head)\(String(repeating: " ", count: width - head.count + 2))\(option.help)"
    }.joined(separator: "\n")
  }

  private static func choice<Choice: CaseIterable & RawRepresentable>(
    _ name: String, _ value: String
  ) throws(Misuse) -> Choice where Choice.RawValue == String {
    guard let choice = Choice(rawValue: value) else {
      let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
      throw Misuse(sentence: "\(name) \(value) is none of \(names)")
    }
    return choice
  }
}
