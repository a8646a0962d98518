import CPlatform
import ControlPlane
import DataPlane
import Glibc
import Lifecycle
import LinuxSystem

/// A worker process: `par-lifecycle run` in a session of its own, with what the supervisor knows of
/// it.
///
/// It reads what the supervisor wants of it, as words on the control pipe, whose end makes it end at
/// once. To be used on the control loop's thread.
final class FleetWorker {
  /// What the supervisor says on the control pipe.
  enum Word: String { case terminate, interrupt, hangup, kill }

  /// Where it listens.
  enum Address: Equatable {
    case port(UInt16)
    case unix(String)

    var forDataPlane: WorkerAddress {
      switch self {
      case .port(let port): .loopback(port: port)
      case .unix(let path): .unix(path)
      }
    }

    var port: UInt16? { if case .port(let port) = self { port } else { nil } }
  }

  enum Report {
    case line(LineFramer.Line)
    /// A line of its standard error.
    case error(String)
  }

  /// The last lines of its standard error, for an end without a word.
  static let errorLines = 20

  /// Of all workers of the supervisor's life, from 1.
  let number: Int
  let release: AgentRelease
  let place: WorkerPlaces.Place
  let pid: Int32
  let startedAt = Clock.now()
  let startedAtWall = Clock.wallNanoseconds() / 1_000_000
  /// The same as the gate knows it.
  let upstream: Worker
  var testimony: WorkerTestimony
  /// Whether the log has a warning about what it writes.
  var wasWarnedOf = false
  private(set) var lastErrors: [String] = []
  /// Whether the supervisor killed it.
  private(set) var wasKilled = false
  /// Why it did, as a sentence about the worker.
  private(set) var killReason: String?
  /// Whether it was asked to stop.
  private(set) var wasAsked = false
  private let control: Int32
  private let errors: Int32
  private let loop: ControlLoop
  private let report: (Report) -> Void
  private var log: WorkerLog?
  private var errorReader = LineReader()
  private var errorAlarm: Int?
  private let oomKillsBefore: Int?
  private var isOver = false

  var agent: String { release.agent }
  var address: Address { place.address }

  /// Starts the process.
  ///
  /// - Parameters:
  ///   - place: its sockets are the caller's to close.
  ///   - environment: is given the number of the control pipe's descriptor, behind which is that of
  ///     the memory for marks.
  init(
    number: Int, release: AgentRelease, place: WorkerPlaces.Place,
    environment: (Int32) -> [String: String], loop: ControlLoop, log: LogWriter,
    report: @escaping (Report) -> Void
  ) throws(SystemError) {
    self.number = number
    self.release = release
    self.place = place
    // What it has in its hands when it ends is known by that.
    let memory = try WorkerMemory()
    upstream = Worker(address: place.address.forDataPlane, memory: memory)
    self.loop = loop
    self.report = report
    let sockets = place.sockets.map(\.descriptor)
    let pipes = try PipeSet(3)
    defer { pipes.closeTheirs(input: [2]) }
    let (output, errors, control) = (pipes[0], pipes[1], pipes[2])
    let words = environment(Int32(3 + sockets.count)).map { "\($0)=\($1)" }.sorted()
    do {
      pid = try ProcessTree.spawn(
        "/proc/self/exe", arguments: ["par-lifecycle", "run"], environment: words,
        descriptors: [-1, output.writeEnd, errors.writeEnd] + sockets
          + [control.readEnd, memory.descriptor],
        confinement: place.confinement)
    } catch {
      pipes.closeOurs(input: [2])
      throw error
    }
    testimony = WorkerTestimony(agent: release.agent, pid: pid)
    oomKillsBefore = ControlGroup.oomKills()
    self.control = control.writeEnd
    self.errors = errors.readEnd
    // One that does not read must not make us wait.
    for fd in [output.readEnd, errors.readEnd, control.writeEnd] { _ = par_set_nonblocking(fd) }
    do throws(SystemError) {
      self.log = try WorkerLog(output.readEnd, source: number, loop: loop, log: log) {
        [weak self] line in self?.report(.line(line))
      }
      try watchErrors()
    } catch {
      // It runs already, and nobody would ever know of it.
      ProcessTree.killGroup(pid)
      place.group?.kill()
      if let reader = self.log { reader.finish() } else { closeDescriptor(output.readEnd) }
      closeDescriptor(self.errors)
      closeDescriptor(self.control)
      throw error
    }
  }

  private func watchErrors() throws(SystemError) {
    try loop.watch(errors) { [weak self] in
      guard let self else { return }
      // Whoever floods it waits, as on the standard output.
      guard !readErrors() else { return }
      loop.forget(errors)
      errorAlarm = loop.schedule(at: Clock.now() + WorkerLog.pause) { [weak self] in
        self?.errorAlarm = nil
        try? self?.watchErrors()
      }
    }
  }

  /// A worker that is gone is no error.
  func tell(_ word: Word) {
    if word == .terminate || word == .interrupt { wasAsked = true }
    _ = writeAll(control, Array((word.rawValue + "\n").utf8))
  }

  /// Ends it and its session at once.
  ///
  /// - Parameter sentence: why, where its end would not tell.
  func kill(because sentence: String? = nil) {
    wasKilled = true
    killReason = killReason ?? sentence
    ProcessTree.killGroup(pid)
    place.group?.kill()
  }

  /// Whether the kernel's out-of-memory killer ended it, as far as the control group tells.
  func wasOutOfMemory(_ status: ExitStatus) -> Bool {
    guard case .signaled(SIGKILL) = status, !wasKilled else { return false }
    if let group = place.group { return group.outOfMemoryKills > 0 }
    guard let before = oomKillsBefore,
      let now = ControlGroup.oomKills()
    else { return false }
    return now > before
  }

  /// The process ended: its last words are read and everything is closed.
  func ended() {
    guard !isOver else { return }
    isOver = true
    log?.finish()
    readErrors()
    if let errorAlarm { loop.cancel(errorAlarm) }
    ProcessTree.killGroup(pid)
    loop.forget(errors)
    closeDescriptor(errors)
    closeDescriptor(control)
  }

  /// What it and everything below it use.
  ///
  /// - Parameter table: asked where no control group counts.
  func usage(_ table: () -> ProcessTable) -> TreeUsage {
    place.group?.usage ?? table().usage(of: pid)
  }

  /// - Returns: whether that was the end of it.
  @discardableResult
  private func readErrors() -> Bool {
    let (lines, hasEnded) = errorReader.read(errors)
    for line in lines {
      lastErrors = (lastErrors + [line]).suffix(Self.errorLines)
      report(.error(line))
    }
    if hasEnded { loop.forget(errors) }
    return hasEnded
  }
}
