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
    guard let real = FileTree.realPath(path), access(real, X_OK) == 0,
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

/// The interpreters of this machine, and the choice among them.
struct InstalledInterpreters {
  /// The agent host needs it.
  static let minimumMinor = 9
  /// Entries of `PATH` that are looked at.
  static let maximumFolders = 64

  /// One per minor version; the host's own before one of `PATH`.
  let all: [Interpreter]

  init(all: [Interpreter]) { self.all = all }

  init(hostPython: String?, searchPath: String) {
    var found: [Int: Interpreter] = [:]
    if let hostPython, let host = Interpreter(path: hostPython, isHost: true) {
      found[host.minor] = host
    }
    for folder in searchPath.split(separator: ":").prefix(Self.maximumFolders)
    where folder.hasPrefix("/") {
      let names = FileTree.names(in: String(folder))
        .filter { $0 == "python3" || Interpreter.minor(ofName: $0) != nil }.sorted()
      for name in names {
        if let minor = Interpreter.minor(ofName: name), found[minor] != nil { continue }
        guard let interpreter = Interpreter(path: "\(folder)/\(name)") else { continue }
        if found[interpreter.minor] == nil { found[interpreter.minor] = interpreter }
      }
    }
    all = found.values.filter { $0.minor >= Self.minimumMinor }.sorted { $0.minor < $1.minor }
  }

  /// The interpreter for a manifest's `runtime`.
  func choose(
    runtime: String?
  ) throws(StepFailure) -> (interpreter: Interpreter, warning: StepWarning?) {
    let hint = "see docs/errors.md#interpreter"
    let there =
      all.isEmpty
      ? "none is installed" : "installed: " + all.map(\.version).joined(separator: ", ")
    let wanted: Int?
    switch runtime?.lowercased() {
    case nil, "python", "python3": wanted = nil
    case .some(let text):
      let parts = text.dropFirst(6).split(separator: ".", omittingEmptySubsequences: false)
      guard text.hasPrefix("python"), (2...3).contains(parts.count), parts[0] == "3",
        let minor = Int(parts[1]), (0...99).contains(minor)
      else {
        throw StepFailure(
          "agent.yaml: runtime '\(PrintableText.name(text.utf8))' is no Python 3; only agents"
            + " written in Python can be run", hint: hint)
      }
      wanted = minor
    }
    guard let wanted else {
      guard let newest = all.last else {
        throw StepFailure(
          "no Python 3.\(Self.minimumMinor) or newer is installed",
          hint: "install python3 or add it to PATH; \(hint)")
      }
      return (newest, nil)
    }
    guard let chosen = all.first(where: { $0.minor >= wanted }) else {
      throw StepFailure(
        "the package wants Python 3.\(wanted) and neither it nor a newer one is installed (\(there))",
        hint: "install python3.\(wanted) or add it to PATH; \(hint)")
    }
    guard chosen.minor != wanted else { return (chosen, nil) }
    return (
      chosen,
      StepWarning(
        code: "python_newer",
        message: "the package wants Python 3.\(wanted), which is not installed;"
          + " Python \(chosen.version) is used")
    )
  }
}
