import LinuxSystem
import Glibc
import Testing

@testable import AgentPackages

@Suite("Interpreters")
struct InterpreterTests {
  /// A file that looks like a program; it is never run, its name tells its version.
  static let elf = "\u{7F}ELF and more"

  func installed(_ names: [String]) throws -> (InstalledInterpreters, TemporaryFolder) {
    let folder = try TemporaryFolder()
    for name in names { try folder.write("bin/" + name, Self.elf, mode: 0o755) }
    return (InstalledInterpreters(hostPython: nil, searchPath: folder.path + "/bin"), folder)
  }

  static func choose(
    _ installed: InstalledInterpreters, _ runtime: String?
  ) throws -> (interpreter: Interpreter, warning: StepWarning?) {
    try installed.choose(minor: InstalledInterpreters.wantedMinor(runtime))
  }

  static let choices: [([String], String?, Int?, Bool)] = [
    (["python3.10", "python3.12"], nil, 12, false),
    (["python3.10", "python3.12"], "python3.10", 10, false),
    (["python3.10", "python3.12"], "python3.11", 12, true),
    (["python3.10", "python3.12"], "Python3.10.4", 10, false),
    (["python3.10", "python3.12"], "python3", 12, false),
    (["python3.10", "python3.12"], "python3.13", nil, false),
    (["python3.10", "python3.12"], "python3.9", 10, true),
    (["python3.8"], "python3.8", nil, false), (["python3.8"], nil, nil, false),
    ([], nil, nil, false), (["python3.10"], "node20", nil, false),
    (["python3.10"], "python2.7", nil, false), (["python3.10"], "python3.x", nil, false),
    (["python3.9", "python3.10"], nil, 10, false),
  ]

  @Test("the wanted minor version, else the next newer with a warning", arguments: choices)
  func chooses(names: [String], runtime: String?, minor: Int?, warns: Bool) throws {
    let (installed, folder) = try installed(names)
    if let minor {
      let (chosen, warning) = try Self.choose(installed, runtime)
      #expect(chosen.minor == minor)
      #expect(chosen.path == folder.path + "/bin/python3.\(minor)")
      #expect(warning?.code == (warns ? "python_newer" : nil))
    } else {
      let error = #expect(throws: StepFailure.self) { try Self.choose(installed, runtime) }
      #expect(error?.hint?.contains("#interpreter") == true)
    }
  }

  @Test("a script that looks an interpreter up is none, and neither is a file nobody may execute")
  func shims() throws {
    let folder = try TemporaryFolder()
    try folder.write("bin/python3.12", "#!/bin/sh\nexec python\n", mode: 0o755)
    try folder.write("bin/python3.11", Self.elf, mode: 0o644)
    try folder.write("real/python3.10", Self.elf, mode: 0o755)
    symlink("../real/python3.10", folder.path + "/bin/python3")
    let installed = InstalledInterpreters(hostPython: nil, searchPath: folder.path + "/bin")
    #expect(installed.all.map(\.minor) == [10])
    #expect(installed.all.first?.path == folder.path + "/real/python3.10")
  }

  @Test("the host environment's own interpreter comes before one of PATH")
  func host() throws {
    let folder = try TemporaryFolder()
    try folder.write("base/python3", Self.elf, mode: 0o755)
    try folder.write("bin/python3.11", Self.elf, mode: 0o755)
    try folder.write("env/pyvenv.cfg", "home = /x\nversion = 3.11.9\n")
    try makeFolders(folder.path + "/env/bin")
    symlink("../../base/python3", folder.path + "/env/bin/python")
    let installed = InstalledInterpreters(
      hostPython: folder.path + "/env/bin/python", searchPath: folder.path + "/bin")
    #expect(installed.all.map(\.path) == [folder.path + "/base/python3"])
    #expect(installed.all.first?.isHost == true)
  }
}
