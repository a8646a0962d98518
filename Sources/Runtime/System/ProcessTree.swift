import CPlatform
import Glibc
public import Lifecycle

/// How a child ended.
public enum ExitStatus: Sendable, Equatable {
  case exited(Int32)
  case signaled(Int32)

  init(word: Int32) {
    self =
      par_signaled(word)
      ? .signaled(par_termination_signal(word)) : .exited(par_exit_status(word))
  }
}

/// Starting, reaping and killing children. To be used by the main thread alone: the parent-death
/// signal of a child fires when the thread that started it ends.
public enum ProcessTree {
  /// Children that this process has started and not reaped yet; the others it has adopted.
  private static let started = Locked(Set<Int32>())

  /// Children that this process had before it started any: whoever executed it has started them.
  private static let found = Locked(Set<Int32>())

  /// What is a child by now is not this program's: `adopted` and `killDescendants` leave it alone. (A
  /// shell that starts something in the background and then executes this program leaves it that child.)
  public static func spareChildren() {
    let children = children()
    found.withLock { $0.formUnion(children) }
  }

  private static func forget(_ pid: Int32) {
    started.withLock { _ = $0.remove(pid) }
    found.withLock { _ = $0.remove(pid) }
  }

  /// Starts a program in a session (and so a process group) of its own; see `par_spawn`.
  ///
  /// - Parameters:
  ///   - arguments: with the program's name first.
  ///   - environment: `NAME=value` texts, the whole of it.
  ///   - descriptors: what the child has as 0, 1, 2 …; −1 stands for /dev/null.
  ///   - confinement: how it differs from that.
  /// - Throws: what the kernel says, and of what: of the program when it could not be executed.
  public static func spawn(
    _ path: String, arguments: [String], environment: [String], folder: String? = nil,
    descriptors: [Int32], confinement: Confinement = .none
  ) throws(SystemError) -> Int32 {
    var native = confinement.native
    var step: Int32 = 0
    let pid = withCStrings(arguments) { arguments in
      withCStrings(environment) { environment in
        par_spawn_confined(
          path, arguments, environment, folder, descriptors, Int32(descriptors.count), &native,
          &step)
      }
    }
    guard pid > 0 else {
      let error = SystemError("start", path)
      switch Int(step) {
      case PAR_SPAWN_CONTROL_GROUP:
        throw SystemError("join the control group of", path, number: error.number)
      case PAR_SPAWN_USER:
        throw SystemError(
          "become user \(confinement.user?.user ?? 0) for", path, number: error.number)
      default: throw error
      }
    }
    started.withLock { _ = $0.insert(pid) }
    return pid
  }

  /// The next child that ended, ours or adopted, or nil when none did.
  public static func reap() -> (pid: Int32, status: ExitStatus)? {
    var word: Int32 = 0
    let pid = waitpid(-1, &word, WNOHANG)
    guard pid > 0 else { return nil }
    forget(pid)
    return (pid, ExitStatus(word: word))
  }

  /// Waits for the end of one child that was killed; nil when the time is over first.
  public static func reap(_ pid: Int32, within limit: Interval) -> ExitStatus? {
    let deadline = Clock.now() + limit
    var word: Int32 = 0
    while true {
      let found = waitpid(pid, &word, WNOHANG)
      if found == pid {
        forget(pid)
        return ExitStatus(word: word)
      }
      if found < 0 && errno != EINTR || Clock.now() >= deadline { return nil }
      poll(nil, 0, 1)
    }
  }

  /// SIGKILL to a process group. A group that is gone is no error.
  public static func killGroup(_ leader: Int32) {
    if leader > 1 { kill(-leader, SIGKILL) }
  }

  /// The processes whose parent this process is: its own children and, as a subreaper, orphans of
  /// theirs (proc_pid_task_tid_children(5)).
  public static func children() -> [Int32] {
    var found: [Int32] = []
    for thread in folderNames("/proc/self/task") {
      guard let text = readFile("/proc/self/task/\(thread)/children") else { continue }
      found += String(decoding: text, as: UTF8.self).split(separator: " ").compactMap { Int32($0) }
    }
    return found
  }

  /// The children that this process did not start, nor found: orphans, as it is a subreaper.
  public static func adopted() -> [Int32] {
    let own = started.withLock { $0 }.union(found.withLock { $0 })
    return children().filter { !own.contains($0) }
  }

  /// The session of a process (getsid(2)); the leader's is its own number. nil: it is gone.
  public static func session(of pid: Int32) -> Int32? {
    let session = getsid(pid)
    return session >= 0 ? session : nil
  }

  /// How long `killDescendants` goes on: a process that the kernel does not let go may stay.
  public static let killTimeout = Interval.seconds(1)

  /// Kills and reaps every child, and what they leave behind: killing a process hands its children
  /// to us.
  ///
  /// - Parameter isMeant: which; the others, and what is theirs, live on.
  public static func killDescendants(where isMeant: (Int32) -> Bool = { _ in true }) {
    let deadline = Clock.now() + killTimeout
    while Clock.now() < deadline {
      let spared = found.withLock { $0 }
      let targets = children().filter { isMeant($0) && !spared.contains($0) }
      if targets.isEmpty { return }
      for pid in targets { kill(pid, SIGKILL) }
      for pid in targets { _ = reap(pid, within: deadline - Clock.now()) }
    }
  }

  private static func withCStrings<Result>(
    _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
  ) -> Result {
    let copies = strings.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return body(copies + [nil])
  }
}
