import AgentPackages
import CPlatform
import Glibc
package import Lifecycle
import LinuxSystem

/// The file in which a supervisor keeps what it was told: `state.json` in its own folder.
///
/// Written beside it, brought to the disk, and then given its name, so that whoever is killed or loses
/// power at any moment leaves the old state or the new one, whole. The folder is locked for as long as
/// this object lives: two supervisors would undo each other's changes.
package final class StateFile {
  package static let name = "state.json"
  static let temporaryName = "state.json.new"
  static let lockName = "lock"
  /// The longest state that is written, and read again.
  package static let maximumBytes = 64 << 20

  private let maximumBytes: Int

  package let folder: String
  private let directory: Descriptor
  private let lock: Descriptor
  /// What stands in the file; nil when there is none.
  private var written: [UInt8]?

  package var path: String { "\(folder)/\(Self.name)" }

  /// Why the state cannot be kept.
  package enum Failure: Error, Equatable {
    /// Another supervisor holds the folder; its process when it said so.
    case taken(folder: String, pid: Int32?)
    case folder(String, reason: String)
    /// The file could not be read, and could not be put aside either.
    case stuck(String, reason: String)
    case full(String)
    /// It would be longer than is read again.
    case tooLong(String, limit: Int)
    case unwritten(String, reason: String)

    package var explanation: Explanation {
      switch self {
      case .taken(let folder, let pid):
        Explanation(
          error:
            "another supervisor\(pid.map { " (process \($0))" } ?? "") keeps its state in \(folder)",
          hint: "end it, or set SUPERVISOR_STATE_DIR to a folder of its own; "
            + "docs/errors.md#state-taken")
      case .folder(let folder, let reason):
        Explanation(
          error: "the folder of the state, \(folder), cannot be used: \(reason)",
          hint: "set SUPERVISOR_STATE_DIR to a folder that this user may write; "
            + "docs/errors.md#state-folder")
      case .stuck(let path, let reason):
        Explanation(
          error: "\(path) cannot be put aside: \(reason)",
          hint: "move it away by hand; docs/errors.md#state-damaged")
      case .full(let folder):
        Explanation(
          error: "the disk is full: the state in \(folder) cannot be written",
          hint: "free some space and ask again; docs/errors.md#state-folder")
      case .tooLong(let path, let limit):
        Explanation(
          error: "\(path) would be longer than \(limit) bytes",
          hint: "run fewer agents, or shorten their environments; docs/errors.md#state-folder")
      case .unwritten(let path, let reason):
        Explanation(
          error: "\(path) cannot be written: \(reason)",
          hint: "see that this user may write there; docs/errors.md#state-folder")
      }
    }
  }

  /// What was found.
  package enum Found: Sendable, Equatable {
    case state(DesiredState)
    case nothing
    /// What was there is kept under that name, and why it was not used: one sentence.
    case damaged(keptAs: String, sentence: String)
  }

  /// Makes the folder when it is missing, and locks it.
  ///
  /// - Parameter mustBePrivate: refuses one that is a link, or that others may enter.
  package init(
    folder: String, mustBePrivate: Bool = false, maximumBytes: Int = StateFile.maximumBytes
  ) throws(Failure) {
    self.folder = folder
    self.maximumBytes = maximumBytes
    if mustBePrivate, !makePrivateFolder(folder) {
      throw .folder(folder, reason: "it is not this user's alone")
    }
    do throws(SystemError) {
      try makeFolders(folder, mode: 0o700)
      directory = try Descriptor.open(folder, O_RDONLY | O_DIRECTORY)
      lock = try Descriptor.open(
        "\(folder)/\(Self.lockName)", O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
    } catch {
      throw .folder(folder, reason: error.reason)
    }
    // A file system without locks keeps nobody out, and nobody in.
    guard par_flock_try(lock.number) == 0 || errno != EWOULDBLOCK else {
      let text = String(decoding: (try? lock.read(at: 0, count: 16)) ?? [], as: UTF8.self)
      throw .taken(folder: folder, pid: Int32(text.prefix { $0.isNumber }))
    }
    _ = ftruncate(lock.number, 0)
    let pid = Array("\(getpid())\n".utf8)
    _ = pid.withUnsafeBytes { pwrite(lock.number, $0.baseAddress, $0.count, 0) }
  }

  // MARK: - Reading

  /// Reads the state. A file that is no state is put aside under another name, never removed.
  ///
  /// - Parameter now: nanoseconds since 1970, for that name.
  package func load(now: Int64) throws(Failure) -> Found {
    unlink("\(folder)/\(Self.temporaryName)")
    guard FileTree.status(path, followLinks: false) != nil else {
      written = nil
      return .nothing
    }
    let why: String
    do {
      let bytes = try read()
      let state = try DesiredState(bytes)
      written = bytes
      return .state(state)
    } catch let error as SystemError {
      why =
        error.number == EFBIG
        ? "longer than \(maximumBytes) bytes" : "not readable: \(error.reason)"
    } catch let damage as DesiredState.Damage {
      why = damage.sentence
    } catch {
      why = "not usable: \(error)"
    }
    let kept = try putAside(now: now)
    return .damaged(keptAs: kept, sentence: "\(path) is \(why); it is kept as \(kept)")
  }

  private func read() throws -> [UInt8] {
    let file = try Descriptor.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    let status = try file.status()
    guard status.isFile else { throw SystemError("open", path, number: EISDIR) }
    guard status.size <= maximumBytes else { throw SystemError("read", path, number: EFBIG) }
    return try file.read(at: 0, count: Int(status.size))
  }

  private func putAside(now: Int64) throws(Failure) -> String {
    // 20261122T200400Z: no colon, which some tools take for the end of a host's name.
    let time =
      Timestamp.format(nanosecondsSince1970: now).prefix { $0 != "." }
      .filter { $0 != "-" && $0 != ":" } + "Z"
    for attempt in 1...100 {
      let name = "\(path).damaged-\(time)" + (attempt > 1 ? "-\(attempt)" : "")
      guard FileTree.status(name, followLinks: false) == nil else { continue }
      guard rename(path, name) == 0 else {
        throw .stuck(path, reason: SystemError("rename").reason)
      }
      _ = fsync(directory.number)
      written = nil
      return name
    }
    throw .stuck(path, reason: "100 damaged ones of this second are there already")
  }

  // MARK: - Writing

  /// Writes the state; what stands there already is not written again. When it fails, the file is what
  /// it was.
  package func save(_ state: DesiredState) throws(Failure) {
    let bytes = JSONWriter.pretty(state.json)
    guard bytes != written else { return }
    guard bytes.count <= maximumBytes else { throw .tooLong(path, limit: maximumBytes) }
    var write = StateWrite(folder: folder, directory: directory, bytes: bytes)
    do throws(SystemError) {
      while try write.next() {}
    } catch {
      undo(write)
      if error.number == ENOSPC || error.number == EDQUOT { throw .full(folder) }
      throw .unwritten(path, reason: error.reason)
    }
    written = bytes
  }

  /// After a failure. A name that was changed already, and did not come to the disk, gets its former
  /// content again, as well as that disk can.
  private func undo(_ failed: StateWrite) {
    unlink("\(folder)/\(Self.temporaryName)")
    guard failed.isNamed else { return }
    guard let written else {
      unlink(path)
      return
    }
    var write = StateWrite(folder: folder, directory: directory, bytes: written)
    do { while try write.next() {} } catch { unlink("\(folder)/\(Self.temporaryName)") }
  }
}
