internal import Lifecycle
internal import LinuxSystem

/// One call of `trace diff`: two inputs, a file or a folder of files each.
public struct TraceComparison {
  /// The most files of one folder.
  static let fileLimit = 100_000

  private let options: TraceOptions

  /// `options.inputs` has two elements.
  public init(_ options: TraceOptions) { self.options = options }

  /// Prints what changed. 1 when something regressed or a run violates; 2 when B was written by an
  /// unknown version. What A was written by does not matter: its runs are measured, and that is all.
  public func run(write: (String) -> Void) throws(TraceSession.InputError) -> Int32 {
    let (before, after) = (options.inputs[0], options.inputs[1])
    let (a, _) = try judge(before)
    let (b, status) = try judge(after)
    let comparison = Comparison(a, b, limit: options.maximumRegression)
    let view = ComparisonView(comparison, (a, b), names: (before, after))
    write(options.format == .text ? view.text(width: options.width) : view.json)
    if status == 2 { return 2 }
    let isBroken = ["violates", "corrupt"].contains { a.verdicts[$0] != nil }
    return isBroken || comparison.hasRegressed ? 1 : status
  }

  private func judge(_ input: String) throws(TraceSession.InputError) -> (Fleet, Int32) {
    var side = options
    side.inputs = try Self.files(of: input)
    var session = TraceSession(side)
    var view = Collector()
    let status = try session.judge(&view) { _ in }
    if view.fleet.runs == 0 {
      throw TraceSession.InputError(sentence: "\(input) holds no run to compare")
    }
    return (view.fleet, status)
  }

  private static func files(of input: String) throws(TraceSession.InputError) -> [String] {
    let names = folderNames(input).filter { !$0.hasPrefix(".") }.sorted()
    guard names.count <= fileLimit else {
      throw TraceSession.InputError(sentence: "\(input) holds more than \(fileLimit) files")
    }
    return names.isEmpty ? [input] : names.map { "\(input)/\($0)" }
  }

  private struct Collector: TraceView {
    var fleet = Fleet()

    mutating func show(_ run: RunReport) -> String {
      fleet.take(run)
      return ""
    }
  }
}
