import CPlatform
import Glibc
import LinuxSystem

/// The folder of a run's own files (0700): the agent's sockets. It goes with the run.
struct RunFolder {
  let path: String
  /// Locked (flock(2)) for as long as the run lives: who gets the lock may remove the folder.
  private let lock: Int32

  /// They lead to the worker that serves.
  var restSocket: String { path + "/rest.sock" }
  var a2aSocket: String { path + "/a2a.sock" }
  /// Where `par-lifecycle health --stacks` asks.
  var controlSocket: String { path + Self.controlName }
  static let controlName = "/control.sock"
  /// The longest name of a socket here.
  static let longestName = "/rest.\(WorkerSockets.numbers - 1).sock"

  /// Beneath the first of `$RUNTIME_DIRECTORY`, `$XDG_RUNTIME_DIR`, `$TMPDIR`, `/tmp` that can be
  /// written and leaves room for a socket's name (108 bytes, unix(7)).
  init(runID: String, environment: [String: String]) throws(SystemError) {
    var failure = SystemError("make the folder of the run", number: ENOENT)
    for base in Self.bases(environment) {
      let path = base + "/par-" + runID
      guard (path + Self.longestName).utf8.count < 108 else {
        failure = SystemError("make the folder of the run", path, number: ENAMETOOLONG)
        continue
      }
      if mkdir(path, 0o700) == 0 {
        Self.sweep(base)
        self.path = path
        lock = par_open(path, O_RDONLY | O_DIRECTORY, 0)
        _ = par_flock_try(lock)
        return
      }
      failure = SystemError("make the folder of the run", path)
    }
    throw failure
  }

  static func bases(_ environment: [String: String]) -> [String] {
    // systemd lists several folders with colons between them (systemd.exec(5)).
    let runtime = environment["RUNTIME_DIRECTORY"]?.split(separator: ":").first.map(String.init)
    return [runtime, environment["XDG_RUNTIME_DIR"], environment["TMPDIR"], "/tmp"]
      .compactMap(\.self).filter { $0.hasPrefix("/") }
  }

  /// The run folders in a base folder.
  static func runs(in base: String) -> [String] {
    folderNames(base).filter { $0.hasPrefix("par-") }.map { base + "/" + $0 }
  }

  /// Removes what runs that were killed left behind. A folder without a control socket is no run's,
  /// or that of one that is just starting.
  static func sweep(_ base: String) {
    for path in runs(in: base) where FileKind(path + controlName) != .missing {
      let folder = par_open(path, O_RDONLY | O_DIRECTORY, 0)
      if folder >= 0, par_flock_try(folder) == 0 { removeTree(path) }
      closeDescriptor(folder)
    }
  }

  func remove() {
    removeTree(path)
    closeDescriptor(lock)
  }
}
