import Glibc

/// The tool that fills an environment.
struct InstallerTool: Equatable {
  enum Kind: String { case uv, pip }

  let kind: Kind
  /// uv itself, or the interpreter that runs `venv` and whose environment brings pip.
  let path: String

  /// uv in `PATH` or beside the host environment's Python, else pip of the chosen interpreter.
  static func find(
    _ preference: InstallerPreference, interpreter: Interpreter, hostPython: String?,
    searchPath: String
  ) throws(StepFailure) -> InstallerTool {
    let pip = InstallerTool(kind: .pip, path: interpreter.path)
    if preference == .pip { return pip }
    var folders = searchPath.split(separator: ":").map(String.init).filter { $0.hasPrefix("/") }
    if let hostPython, let slash = hostPython.lastIndex(of: "/") {
      folders.append(String(hostPython[..<slash]))
    }
    for folder in folders.prefix(InstalledInterpreters.maximumFolders + 1) {
      let path = folder + "/uv"
      guard access(path, X_OK) == 0, FileTree.status(path)?.isFile == true else { continue }
      return InstallerTool(kind: .uv, path: path)
    }
    guard preference == .auto else {
      throw StepFailure(
        "PAR_INSTALLER is uv and uv is not in PATH",
        hint: "install uv or set PAR_INSTALLER=auto; docs/errors.md#installer")
    }
    return pip
  }
}
