internal import Lifecycle
internal import LinuxSystem

/// One call of `trace diff`: two inputs, a file or a folder of files each.
public struct TraceComparison {
  private let options: TraceOptions

  /// `options.inputs` has two elements.
  public init(_ options: TraceOptions) { self.options = options }

  /// Prints what changed, and complains of inputs that cannot be read. 1 when something regressed or a
  /// run violates; 2 when B was written by an unknown version, or there is nothing to compare. What A was
  /// written by does not matter: its runs are measured, and that is all.
  public func run(write: (String) -> Void, complain: (String) -> Void) -> Int32 {
    let (before, after) = (options.inputs[0], options.inputs[1])
    guard let a = judge(before, complain), let b = judge(after, complain) else { return 2 }
    let comparison = Comparison(a.fleet, b.fleet, limit: options.maximumRegression)
    let view = ComparisonView(comparison, (a.fleet, b.fleet), names: (before, after))
    write(options.format == .text ? view.text(width: options.width) : view.json)
    if a.totals.unreadable > 0 || b.status == 2 { return 2 }
    let isBroken = a.totals.runs["violates"] != nil || a.totals.runs["corrupt"] != nil
    return isBroken || comparison.hasRegressed ? 1 : b.status
  }

  private func judge(_ input: String, _ complain: (String) -> Void) -> Collector? {
    var side = options
    side.inputs = Self.files(of: input)
    var session = TraceSession(side)
    var view = Collector()
    view.status = session.judge(
      &view, ScanQueue(side), write: { _ in }, complain: complain)
    guard view.fleet.runs > 0 else {
      if view.totals.unreadable == 0 {
        complain(InputFault(input, "holds no run to compare").sentence)
      }
      return nil
    }
    return view
  }

  /// A folder stands for the files in it, those of folders in it not included.
  private static func files(of input: String) -> [String] {
    let names = folderNames(input).filter { !$0.hasPrefix(".") }.sorted()
    return names.isEmpty ? [input] : names.map { "\(input)/\($0)" }
  }

  private struct Collector: TraceView {
    var fleet = Fleet()
    var totals = Totals()
    var status: Int32 = 0

    mutating func show(_ run: RunReport) -> String {
      fleet.take(run)
      return ""
    }

    mutating func finish(_ totals: Totals) -> String {
      self.totals = totals
      return ""
    }
  }
}
