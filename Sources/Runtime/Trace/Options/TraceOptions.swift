/// What `trace` is asked for.
public struct TraceOptions: Sendable {
  /// What the runs are printed as. A case is here once `view` makes something of it.
  public enum Format: String, Sendable, CaseIterable {
    case text
    case json, html, svg, chrome, otlp

    /// For the help and for who asked for another one.
    static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
  }

  public enum Colours: String, Sendable, CaseIterable { case auto, always, never }

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
  /// Two inputs side by side: what became slower.
  public var compares = false
  /// By what part a percentile may become worse: 0.1 for 10 %.
  public var maximumRegression = 0.1
  /// Which cells of the machine's table the runs have seen, and which not.
  public var coversTable = false
  /// The table of promises instead of any run.
  public var listsPromises = false
  /// How the id of the only run that is looked at begins; nil: all are.
  public var runID: String?
  public var colours: Colours = .auto
  /// Columns of the terminal.
  public var width = 80
  public var hasColours = false
  /// Whether what is printed goes to a terminal and not to a file or a pipe.
  public var isForTerminal = false

  public init() {}

  /// Whether a run is one of those that are looked at.
  func wants(_ runID: String) -> Bool { self.runID.map { runID.hasPrefix($0) } ?? true }

  /// What is made of the runs: a format's view, or a report on all of them together.
  func makeView() -> any TraceView {
    if summarises { return SummaryView(self) }
    if coversTable { return CoverageView(self) }
    return switch format {
    case .text: TextView(self)
    case .json: JSONView()
    case .html: PageView()
    case .svg: PictureView()
    case .chrome: ChromeView()
    case .otlp: SpanView()
    }
  }

  /// What does not go together, with the sentence that says so.
  private static let contradictions: [(holds: @Sendable (TraceOptions) -> Bool, sentence: String)] =
    [
      (
        { $0.inputs.filter { $0 == "-" }.count > 1 },
        "standard input (-) can be read once"
      ),
      (
        { $0.compares && $0.inputs.count != 2 },
        "trace diff takes two inputs, the runs before and the runs after"
      ),
      (
        { $0.compares && ($0.summarises || $0.follows || $0.coversTable) },
        "trace diff is a report of its own: it takes no --summary, --coverage or --follow"
      ),
      (
        { $0.follows && ($0.summarises || $0.coversTable || $0.format != .text) },
        "--follow prints lines of text as they come: it takes no --summary, --coverage or --format"
      ),
      (
        { $0.listsPromises && ($0.inputs != ["-"] || $0.compares) },
        "--promises prints a table and reads nothing"
      ),
      (
        { $0.summarises && $0.coversTable },
        "--summary and --coverage are two reports: ask for one of them"
      ),
      (
        {
          ($0.summarises || $0.coversTable || $0.compares) && ![.text, .json].contains($0.format)
        },
        "--summary, --coverage and diff are printed as text or json: only runs are pictures"
      ),
      (
        { !$0.compares && $0.maximumRegression != TraceOptions().maximumRegression },
        "--max-regress is for trace diff"
      ),
    ]

  /// What of the options does not go together, as a sentence.
  public var contradiction: String? { Self.contradictions.first { $0.holds(self) }?.sentence }
}
