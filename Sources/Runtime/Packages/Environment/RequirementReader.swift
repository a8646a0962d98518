import Glibc
import LinuxSystem

/// Reads requirement files (pip's format) into flat lists.
struct RequirementReader {
  private(set) var lines: [String] = []
  private(set) var constraints: [String] = []
  private(set) var options: [String] = []
  private(set) var hasHashes = false
  private(set) var warnings: [StepWarning] = []
  /// The first thing that is wrong; nothing is read after it.
  private(set) var problem: String?

  private let packageRoot: String
  private var visited: Set<String> = []

  /// Options that change where or how packages are found; the rest of pip's options is refused.
  private static let passedOptions: Set<String> = [
    "-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--no-index", "--pre",
    "--prefer-binary", "--only-binary", "--no-binary", "--trusted-host",
  ]
  private static let droppedOptions: Set<String> = ["--require-hashes", "--use-feature"]

  init(packageRoot: String) { self.packageRoot = packageRoot }

  mutating func read(_ path: String, _ root: Descriptor) throws(SystemError) {
    try read(path, root, asConstraints: false, depth: 0)
  }

  mutating func readPyproject(_ bytes: [UInt8]) {
    do throws(PyprojectFile.Problem) {
      let file = try PyprojectFile(bytes)
      for dependency in file.dependencies { add(dependency, folder: "", asConstraints: false) }
      if file.areDynamic {
        warnings.append(
          StepWarning(
            code: "dependencies_dynamic",
            message: "pyproject.toml calls its dependencies dynamic; only requirements.txt is used")
        )
      }
    } catch {
      problem = problem ?? "pyproject.toml, line \(error.line): \(error.text)"
    }
  }

  private mutating func read(
    _ path: String, _ root: Descriptor, asConstraints: Bool, depth: Int
  ) throws(SystemError) {
    guard problem == nil, visited.insert("\(asConstraints) \(path)").inserted else { return }
    guard depth <= Requirements.maximumIncludeDepth,
      visited.count <= Requirements.maximumIncludes
    else {
      problem =
        "requirements.txt includes more than \(Requirements.maximumIncludes) files or more than"
        + " \(Requirements.maximumIncludeDepth) levels"
      return
    }
    guard
      let bytes = try FileTree.contents(
        beneath: root, path, limit: Requirements.maximumFileBytes)
    else {
      problem = "\(path), which the requirements include, is no file of the package"
      return
    }
    guard var text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
      problem = "\(path) is not valid UTF-8 text"
      return
    }
    if text.unicodeScalars.first == "\u{FEFF}" { text.unicodeScalars.removeFirst() }
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    for line in Self.logicalLines(text) {
      guard problem == nil else { return }
      guard line.hasPrefix("-") else {
        add(line, folder: folder, asConstraints: asConstraints)
        continue
      }
      let (option, value) = Self.split(line)
      switch option {
      case "-r", "--requirement", "-c", "--constraint":
        guard !value.contains("://"), let inner = UIFolder.normalised(folder + value) else {
          problem = "\(path) includes '\(value)', which is no file of the package"
          return
        }
        let isConstraint = asConstraints || option == "-c" || option == "--constraint"
        try read(inner, root, asConstraints: isConstraint, depth: depth + 1)
      case "-e", "--editable": addEditable(value, folder: folder, asConstraints: asConstraints)
      case "-f", "--find-links":
        guard !value.contains("://") else {
          options.append("--find-links \(value)")
          continue
        }
        guard let inner = UIFolder.normalised(folder + value) else {
          problem = "\(path): --find-links '\(value)' leaves the package"
          return
        }
        options.append("--find-links \(packageRoot)/\(inner)")
      case let option where Self.passedOptions.contains(option):
        options.append(value.isEmpty ? option : "\(option) \(value)")
      case let option where Self.droppedOptions.contains(option): continue
      default:
        problem = "\(path) has the option '\(option)', which is not supported"
      }
    }
  }

  /// The project itself is never installed; another local folder is, but not as a link.
  private mutating func addEditable(_ value: String, folder: String, asConstraints: Bool) {
    if value == "." || value == "./" || value.hasPrefix(".[") { return }
    add(value, folder: folder, asConstraints: asConstraints)
  }

  private mutating func add(_ line: String, folder: String, asConstraints: Bool) {
    if line == "." || line == "./" || line.hasPrefix(".[") { return }
    var line = line
    if Self.isLocalPath(line) {
      let end = line.firstIndex { $0 == " " || $0 == ";" || $0 == "[" } ?? line.endIndex
      var path = String(line[..<end])
      if path.hasPrefix("file:") { path.removeFirst(5) }
      guard let inner = UIFolder.normalised(folder + path) else {
        problem = problem ?? "the requirement '\(line)' is a path that leaves the package"
        return
      }
      line = "\(packageRoot)/\(inner)\(line[end...])"
    }
    if line.contains(" --hash") { hasHashes = true }
    if asConstraints { constraints.append(line) } else { lines.append(line) }
  }

  /// `./x`, `/x`, `x/y`, `x.whl`, `file:x`; not `name @ https://…` and no address.
  private static func isLocalPath(_ line: String) -> Bool {
    let head = line.prefix { $0 != " " && $0 != ";" && $0 != "@" }
    if head.hasPrefix("file:") { return true }
    if head.contains("://") { return false }
    return head.contains("/") || head.hasSuffix(".whl") || head.hasSuffix(".tar.gz")
      || head.hasSuffix(".zip")
  }

  private static func split(_ line: String) -> (option: String, value: String) {
    guard let end = line.firstIndex(where: { $0 == " " || $0 == "=" || $0 == "\t" }) else {
      // `-rother.txt` is allowed too.
      if line.count > 2, !line.hasPrefix("--") {
        return (String(line.prefix(2)), String(line.dropFirst(2)))
      }
      return (line, "")
    }
    let value = line[line.index(after: end)...].drop { $0 == " " || $0 == "\t" }
    return (String(line[..<end]), String(value))
  }

  /// Comments away, `\` at a line's end joined, blanks trimmed, empty lines away.
  static func logicalLines(_ text: String) -> [String] {
    var lines: [String] = []
    var pending = ""
    for raw in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
      var line = raw
      let isComment = line.first { $0 != " " && $0 != "\t" } == "#"
      if !isComment, line.hasSuffix("\\") {
        pending += line.dropLast()
        continue
      }
      if isComment { line = "" }
      let whole = pending + line
      pending = ""
      let trimmed = Self.trimmed(whole)
      if !trimmed.isEmpty { lines.append(trimmed) }
    }
    let last = Self.trimmed(pending)
    if !last.isEmpty { lines.append(last) }
    return lines
  }

  private static func trimmed(_ line: String) -> String {
    var previous: Character = " "
    var end = line.endIndex
    for index in line.indices {
      if line[index] == "#", previous == " " || previous == "\t" {
        end = index
        break
      }
      previous = line[index]
    }
    return line[..<end].split(whereSeparator: { $0 == " " || $0 == "\t" }).joined(separator: " ")
  }
}
