import Lifecycle
import LinuxSystem

enum TraceCommand {
  /// The largest log that is read, in bytes.
  static let sizeLimit = 1 << 30

  static let command = Command(
    name: "trace", usage: "trace [FILE...]", summary: "replay event logs and check them",
    help: """
      Replays event logs, from the files or from standard input, with the state machine that wrote
      them, and prints a verdict and a timeline for each run. Lines that do not begin with { are
      somebody else's and only counted.

      exit status: 0 all conform (a log that was cut off too), 1 a violation or a corrupt run,
      2 unknown version, an unreadable file, wrong usage.
      """
  ) { (arguments: Arguments, environment) throws(UsageError) in
    let files = try arguments.rest()
    var report = TraceReport()
    for file in files.isEmpty ? ["-"] : files {
      guard let content = readFile(file == "-" ? "/dev/stdin" : file, limit: sizeLimit) else {
        throw UsageError("\(file) cannot be read, or has more than \(sizeLimit >> 20) MiB")
      }
      report.take(content, source: file)
    }
    writeAll(1, Array(report.text.utf8))
    return report.status
  }
}
