import LinuxSystem
/// The interpreters of this machine, and the choice among them.
struct InstalledInterpreters {
  /// The agent host needs it.
  static let minimumMinor = 9
  /// The highest `python3.N` that is looked for.
  static let maximumMinor = 40
  /// Entries of `PATH` that are looked at.
  static let maximumFolders = 64

  /// The interpreter of the agent host's environment.
  let host: Interpreter?
  /// One per minor version, the host's own before one of `PATH`; the oldest first.
  let all: [Interpreter]

  /// - Parameter wanted: when the host's own is this minor version, `PATH` is not searched.
  init(hostPython: String?, searchPath: String, wanted: Int? = nil) {
    var found: [Int: Interpreter] = [:]
    host = hostPython.flatMap { Interpreter(path: $0, isHost: true) }
    if let host { found[host.minor] = host }
    let folders = searchPath.split(separator: ":").prefix(Self.maximumFolders)
    for folder in folders where folder.hasPrefix("/") && (wanted == nil || host?.minor != wanted) {
      for minor in Self.minimumMinor...Self.maximumMinor where found[minor] == nil {
        found[minor] = Interpreter(path: "\(folder)/python3.\(minor)")
      }
      // Its version may have to be asked for, which takes a process: only when it is new.
      let plain = "\(folder)/python3"
      guard let real = resolvedPath(plain), !found.values.contains(where: { $0.path == real }),
        let interpreter = Interpreter(path: plain), found[interpreter.minor] == nil
      else { continue }
      found[interpreter.minor] = interpreter
    }
    all = found.values.filter { $0.minor >= Self.minimumMinor }.sorted { $0.minor < $1.minor }
  }

  /// N of a manifest's `runtime: python3.N`; nil when any Python 3 will do.
  static func wantedMinor(_ runtime: String?) throws(StepFailure) -> Int? {
    guard let text = runtime?.lowercased(), text != "python", text != "python3" else { return nil }
    let parts = text.dropFirst(6).split(separator: ".", omittingEmptySubsequences: false)
    guard text.hasPrefix("python"), (2...3).contains(parts.count), parts[0] == "3",
      let minor = Int(parts[1]), (0...99).contains(minor)
    else {
      throw StepFailure(
        "agent.yaml: runtime '\(PrintableText.name(text))' is no Python 3; only agents written in"
          + " Python can be run", hint: "docs/errors.md#interpreter")
    }
    return minor
  }

  /// That minor version, else the next newer one; without a wish the newest.
  func choose(
    minor wanted: Int?
  ) throws(StepFailure) -> (interpreter: Interpreter, warning: StepWarning?) {
    let hint = "docs/errors.md#interpreter"
    guard let wanted else {
      guard let newest = all.last else {
        throw StepFailure(
          "no Python 3.\(Self.minimumMinor) or newer is installed",
          hint: "install python3 or add it to PATH; \(hint)")
      }
      return (newest, nil)
    }
    guard let chosen = all.first(where: { $0.minor >= wanted }) else {
      let there =
        all.isEmpty
        ? "none is installed" : "installed: " + all.map(\.version).joined(separator: ", ")
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
