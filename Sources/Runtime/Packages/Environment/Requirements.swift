import Glibc
import LinuxSystem

/// What an agent needs installed: `requirements.txt` with its includes, and `[project].dependencies`
/// of `pyproject.toml`, as one flat list. The project itself is never installed.
struct Requirements: Equatable {
  static let maximumFileBytes = 1 << 20
  static let maximumIncludes = 64
  static let maximumIncludeDepth = 8

  /// One logical line each, includes resolved, local paths absolute.
  private(set) var lines: [String] = []
  /// From `-c` files.
  private(set) var constraints: [String] = []
  /// Options of the installer (`--extra-index-url …`), in order.
  private(set) var options: [String] = []
  private(set) var hasHashes = false
  /// The hand-written `setup.py` that has to be asked for requirements; nil when there is none.
  private(set) var setupScript: [UInt8]?
  private(set) var warnings: [StepWarning] = []

  var isEmpty: Bool { lines.isEmpty && setupScript == nil }

  init(packageRoot: String) throws(StepFailure) {
    var reader = RequirementReader(packageRoot: packageRoot)
    let hint = "docs/errors.md#requirements"
    do throws(SystemError) {
      let root = try Descriptor.open(packageRoot, O_RDONLY | O_DIRECTORY)
      let hasFile = (try? root.openBeneath("requirements.txt", O_RDONLY | O_NONBLOCK)) != nil
      if hasFile { try reader.read("requirements.txt", root) }
      let pyproject = try FileTree.contents(
        beneath: root, "pyproject.toml", limit: Self.maximumFileBytes)
      if let pyproject { reader.readPyproject(pyproject) }
      let setup = try FileTree.contents(beneath: root, "setup.py", limit: Self.maximumFileBytes)
      if let setup, !hasFile, reader.lines.isEmpty, Self.isNeeded(setup) { setupScript = setup }
    } catch {
      throw StepFailure("the requirements cannot be read (\(error))", hint: hint)
    }
    if let problem = reader.problem {
      throw StepFailure(problem, hint: hint)
    }
    lines = reader.lines
    constraints = reader.constraints
    options = reader.options
    hasHashes = reader.hasHashes
    warnings = reader.warnings
  }

  /// Written by a person (the kit marks its own) and naming requirements of its own.
  private static func isNeeded(_ setup: [UInt8]) -> Bool {
    let text = String(decoding: setup, as: UTF8.self)
    let isGenerated = text.prefix(2048).contains("Auto-generated setup.py")
    return !isGenerated && text.contains("install_requires")
  }

  /// The same for any order, spacing and spelling of names.
  var normalised: [String] {
    var all = Set(lines.map(Self.normalise)).sorted()
    all += ["-c"] + Set(constraints.map(Self.normalise)).sorted() + ["--"] + options
    return all
  }

  /// A requirement with its name in the normal form of the index (lower case, `-` for `. _ -`).
  static func normalise(_ line: String) -> String {
    let name = line.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
    let rest = line[name.endIndex...].split(whereSeparator: { $0 == " " || $0 == "\t" })
      .joined(separator: " ")
    var normal = ""
    for character in name.lowercased() {
      let isDash = "._-".contains(character)
      if !isDash { normal.append(character) } else if normal.last != "-" { normal.append("-") }
    }
    return normal + rest
  }
}
