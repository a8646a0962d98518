import ControlPlane
import CPlatform
import DataPlane
import Glibc
import Lifecycle
import LinuxSystem

/// The agent host: a Python process that loads the agent's code and serves it on a Unix socket.
///
/// It has pipes for its output (1, 2), a control pipe whose end it obeys (3), a datagram socket
/// for notifications in the format of sd_notify(3) (4), a file in memory for stacks (5), and memory
/// that it shares with the program (6).
final class WorkerProcess {
  enum Report {
    case output(stream: String, line: String)
    /// `STATUS=`: what it is doing.
    case status(String)
    case warning(code: String, message: String)
    case ready(A2A)
    case failed(Explanation)
  }

  /// What it serves for other agents (`X_PAR_A2A`).
  struct A2A: Equatable {
    enum GRPC: Equatable {
      case none
      /// On the socket that its configuration names.
      case socket
      /// A server that the agent opened itself, on 127.0.0.1.
      case loopback(UInt16)
    }

    var grpc = GRPC.none
    /// An application behind `P/a2a`, on the REST socket.
    var isOverHTTP = false

    init() {}

    init(json: JSONValue) {
      isOverHTTP = json["http"] == .bool(true)
      if json["grpc"]?.text == "unix" {
        grpc = .socket
      } else if case .integer(let number) = json["grpc"], let port = UInt16(exactly: number),
        port > 0
      {
        grpc = .loopback(port)
      }
    }
  }

  /// The last lines of its standard error, for an end without a word.
  static let stderrLines = 20
  /// Notifications that are read in one round, and warnings that are passed on in all.
  static let datagramsPerRound = 64
  static let warningsLimit = 100
  /// What of the stacks goes with the reason of a kill, in characters.
  static let stacksLimit = 8 * 1024
  /// What is kept of a `STATUS=`, in characters: it becomes a part of sentences.
  static let statusLimit = 200

  /// Of the machine; a worker that takes another's place in ready has the same one.
  let attempt: Int
  /// Of all workers of the run, from 1.
  let number: Int
  let pid: Int32
  let startedAt = Clock.now()
  let sockets: WorkerSockets
  let memory: WorkerMemory
  private(set) var lastErrors: [String] = []
  private(set) var lastStatus: String?
  private(set) var failure: Explanation?
  private(set) var isReady = false
  private var a2a = A2A()
  /// Whether this program sent the killing signal.
  private(set) var wasKilled = false
  /// Why it did, as a sentence about the agent, and where the agent was then.
  private(set) var verdict: (sentence: String, stacks: String?)?
  private let loop: ControlLoop
  private let report: (Report) -> Void
  private let control: Int32
  private let notify: Int32
  private let stacks: StacksFile
  private var warnings = 0
  private let streams: [(fd: Int32, name: String)]
  private var readers: [LineReader]
  private let oomKillsBefore: Int?

  /// Until it can dump its stacks, being asked to must not end it. When memory runs out, the agent
  /// goes and whoever can tell of it stays.
  private static let confinement = {
    var confinement = Confinement()
    confinement.ignoredSignal = SIGUSR2
    confinement.isExpendable = true
    return confinement
  }()

  init(
    attempt: Int, number: Int, python: String, startFile: String, folder: String,
    environment: [String], sockets: WorkerSockets, configuration: JSONValue, loop: ControlLoop,
    report: @escaping (Report) -> Void
  ) throws(SystemError) {
    self.attempt = attempt
    self.number = number
    self.sockets = sockets
    memory = try WorkerMemory()
    self.loop = loop
    self.report = report
    let pipes = try PipeSet(3)
    defer { pipes.closeTheirs(input: [2]) }
    let (output, errors, controlPipe) = (pipes[0], pipes[1], pipes[2])
    var pair: (Int32, Int32) = (-1, -1)
    let paired = withUnsafeMutablePointer(to: &pair) {
      $0.withMemoryRebound(to: Int32.self, capacity: 2) { par_datagram_pair($0) }
    }
    defer { closeDescriptor(pair.1) }
    do throws(SystemError) {
      guard paired == 0 else { throw SystemError("socketpair") }
      stacks = try StacksFile()
      pid = try ProcessTree.spawn(
        python, arguments: [python, "-u", startFile], environment: environment, folder: folder,
        descriptors: [
          -1, output.writeEnd, errors.writeEnd, controlPipe.readEnd, pair.1, stacks.descriptor,
          memory.descriptor,
        ],
        confinement: Self.confinement)
    } catch {
      pipes.closeOurs(input: [2])
      closeDescriptor(pair.0)
      throw error
    }
    oomKillsBefore = ControlGroup.oomKills()
    control = controlPipe.writeEnd
    notify = pair.0
    streams = [(output.readEnd, "stdout"), (errors.readEnd, "stderr")]
    readers = [LineReader(), LineReader()]
    // A host that does not read must not make us wait; one that lacks its configuration says so.
    for fd in [output.readEnd, errors.readEnd, notify, control] { _ = par_set_nonblocking(fd) }
    writeAll(control, JSONWriter.encode(configuration) + [UInt8(ascii: "\n")])
    for (index, stream) in streams.enumerated() {
      try loop.watch(stream.fd) { [weak self] in self?.readOutput(index) }
    }
    try loop.watch(notify) { [weak self] in self?.readNotifications() }
  }

  /// Sends a command line: `drain`, `end_streams` or `stop`. A host that is gone, or does not read, is no error.
  func command(_ word: String) {
    _ = writeAll(control, Array((word + "\n").utf8))
  }

  func kill() {
    wasKilled = true
    ProcessTree.killGroup(pid)
  }

  /// Kills it for a reason that its end is told with.
  func kill(because sentence: String, stacks: String?) {
    verdict = (sentence, stacks)
    kill()
  }

  /// Its last words, for the line of its end: why it was killed, what it said itself, or what it
  /// wrote last.
  var lastWords: String? {
    if let verdict {
      // The beginning tells why, and a line keeps the end of what is too long for it.
      let stacks = verdict.stacks.map { "\n" + $0.prefix(Self.stacksLimit) } ?? ""
      return verdict.sentence + stacks
    }
    return failure?.detail ?? (lastErrors.isEmpty ? nil : lastErrors.joined(separator: "\n"))
  }

  /// Whether the kernel's out-of-memory killer ended it, as far as the control group tells.
  func wasOutOfMemory(_ status: ExitStatus) -> Bool {
    guard case .signaled(SIGKILL) = status, !wasKilled, let before = oomKillsBefore,
      let now = ControlGroup.oomKills()
    else { return false }
    return now > before
  }

  /// The end of a sentence that begins with the agent's process.
  func howItEnded(_ status: ExitStatus) -> String {
    if let verdict { return "was killed: \(verdict.sentence)" }
    switch status {
    case .exited(let code): return "ended with status \(code)"
    case .signaled(let number):
      return wasOutOfMemory(status)
        ? "was ended by the kernel because memory ran out"
        : "was ended by \(SignalSource.name(number))"
    }
  }

  /// Asks for the Python stacks of all its threads, by faulthandler, also while an import hangs;
  /// `done` gets nil when it does not answer in time.
  func dumpStacks(_ done: @escaping (String?) -> Void) {
    stacks.dump(of: pid, loop: loop, done: done)
  }

  /// The process ended: its last words are read and everything is closed.
  func ended() {
    readNotifications()
    for index in streams.indices { readOutput(index) }
    ProcessTree.killGroup(pid)
    for stream in streams { forget(stream.fd) }
    for fd in [notify, control] { forget(fd) }
    stacks.workerEnded()
    sockets.remove()
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
    for _ in 0..<Self.datagramsPerRound {
      // An empty datagram looks like the end, which a socket without connections never comes to.
      guard case .bytes(let datagram) = readAvailable(notify) else { return }
      var isReady = false
      for line in String(decoding: datagram, as: UTF8.self).split(separator: "\n") {
        if line == "READY=1" { isReady = true }
        guard let equals = line.firstIndex(of: "=") else { continue }
        take(String(line[..<equals]), String(line[line.index(after: equals)...]))
      }
      // After what the same datagram says of the surfaces.
      if isReady, !self.isReady {
        self.isReady = true
        report(.ready(a2a))
      }
    }
  }

  private func take(_ name: String, _ value: String) {
    switch name {
    case "X_PAR_A2A": if let told = try? JSONReader.decode(value) { a2a = A2A(json: told) }
    case "STATUS":
      let doing = String(value.prefix(Self.statusLimit))
      lastStatus = doing
      report(.status(doing))
    case "X_PAR_WARNING":
      guard let warning = try? JSONReader.decode(value), let code = warning["code"]?.text,
        let message = warning["message"]?.text, warnings < Self.warningsLimit
      else { return }
      warnings += 1
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
