import LinuxSystem
import LogTrace

enum TraceCommand {
  static let command = Command(
    name: "trace", usage: "trace [OPTION...] [FILE...]",
    summary: "replay event logs and check them",
    help: """
      Replays event logs, from the files or from standard input (-), with the state machine that
      wrote them: each run's verdict, its course, and what a line broke. Lines of others are only
      counted. `trace diff A B` compares two files, or folders of files: what became slower.

      \(TraceOption.helpText)

      exit status: 0 all conform (a log that was cut off too), 1 a violation or a corrupt run, or
      no line to check, 2 unknown version, an unreadable file, wrong usage.
      """
  ) { (arguments: Arguments, environment) throws(UsageError) in
    var arguments = arguments
    let options = try options(&arguments, environment)
    // A report that is not whole is no proof, whatever its verdict: a full disk is told.
    var fault: SystemError?
    @discardableResult func write(_ text: String) -> Bool {
      if fault == nil, !writeAll(1, Array(text.utf8)) { fault = SystemError("write") }
      return fault == nil
    }
    func ended(_ status: Int32) -> Int32 {
      guard let fault else { return status }
      complain("standard output cannot be written: \(fault.reason)")
      return 2
    }
    let complain: (String) -> Void = { writeAll(2, Array("par-lifecycle: \($0)\n".utf8)) }
    if options.listsPromises {
      write(PromiseList.text(options))
      return ended(0)
    }
    if options.compares {
      return ended(TraceComparison(options).run(write: { write($0) }, complain: complain))
    }
    if options.follows {
      do throws(SystemError) {
        var follow = try TraceFollow(options)
        return ended(try follow.run(write: write, complain: complain))
      } catch {
        complain(error.description)
        return 2
      }
    }
    var session = TraceSession(options)
    return ended(session.run(write: { write($0) }, complain: complain))
  }

  /// The options of the table; every other word is an input.
  private static func options(
    _ arguments: inout Arguments, _ environment: [String: String]
  ) throws(UsageError) -> TraceOptions {
    var options = TraceOptions()
    for option in TraceOption.all {
      if option.value == nil {
        while arguments.takeFlag(option.name) { try apply(option, "", to: &options) }
      } else {
        // The last one counts, as everywhere.
        while let value = try arguments.takeValue(option.name) {
          try apply(option, value, to: &options)
        }
      }
    }
    var files = try arguments.rest()
    if files.first == "diff" {
      options.compares = true
      files.removeFirst()
    }
    if !files.isEmpty { options.inputs = files }
    options.width = Terminal.columns(1, environment)
    options.isForTerminal = Terminal.isTerminal(1)
    options.hasColours =
      options.colours == .always
      || options.colours == .auto && Terminal.showsColours(1, environment)
    if let sentence = options.contradiction { throw UsageError(sentence) }
    return options
  }

  private static func apply(
    _ option: TraceOption, _ value: String, to options: inout TraceOptions
  ) throws(UsageError) {
    do { try option.apply(value, to: &options) } catch { throw UsageError(error.sentence) }
  }
}
