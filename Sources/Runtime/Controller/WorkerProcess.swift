import CPlatform
import Glibc
import Lifecycle
import LinuxSystem

/// The agent host: a Python process that loads the agent's code and serves it on a Unix socket.
///
/// It has pipes for its output (1, 2), a control pipe whose end it obeys (3), a datagram socket
/// for notifications in the format of sd_notify(3) (4), and a pipe for stacks (5).
final class WorkerProcess {
  enum Report {
    case output(stream: String, line: String)
    /// `STATUS=`: what it is doing.
    case status(String)
    case warning(code: String, message: String)
    case ready
    case failed(Explanation)
  }

  /// The last lines of its standard error, for an end without a word.
  static let stderrLines = 20
  /// How long a dump of the stacks is waited for, and how long it may pause.
  static let stacksTimeout = Interval.milliseconds(300)
  static let stacksPause: Int32 = 60
  static let stacksLimit = 12 * 1024

  let attempt: Int
  let pid: Int32
  private(set) var lastErrors: [String] = []
  private(set) var lastStatus: String?
  private(set) var failure: Explanation?
  private(set) var isReady = false
  /// Whether this program sent the killing signal.
  private(set) var wasKilled = false
  private let loop: ControlLoop
  private let report: (Report) -> Void
  private let control: Int32
  private let notify: Int32
  private let stacks: Int32
  private let streams: [(fd: Int32, name: String)]
  private var readers: [LineReader]
  private let oomKillsBefore: Int?

  init(
    attempt: Int, python: String, startFile: String, folder: String, environment: [String],
    configuration: JSONValue, loop: ControlLoop, report: @escaping (Report) -> Void
  ) throws(SystemError) {
    self.attempt = attempt
    self.loop = loop
    self.report = report
    let output = try Pipe()
    let errors = try Pipe()
    let controlPipe = try Pipe()
    let stacksPipe = try Pipe()
    var pair: (Int32, Int32) = (-1, -1)
    let paired = withUnsafeMutablePointer(to: &pair) {
      $0.withMemoryRebound(to: Int32.self, capacity: 2) { par_datagram_pair($0) }
    }
    guard paired == 0 else { throw SystemError("socketpair") }
    defer {
      for fd in [
        output.writeEnd, errors.writeEnd, controlPipe.readEnd, stacksPipe.writeEnd, pair.1,
      ] {
        closeDescriptor(fd)
      }
    }
    oomKillsBefore = ControlGroup.oomKills()
    control = controlPipe.writeEnd
    notify = pair.0
    stacks = stacksPipe.readEnd
    streams = [(output.readEnd, "stdout"), (errors.readEnd, "stderr")]
    readers = [LineReader(), LineReader()]
    do {
      pid = try ProcessTree.spawn(
        python, arguments: [python, "-u", startFile], environment: environment, folder: folder,
        descriptors: [
          -1, output.writeEnd, errors.writeEnd, controlPipe.readEnd, pair.1, stacksPipe.writeEnd,
        ])
    } catch {
      for fd in [
        output.readEnd, errors.readEnd, controlPipe.writeEnd, stacksPipe.readEnd, pair.0,
      ] {
        closeDescriptor(fd)
      }
      throw error
    }
    writeAll(control, JSONWriter.encode(configuration) + [UInt8(ascii: "\n")])
    // From here on a host that does not read must not make us wait.
    for fd in [output.readEnd, errors.readEnd, notify, stacks, control] {
      _ = par_set_nonblocking(fd)
    }
    for (index, stream) in streams.enumerated() {
      try loop.watch(stream.fd) { [weak self] in self?.readOutput(index) }
    }
    try loop.watch(notify) { [weak self] in self?.readNotifications() }
  }

  /// Sends a command line: `drain` or `stop`. A host that is gone, or does not read, is no error.
  func command(_ word: String) {
    _ = writeAll(control, Array((word + "\n").utf8))
  }

  func kill() {
    wasKilled = true
    ProcessTree.killGroup(pid)
  }

  /// Whether the kernel's out-of-memory killer ended it, as far as the control group tells.
  func wasOutOfMemory(_ status: ExitStatus) -> Bool {
    guard case .signaled(SIGKILL) = status, !wasKilled, let before = oomKillsBefore,
      let now = ControlGroup.oomKills()
    else { return false }
    return now > before
  }

  /// The Python stacks of all its threads, by faulthandler, also while an import hangs; nil when it
  /// does not answer in time. Waits on the calling thread.
  func dumpStacks() -> String? {
    guard Glibc.kill(pid, SIGUSR2) == 0 else { return nil }
    let deadline = Clock.now() + Self.stacksTimeout
    var dump: [UInt8] = []
    while dump.count < Self.stacksLimit {
      let left = (deadline - Clock.now()).milliseconds
      let patience = dump.isEmpty ? Int32(clamping: left) : Self.stacksPause
      guard left > 0, waitReadable(stacks, milliseconds: patience),
        case .bytes(let bytes) = readAvailable(stacks)
      else { break }
      dump += bytes
    }
    return dump.isEmpty ? nil : String(decoding: dump.prefix(Self.stacksLimit), as: UTF8.self)
  }

  /// The process ended: its last words are read and everything is closed.
  func ended() {
    readNotifications()
    for index in streams.indices { readOutput(index) }
    ProcessTree.killGroup(pid)
    for stream in streams { forget(stream.fd) }
    for fd in [notify, control, stacks] { forget(fd) }
  }

  private func forget(_ fd: Int32) {
    loop.forget(fd)
    closeDescriptor(fd)
  }

  private func readOutput(_ index: Int) {
    let stream = streams[index]
    let (lines, hasEnded) = readers[index].read(stream.fd)
    for line in lines {
      if stream.name == "stderr" { lastErrors = (lastErrors + [line]).suffix(Self.stderrLines) }
      report(.output(stream: stream.name, line: line))
    }
    if hasEnded { loop.forget(stream.fd) }
  }

  private func readNotifications() {
    while true {
      let datagram: [UInt8]
      switch readAvailable(notify) {
      case .bytes(let bytes): datagram = bytes
      case .nothingYet: return
      case .end: return loop.forget(notify)
      }
      for line in String(decoding: datagram, as: UTF8.self).split(separator: "\n") {
        guard let equals = line.firstIndex(of: "=") else { continue }
        take(String(line[..<equals]), String(line[line.index(after: equals)...]))
      }
    }
  }

  private func take(_ name: String, _ value: String) {
    switch name {
    case "READY" where value == "1" && !isReady:
      isReady = true
      report(.ready)
    case "STATUS":
      lastStatus = value
      report(.status(value))
    case "X_PAR_WARNING":
      guard let warning = try? JSONReader.decode(value), let code = warning["code"]?.text,
        let message = warning["message"]?.text
      else { return }
      report(.warning(code: code, message: message))
    case "X_PAR_FAILURE":
      guard let told = try? JSONReader.decode(value), let error = told["error"]?.text else {
        return
      }
      let explanation = Explanation(
        error: error, detail: told["detail"]?.text, hint: told["hint"]?.text)
      failure = explanation
      report(.failed(explanation))
    default: break
    }
  }
}
