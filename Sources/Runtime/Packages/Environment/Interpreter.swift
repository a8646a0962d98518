import CPlatform
import Glibc
import LinuxSystem

/// A Python that is installed: an ELF program, not a script that looks one up.
struct Interpreter: Equatable {
  /// Without links.
  let path: String
  /// N of Python 3.N.
  let minor: Int
  /// The interpreter of the agent host's own environment.
  let isHost: Bool
  let size: Int64
  let modified: Int64

  var version: String { "3.\(minor)" }

  /// What of it decides an environment's content.
  var identity: String { "\(path) \(size) \(modified) 3.\(minor)" }

  init?(path: String, minor: Int? = nil, isHost: Bool = false) {
    guard let real = resolvedPath(path), access(real, X_OK) == 0,
      let file = try? Descriptor.open(real, O_RDONLY | O_NONBLOCK),
      let status = try? file.status(), status.isFile,
      (try? file.read(at: 0, count: 4)) == [0x7F, 0x45, 0x4C, 0x46],
      let minor = minor ?? Self.minor(ofName: real) ?? Self.minor(ofEnvironmentOf: path)
        ?? Self.minor(asking: real)
    else { return nil }
    self.path = real
    self.minor = minor
    self.isHost = isHost
    size = status.size
    modified = status.modified
  }

  /// `…/python3.11` → 11.
  static func minor(ofName path: String) -> Int? {
    let name = path.split(separator: "/").last ?? ""
    guard name.hasPrefix("python3."), let minor = Int(name.dropFirst(8)), (0...99).contains(minor)
    else { return nil }
    return minor
  }

  /// From `pyvenv.cfg` of the environment that `…/bin/python` lies in: `version = 3.11.2`.
  private static func minor(ofEnvironmentOf path: String) -> Int? {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count > 2,
      let bytes = try? FileTree.contents(
        parts.dropLast(2).joined(separator: "/") + "/pyvenv.cfg", limit: 64 << 10)
    else { return nil }
    for line in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline) {
      let halves = line.split(separator: "=", maxSplits: 1)
      guard halves.count == 2, ["version ", "version_info "].contains(String(halves[0])) else {
        continue
      }
      let numbers = halves[1].split { $0 == "." || $0 == " " }
      if numbers.count >= 2, numbers[0] == "3", let minor = Int(numbers[1]) { return minor }
    }
    return nil
  }

  /// The last resort: runs it, isolated from any environment variable and user folder.
  private static func minor(asking path: String) -> Int? {
    let run = try? ToolRun.start(
      path, ["-I", "-S", "-c", "import sys; print('minor', *sys.version_info[:2])"],
      folder: "/", environment: ["PATH=/usr/bin:/bin"])
    guard let result = try? run?.finish(), result.status == 0 else { return nil }
    let words = (result.lastLines.last ?? "").split(separator: " ")
    guard words.count == 3, words[1] == "3" else { return nil }
    return Int(words[2])
  }
}
