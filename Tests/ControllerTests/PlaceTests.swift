import AgentPackages
import CPlatform
import Glibc
import LinuxSystem
import Testing

@testable import Controller

@Suite("The folder of a run")
struct RunFolderTests {
  @Test("is made for its owner alone, beneath the first place that will do, and goes")
  func places() throws {
    let base = try TemporaryFolder()
    for name in ["runtime", "xdg", "tmp"] { try makeFolders("\(base.path)/\(name)") }
    func folder(_ environment: [String: String]) throws -> String {
      let folder = try RunFolder(runID: "r1", environment: environment)
      var status = stat()
      #expect(stat(folder.path, &status) == 0)
      #expect(status.st_mode & 0o777 == 0o700)
      #expect(folder.restSocket == folder.path + "/rest.sock")
      _ = mkdir(folder.path + "/inside", 0o700)
      #expect(RunFolder.runs(in: String(folder.path.dropLast("/par-r1".count))) == [folder.path])
      folder.remove()
      #expect(FileKind(folder.path) == .missing)
      return folder.path
    }
    let all = [
      "RUNTIME_DIRECTORY": "\(base.path)/runtime:\(base.path)/other",
      "XDG_RUNTIME_DIR": "\(base.path)/xdg", "TMPDIR": "\(base.path)/tmp",
    ]
    #expect(try folder(all) == "\(base.path)/runtime/par-r1")
    #expect(try folder(all.filter { $0.key != "RUNTIME_DIRECTORY" }) == "\(base.path)/xdg/par-r1")
    #expect(try folder(["TMPDIR": "\(base.path)/tmp"]) == "\(base.path)/tmp/par-r1")
    #expect(
      try folder(["RUNTIME_DIRECTORY": "\(base.path)/no", "TMPDIR": "\(base.path)/tmp"])
        == "\(base.path)/tmp/par-r1")
    #expect(RunFolder.bases(["TMPDIR": "relative"]) == ["/tmp"])
    #expect(RunFolder.bases(["RUNTIME_DIRECTORY": "", "XDG_RUNTIME_DIR": ""]) == ["/tmp"])
  }

  @Test("a new one removes those of runs that died, and no other")
  func sweeping() throws {
    let base = try TemporaryFolder()
    func made(_ name: String, withSocket: Bool) throws -> String {
      let path = "\(base.path)/\(name)"
      try makeFolders(path)
      if withSocket { closeDescriptor(par_listen_unix(path + RunFolder.controlName, 1)) }
      return path
    }
    let living = try RunFolder(runID: "living", environment: ["TMPDIR": base.path])
    closeDescriptor(par_listen_unix(living.controlSocket, 1))
    let dead = try made("par-dead", withSocket: true)
    let starting = try made("par-starting", withSocket: false)
    let foreign = try made("other-dead", withSocket: true)

    let own = try RunFolder(runID: "own", environment: ["TMPDIR": base.path])
    #expect(FileKind(dead) == .missing)
    #expect(Set(RunFolder.runs(in: base.path)) == [starting, living.path, own.path])
    #expect(FileKind(foreign) == .folder)
  }

  @Test("leaves room for the name of a socket")
  func room() throws {
    let base = try TemporaryFolder()
    let deep = base.path + "/" + String(repeating: "d", count: 100)
    try makeFolders(deep)
    let name = "room-\(randomHexadecimal(bytes: 4))"
    let folder = try RunFolder(runID: name, environment: ["TMPDIR": deep])
    defer { folder.remove() }
    #expect(folder.path == "/tmp/par-\(name)")
  }

  @Test("is an error when there is one of that run already everywhere")
  func taken() throws {
    let name = "taken-\(randomHexadecimal(bytes: 4))"
    let first = try RunFolder(runID: name, environment: [:])
    defer { first.remove() }
    let error = #expect(throws: SystemError.self) { try RunFolder(runID: name, environment: [:]) }
    #expect(error?.number == EEXIST)
  }
}

@Suite("The place of the agent host")
struct HostLocationTests {
  @Test("is beside an installed program, or above one in a source tree")
  func found() throws {
    for (program, host) in [
      ("bin/par-lifecycle", "share/par/agent-host"),
      (".build/x86/release/par-lifecycle", "agent-host"),
    ] {
      let base = try TemporaryFolder()
      try makeFolders("\(base.path)/\(host)")
      _ = try base.write("\(host)/start.py", "")
      try makeFolders(
        "\(base.path)/\(program.split(separator: "/").dropLast().joined(separator: "/"))")
      let path = try base.write(program, "")
      let location = HostLocation.find(program: path)
      #expect(location?.folder == "\(base.path)/\(host)")
      #expect(location?.startFile == "\(base.path)/\(host)/start.py")
      // Also through a link from elsewhere.
      let elsewhere = try TemporaryFolder()
      #expect(symlink(path, elsewhere.path + "/par") == 0)
      #expect(HostLocation.find(program: elsewhere.path + "/par") == location)
    }
  }

  @Test("is not looked for further up than is said")
  func depth() throws {
    let base = try TemporaryFolder()
    try makeFolders(base.path + "/agent-host")
    _ = try base.write("agent-host/start.py", "")
    for (levels, isFound) in [
      (HostLocation.searchDepth - 1, true), (HostLocation.searchDepth, false),
    ] {
      let folder = (0..<levels).map { "d\($0)" }.joined(separator: "/")
      try makeFolders("\(base.path)/\(folder)")
      let path = try base.write(folder + "/par", "")
      #expect((HostLocation.find(program: path) != nil) == isFound)
    }
    #expect(HostLocation.find(program: base.path + "/no") == nil)
  }
}
