import CPlatform
import Glibc
import Lifecycle
import LinuxSystem
import RunConfiguration
import Testing

@testable import Supervisor

private func entry(_ id: String, _ memory: Int = 64) -> String {
  "- {agent_app_id: \(id), package_path: /\(id).apkg, memory_mb: \(memory)}\n"
}

@Suite struct DesiredAgentsTests {
  @Test("A config's agents are deployed, and then the desired state is complete")
  func start() throws {
    let kept = try KeptAgents(config: entry("b") + entry("a"))
    kept.start()
    let (a, b) = (kept.revision("a"), kept.revision("b"))
    #expect(kept.fleet.calls == ["deploy b \(b) start", "deploy a \(a) start", "loaded"])
    #expect(kept.takeLines() == ["config +[b, a] ~[] -[]"])
    #expect(kept.failures.isEmpty)
    #expect(kept.written == kept.keeper.state)
    let view = kept.keeper.view
    #expect(view.config == kept.folder.path + "/agents.yaml")
    #expect(view.revision?.utf8.count == 12)
    #expect(view.problem == nil)
    #expect(kept.keeper.isFromConfig("a"))
  }

  @Test("An empty list and no config at all are complete at once", arguments: ["[]", nil])
  func nothing(_ config: String?) throws {
    let kept = try KeptAgents(config: config)
    kept.start()
    #expect(kept.fleet.calls == ["loaded"])
    #expect(kept.takeLines() == (config == nil ? [] : ["config +[] ~[] -[]"]))
  }

  @Test("What the config changes is changed, and what stays stays")
  func reload() throws {
    let kept = try KeptAgents(config: entry("a") + entry("b") + entry("c"))
    kept.start()
    _ = (kept.fleet.takeCalls(), kept.takeLines())
    try kept.reload(entry("a") + entry("b") + entry("c"))
    try kept.reload(entry("c") + "# the same, in another order\n" + entry("b") + entry("a"))
    #expect(kept.fleet.takeCalls().isEmpty)
    #expect(kept.takeLines().isEmpty)
    try kept.reload(entry("d") + entry("b", 65) + entry("a"))
    #expect(
      kept.fleet.takeCalls() == [
        "remove c config", "deploy b \(kept.revision("b")) config",
        "deploy d \(kept.revision("d")) config",
      ])
    #expect(kept.takeLines() == ["config +[d] ~[b] -[c]"])
  }

  @Test("A config that is refused, or gone, leaves what runs, and is told once")
  func refused() throws {
    let kept = try KeptAgents(config: entry("a"))
    kept.start()
    _ = (kept.fleet.takeCalls(), kept.takeLines())
    let problem =
      #"agents[0].memory_mb: is "1": it must be a whole number from 32 to 1048576 (line 1)"#
    try kept.reload(entry("a", 1))
    #expect(kept.takeLines() == ["refused config: \(problem)"])
    #expect(kept.keeper.view.problem == problem)
    for _ in 0..<3 { kept.keeper.reload() }
    #expect(kept.takeLines().isEmpty)
    // Gone, and there again with the same mistake, which is still what is wrong.
    #expect(unlink(kept.folder.path + "/agents.yaml") == 0)
    for _ in 0..<3 { kept.keeper.reload() }
    let gone = "cannot be read: No such file or directory"
    #expect(
      kept.takeLines() == [
        "refused config: SUPERVISOR_CONFIG, \(kept.folder.path)/agents.yaml, \(gone)"
      ])
    #expect(kept.keeper.view.problem?.hasSuffix(gone) == true)
    try kept.reload(entry("a", 1))
    #expect(kept.keeper.view.problem == problem)
    #expect(kept.fleet.takeCalls().isEmpty)
    #expect(kept.keeper.state.agents["a"]?.spec.memoryMegabytes == 64)
    try kept.reload(entry("a"))
    #expect(kept.keeper.view.problem == nil)
    #expect(kept.fleet.takeCalls().isEmpty)
  }

  @Test("A start without a usable config ends, unless the state has what it said before")
  func unusable() throws {
    let kept = try KeptAgents(config: "- {agent_app_id: a}\n- {agent_app_id: b}")
    kept.start()
    #expect(kept.fleet.calls.isEmpty)
    #expect(
      kept.failures.map(\.error) == [
        "there is no usable config: agents[0]: names no package: give it a package_url or a "
          + "package_path (line 1) (and 1 more)"
      ])
    #expect(kept.failures.first?.detail?.contains("agents[1]: names no package") == true)

    let folder = TemporaryFolderBox(try TemporaryFolder())
    do {
      let first = try KeptAgents(config: entry("a"), folder: folder.folder)
      first.start()
      #expect(first.fleet.calls.count == 2)
    }
    let second = try KeptAgents(config: "nonsense", folder: folder.folder)
    second.start()
    #expect(second.fleet.calls == ["deploy a \(second.revision("a")) start", "loaded"])
    #expect(second.failures.isEmpty)
    #expect(second.takeLines().last == "state +[a] ~[] -[]")
  }

  @Test(
    "What the admin API was told comes back; what a config said that is not set any more does not")
  func comesBack() throws {
    let folder = TemporaryFolderBox(try TemporaryFolder())
    do {
      let first = try KeptAgents(config: entry("a"), folder: folder.folder)
      first.start()
      var state = first.keeper.state
      state.put(try AgentSpec(agentAppID: "mine", package: .path("/mine")))
      try first.keeper.commit(state)
    }
    do {
      let second = try KeptAgents(config: entry("a") + entry("b"), folder: folder.folder)
      second.start()
      #expect(
        second.fleet.calls.map { $0.split(separator: " ")[1...].first } == ["a", "b", "mine", nil])
      #expect(second.takeLines() == ["config +[a, b] ~[] -[]", "state +[mine] ~[] -[]"])
    }
    let third = try KeptAgents(folder: folder.folder)
    third.start()
    #expect(third.fleet.calls == ["deploy mine \(third.revision("mine")) start", "loaded"])
    #expect(third.written?.agents.keys.sorted() == ["mine"])
  }

  @Test("A damaged state is put aside and told, and the config used")
  func damaged() throws {
    let folder = try TemporaryFolder()
    try makeFolders(folder.path + "/state")
    try folder.write("state/state.json", "{\"schema\":1,")
    let kept = try KeptAgents(config: entry("a"), folder: folder)
    kept.start()
    #expect(kept.fleet.calls == ["deploy a \(kept.revision("a")) start", "loaded"])
    let lines = kept.takeLines()
    #expect(lines.count == 2)
    #expect(
      lines.first?.hasPrefix("state_damaged: \(folder.path)/state/state.json is not whole") == true)
    #expect(folderNames(folder.path + "/state").contains { $0.hasPrefix("state.json.damaged-2") })
  }

  @Test(
    "A state folder that cannot be used is told; one that another supervisor has ends the start")
  func folders() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("file", "")
    let kept = try KeptAgents(
      config: entry("a"), folder: folder, variables: ["SUPERVISOR_STATE_DIR": file + "/x"])
    kept.start()
    #expect(kept.fleet.calls.count == 2)
    #expect(
      kept.takeLines().first?.hasPrefix("state_unkept: the folder of the state, \(file)/x, cannot")
        == true)
    #expect(kept.keeper.fileProblem != nil)

    let first = try KeptAgents(config: "[]")
    first.start()
    let second = try KeptAgents(config: "[]", folder: first.folder)
    second.start()
    #expect(
      second.failures.first?.error.contains("another supervisor (process \(getpid()))") == true)
    #expect(second.fleet.calls.isEmpty)
  }

  @Test("A version that has served is noted, and the state written a moment later")
  func proven() throws {
    let kept = try KeptAgents(config: entry("a"))
    kept.start()
    let revision = kept.revision("a")
    kept.keeper.versionServes(agent: "a", revision: "another", replaced: nil)
    kept.keeper.versionServes(agent: "unknown", revision: revision, replaced: nil)
    #expect(kept.keeper.state.agents["a"]?.isProven == false)
    kept.keeper.versionServes(agent: "a", revision: revision, replaced: nil)
    #expect(kept.keeper.state.agents["a"]?.isProven == true)
    #expect(kept.written?.agents["a"]?.isProven == false)
    kept.runLoop(DesiredAgents.noteDelay + .milliseconds(1))
    #expect(kept.written?.agents["a"]?.isProven == true)
  }

  @Test("What waits to be written is written when the supervisor stops")
  func stopped() throws {
    let kept = try KeptAgents(config: entry("a"))
    kept.start()
    kept.keeper.versionServes(agent: "a", revision: kept.revision("a"), replaced: nil)
    kept.keeper.stop()
    #expect(kept.written?.agents["a"]?.isProven == true)
    try kept.reload(entry("b"))
    #expect(kept.keeper.state.agents.keys.sorted() == ["a"])
  }

  @Test(
    "A start begins with the version that served before one that never did",
    arguments: [true, false])
  func fallback(_ serves: Bool) throws {
    let folder = TemporaryFolderBox(try TemporaryFolder())
    do {
      let first = try KeptAgents(config: entry("a"), folder: folder.folder)
      first.start()
      first.keeper.versionServes(agent: "a", revision: first.revision("a"), replaced: nil)
      try first.reload(entry("a", 65))
      first.keeper.targetFailed(agent: "a", revision: first.revision("a"), reason: "broken")
      first.keeper.stop()
    }
    let kept = try KeptAgents(config: entry("a", 65), folder: folder.folder)
    kept.start()
    let previous = try #require(kept.keeper.previous(of: "a")).revision
    #expect(kept.fleet.takeCalls() == ["deploy a \(previous) start", "loaded"])
    if serves {
      kept.keeper.versionServes(agent: "a", revision: previous, replaced: nil)
    } else {
      kept.keeper.targetFailed(agent: "a", revision: previous, reason: "also broken")
    }
    // Not while the driver is in the middle of telling.
    #expect(kept.fleet.takeCalls().isEmpty)
    kept.runLoop(.milliseconds(1))
    #expect(kept.fleet.takeCalls() == ["deploy a \(kept.revision("a")) start"])
  }

  @Test("What the config says is followed also when it cannot be written down")
  func unwritten() throws {
    let kept = try KeptAgents(config: entry("a"))
    kept.start()
    _ = kept.takeLines()
    try makeFolders(kept.folder.path + "/state/state.json.new/inner")
    try kept.reload(entry("a", 65))
    #expect(kept.fleet.calls.last == "deploy a \(kept.revision("a")) config")
    let lines = kept.takeLines()
    #expect(lines.first?.hasPrefix("state_unwritten: ") == true)
    #expect(lines.last == "config +[] ~[a] -[]")
  }

  @Test("More ids than fit a line of the log are told in several, nothing twice and nothing never")
  func manyIDs() throws {
    let ids = (0..<700).map { "agent-\($0)-" + String(repeating: "x", count: 100) }
    let pieces = DesiredAgents.pieces(
      DesiredState.Changes(
        added: Array(ids[..<300]), changed: Array(ids[300..<400]), removed: Array(ids[400...])))
    #expect(pieces.count > 5)
    #expect(pieces.flatMap(\.removed) == Array(ids[400...]))
    #expect(pieces.flatMap(\.changed) == Array(ids[300..<400]))
    #expect(pieces.flatMap(\.added) == Array(ids[..<300]))
    for piece in pieces {
      let line = LogLine(
        wallNanoseconds: 0, sequence: 1, runID: "r", agentAppID: nil, deploymentID: nil,
        uptimeMilliseconds: 0,
        event: .supervisor(
          .desiredState(
            DesiredStateFacts(
              source: .config, revision: nil, added: piece.added, changed: piece.changed,
              removed: piece.removed))))
      let encoded = EncodedLine(line)
      let text = String(decoding: encoded.head + Array("1".utf8) + encoded.tail, as: UTF8.self)
      #expect((piece.added + piece.changed + piece.removed).allSatisfy { text.contains($0) })
    }
    #expect(DesiredAgents.pieces(DesiredState.Changes()) == [DesiredState.Changes()])
    let sentences = (0..<100).map { "\($0) " + String(repeating: "x", count: 200) }
    let fitting = DesiredAgents.fitting(sentences)
    #expect(fitting.last == "and \(100 - fitting.count + 1) more")
    #expect(fitting.dropLast() == sentences[..<(fitting.count - 1)])
    #expect(DesiredAgents.fitting(["a"]) == ["a"])
  }
}

/// Keeps a folder for several keepers, one after the other.
private struct TemporaryFolderBox {
  let folder: TemporaryFolder
  init(_ folder: TemporaryFolder) { self.folder = folder }
}

@Suite struct DesiredConfigFileTests {
  private let folder: TemporaryFolder
  private let path: String
  private let later = Clock.wallNanoseconds() + 3600 * 1_000_000_000

  init() throws {
    folder = try TemporaryFolder()
    path = try folder.write("agents.yaml", "[]")
  }

  @Test(
    "A file that was just changed is looked at again a moment later, and read when it has settled")
  func settling() throws {
    let look = Looking(ConfigFile(path: path, limit: 100))
    let changed = Clock.wallNanoseconds()
    guard case .settling(let time) = look.look(isAsked: false, now: changed) else {
      Issue.record("it was read while it may be written")
      return
    }
    #expect(time > .zero && time <= ConfigFile.settling)
    #expect(look.look(isAsked: false, now: later) == .bytes(Array("[]".utf8)))
    #expect(look.look(isAsked: false, now: later) == .same)
    // Somebody who says that it is ready is believed; a clock that was set back keeps nobody waiting.
    #expect(look.look(isAsked: true, now: changed) == .bytes(Array("[]".utf8)))
    try folder.write("agents.yaml", "[ ]")
    #expect(look.look(isAsked: false, now: 0) == .bytes(Array("[ ]".utf8)))
  }

  @Test("A file that is replaced by another of the same time and length is read")
  func replaced() throws {
    let look = Looking(ConfigFile(path: path, limit: 100))
    _ = look.look(isAsked: true, now: later)
    let other = try folder.write("other", "{}")
    var times = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 0)]
    for file in [path, other] { utimensat(AT_FDCWD, file, &times, 0) }
    #expect(look.look(isAsked: false, now: later) == .bytes(Array("[]".utf8)))
    #expect(rename(other, path) == 0)
    #expect(look.look(isAsked: false, now: later) == .bytes(Array("{}".utf8)))
  }

  @Test("What cannot be read is told, and read again when it can")
  func unreadable() throws {
    let look = Looking(ConfigFile(path: path, limit: 100))
    #expect(unlink(path) == 0)
    let missing = ConfigFile.Look.unreadable(
      "SUPERVISOR_CONFIG, \(path), cannot be read: No such file or directory")
    #expect(look.look(isAsked: false, now: later) == missing)
    #expect(mkfifo(path, 0o600) == 0)
    let noFile = ConfigFile.Look.unreadable("SUPERVISOR_CONFIG, \(path), is no file")
    #expect(look.look(isAsked: true, now: later) == noFile)
    #expect(unlink(path) == 0)
    try makeFolders(path)
    #expect(look.look(isAsked: true, now: later) == noFile)
    #expect(rmdir(path) == 0)
    try folder.write("agents.yaml", "[]")
    #expect(look.look(isAsked: false, now: later) == .bytes(Array("[]".utf8)))
  }

  @Test("Of a file that is too long no more is read than says so")
  func tooLong() throws {
    try folder.write("agents.yaml", String(repeating: "#", count: 1000))
    let look = Looking(ConfigFile(path: path, limit: 100))
    #expect(
      look.look(isAsked: true, now: later)
        == .bytes(Array(repeating: UInt8(ascii: "#"), count: 101)))
  }
}

/// A file that `#expect` may look at.
private final class Looking {
  private var file: ConfigFile
  init(_ file: ConfigFile) { self.file = file }
  func look(isAsked: Bool, now: Int64) -> ConfigFile.Look { file.look(isAsked: isAsked, now: now) }
}
