import CPlatform
import Glibc
import LinuxSystem

/// A folder that goes with the test.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = "/tmp/par-test-\(getpid())-\(randomHexadecimal(bytes: 8))"
    try makeFolders(path)
  }

  deinit { removeTree(path) }

  func write(_ name: String, _ text: String, mode: UInt32 = 0o644) throws -> String {
    let file = "\(path)/\(name)"
    let fd = par_open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
    guard fd >= 0 else { throw SystemError("open", file) }
    writeAll(fd, Array(text.utf8))
    closeDescriptor(fd)
    return file
  }
}

/// A thread of its own that starts children: a child must not be reaped by another test, and its
/// parent-death signal follows the thread.
enum Child {
  /// Starts a shell script and returns its output and end.
  static func shell(
    _ script: String, environment: [String] = ["PATH=/usr/bin:/bin"], folder: String? = nil,
    extra: [Int32] = []
  ) throws -> (output: String, status: Int32) {
    let pipe = try Pipe()
    let pid = try ProcessTree.spawn(
      "/bin/sh", arguments: ["sh", "-c", script], environment: environment, folder: folder,
      descriptors: [-1, pipe.writeEnd, pipe.writeEnd] + extra)
    closeDescriptor(pipe.writeEnd)
    let output = readToEnd(pipe.readEnd)
    closeDescriptor(pipe.readEnd)
    return (output, wait(pid))
  }

  static func readToEnd(_ fd: Int32) -> String {
    var bytes: [UInt8] = []
    while case .bytes(let more) = readAvailable(fd) { bytes += more }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Reads up to the first line feed.
  static func readLine(_ fd: Int32) -> String {
    var bytes: [UInt8] = []
    while case .bytes(let byte) = readAvailable(fd, limit: 1), byte != [10] { bytes += byte }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The raw status word of a child that ends.
  static func wait(_ pid: Int32) -> Int32 {
    var word: Int32 = 0
    while waitpid(pid, &word, 0) < 0 && errno == EINTR {}
    return word
  }

  /// Waits until a process is gone, by its pidfd; true when it was gone in time. A zombie counts
  /// as gone.
  static func isGone(_ pid: Int32, within milliseconds: Int32 = 10_000) -> Bool {
    let fd = par_pidfd_open(pid)
    guard fd >= 0 else { return errno == ESRCH }
    defer { closeDescriptor(fd) }
    return waitReadable(fd, milliseconds: milliseconds)
  }
}
