import LinuxSystem
import LogTrace

enum TraceCommand {
  static let command = Command(
    name: "trace", usage: "trace [OPTION...] [FILE...]",
    summary: "replay event logs and check them",
    help: """
      Replays event logs, from the files or from standard input, with the state machine that wrote
      them, and prints a verdict and a timeline for each run. Lines that do not begin with { are
      somebody else's and only counted.

        --strict    a log that was cut off is a failure too

      exit status: 0 all conform (a log that was cut off too), 1 a violation or a corrupt run,
      2 unknown version, an unreadable file, wrong usage.
      """
  ) { (arguments: Arguments, environment) throws(UsageError) in
    var arguments = arguments
    var options = TraceOptions()
    options.isStrict = arguments.takeFlag("--strict")
    let files = try arguments.rest()
    if !files.isEmpty { options.inputs = files }
    var session = TraceSession(options)
    do throws(TraceSession.InputError) {
      return try session.run { writeAll(1, Array($0.utf8)) }
    } catch {
      throw UsageError(error.sentence)
    }
  }
}
