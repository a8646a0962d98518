package import AgentPackages
import CPlatform
import Glibc
package import Lifecycle
package import LinuxSystem

/// A step of the boot that reads a package, in a process of its own: this program, re-executed.
package final class StepProcess {
  package enum Kind: String { case fetch, verify, install }

  /// What it tells, on the loop's thread. One of the last two comes once, as the last thing.
  package enum Report {
    case progress(String)
    /// An attempt of the fetch step failed, and another follows.
    case retry(attempt: Int, error: String, delayMilliseconds: Int64)
    case done(JSONValue)
    case failed(StepFailure)
  }

  /// The longest message of a step, in bytes: its result holds the agent's whole environment.
  package static let messageLimit = 16 << 20
  /// The last lines of its standard error that a failure without a word of its own is told with.
  package static let stderrLines = 20

  package let kind: Kind
  private let loop: ControlLoop
  private let report: (Report) -> Void
  private var output: Int32
  private var errors: Int32
  private var outputLines = LineReader(maximum: StepProcess.messageLimit)
  private var errorLines = LineReader()
  private var lastErrors: [String] = []
  private var isOver = false
  package private(set) var pid: Int32

  package init(
    _ kind: Kind, request: JSONValue, environment: [String], loop: ControlLoop,
    report: @escaping (Report) -> Void
  ) throws(SystemError) {
    self.kind = kind
    self.loop = loop
    self.report = report
    let pipes = try PipeSet(3)
    defer { pipes.closeTheirs(input: [0]) }
    let (input, output, errors) = (pipes[0], pipes[1], pipes[2])
    do {
      pid = try ProcessTree.spawn(
        "/proc/self/exe", arguments: ["par-lifecycle", "step", kind.rawValue],
        environment: environment,
        descriptors: [input.readEnd, output.writeEnd, errors.writeEnd])
    } catch {
      pipes.closeOurs(input: [0])
      throw error
    }
    self.output = output.readEnd
    self.errors = errors.readEnd
    for fd in [input.writeEnd, output.readEnd, errors.readEnd] { _ = par_set_nonblocking(fd) }
    // A request is far smaller than the pipe's 64 KiB; a step that did not get all of it says so.
    writeAll(input.writeEnd, JSONWriter.encode(request) + [UInt8(ascii: "\n")])
    closeDescriptor(input.writeEnd)
    try loop.watch(output.readEnd) { [weak self] in self?.readOutput() }
    try loop.watch(errors.readEnd) { [weak self] in self?.readErrors() }
  }

  /// Stops it at once and says no more. What it had begun to write is its own to sweep later.
  package func cancel() {
    isOver = true
    ProcessTree.killGroup(pid)
    closeAll()
  }

  /// The process ended: what it still had to say is read, and an end without a result reported.
  package func ended(_ status: ExitStatus) {
    guard !isOver else { return }
    readOutput()
    readErrors()
    guard !isOver else { return }
    let how =
      switch status {
      case .exited(let code): "ended with status \(code)"
      case .signaled(let number): "was ended by \(SignalSource.name(number))"
      }
    let what = outputLines.hasCut ? "with a result of more than \(Self.messageLimit) bytes" : nil
    finish(
      .failed(
        StepFailure(
          (kind == .fetch ? "Failed to download package: " : "")
            + "the \(kind.rawValue) step \(how) \(what ?? "without a result")",
          detail: lastErrors.isEmpty ? nil : lastErrors.joined(separator: "\n"),
          hint: "look at memory and disk space; docs/errors.md#step-ended")))
  }

  private func readOutput() {
    guard !isOver else { return }
    let (lines, hasEnded) = outputLines.read(output)
    for line in lines { take(line) }
    if hasEnded, !isOver { loop.forget(output) }
  }

  private func readErrors() {
    guard !isOver else { return }
    let (lines, hasEnded) = errorLines.read(errors)
    lastErrors = (lastErrors + lines).suffix(Self.stderrLines)
    if hasEnded { loop.forget(errors) }
  }

  private func take(_ line: String) {
    guard !isOver, let message = try? JSONReader.decode(line) else { return }
    if let progress = message["progress"]?.text {
      report(.progress(progress))
    } else if let retry = message["retry"] {
      report(
        .retry(
          attempt: Int(clamping: retry["attempt"]?.whole ?? 1), error: retry["error"]?.text ?? "",
          delayMilliseconds: retry["delay_ms"]?.whole ?? 0))
    } else if let result = message["ok"] {
      finish(.done(result))
    } else if let failure = message["failure"], let failure = try? StepFailure(json: failure) {
      finish(.failed(failure))
    }
  }

  private func finish(_ result: Report) {
    isOver = true
    closeAll()
    report(result)
  }

  private func closeAll() {
    for fd in [output, errors] where fd >= 0 {
      loop.forget(fd)
      closeDescriptor(fd)
    }
    (output, errors) = (-1, -1)
  }
}
