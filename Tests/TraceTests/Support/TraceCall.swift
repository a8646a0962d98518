import Glibc
import Lifecycle
import LinuxSystem

@testable import LogTrace

/// One call of `trace` over files in a folder of its own, and what came of it.
struct TraceCall {
  var runs: [RunReport] = []
  var totals = Totals()
  var complaints: [String] = []
  var status: Int32 = 0

  private struct Collector: TraceView {
    var runs: [RunReport] = []
    var totals = Totals()

    mutating func show(_ run: RunReport) -> String {
      runs.append(run)
      return ""
    }
    mutating func finish(_ totals: Totals) -> String {
      self.totals = totals
      return ""
    }
  }

  /// - Parameters:
  ///   - inputs: their contents, read in this order; they are called a, b, c …
  ///   - helpers: threads beside this one, from the first byte on.
  init(
    _ inputs: [[UInt8]], helpers: Int = 0, _ change: (inout TraceOptions) -> Void = { _ in }
  ) throws {
    let folder = try TemporaryFolder()
    let names = (0..<inputs.count).map { String(UnicodeScalar(UInt8(97 + $0))) }
    for (name, bytes) in zip(names, inputs) { try folder.write(name, bytes) }
    self.init(paths: names.map { "\(folder.path)/\($0)" }, helpers: helpers, change)
  }

  init(
    paths: [String], helpers: Int = 0, _ change: (inout TraceOptions) -> Void = { _ in }
  ) {
    var options = TraceOptions()
    options.inputs = paths
    change(&options)
    var session = TraceSession(options)
    var view = Collector()
    var complaints: [String] = []
    status = session.judge(
      &view, ScanQueue(options, helpers: helpers, after: 0), write: { _ in },
      complain: { complaints.append($0) })
    (runs, totals, self.complaints) = (view.runs, view.totals, complaints)
  }

  var verdicts: [String] { runs.map(\.verdict.name) }

  /// What the first violation says.
  var problem: String? {
    for run in runs { if case .violates(let violation) = run.verdict { return violation.problem } }
    return nil
  }
}

/// A folder that goes with the value.
final class TemporaryFolder {
  let path = "/tmp/par-trace-tests-\(randomHexadecimal(bytes: 8))"

  init() throws { try makeFolders(path, mode: 0o700) }

  deinit { removeTree(path) }

  func write(_ name: String, _ bytes: [UInt8]) throws {
    let file = creat("\(path)/\(name)", 0o600)
    guard file >= 0 else { throw SystemError("creat", name) }
    writeAll(file, bytes)
    close(file)
  }
}
