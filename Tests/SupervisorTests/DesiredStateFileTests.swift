import AgentPackages
import CPlatform
import Glibc
import Lifecycle
import LinuxSystem
import RunConfiguration
import Testing

@testable import Supervisor

@Suite struct DesiredStateFileTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func state(_ memory: Int...) throws -> DesiredState {
    var state = DesiredState()
    for (index, memory) in memory.enumerated() {
      state.put(
        try AgentSpec(
          agentAppID: "a\(index)", package: .url("s3://b/k"), environment: ["A_KEY": "secret"],
          memoryMegabytes: memory))
    }
    return state
  }

  private func load(now: Int64 = 0) throws -> StateFile.Found {
    try StateFile(folder: folder.path).load(now: now)
  }

  @Test("What was written is read again, by this user alone")
  func roundTrip() throws {
    #expect(try load() == .nothing)
    let state = try state(64, 65)
    try StateFile(folder: folder.path).save(state)
    #expect(try load() == .state(state))
    let status = try #require(FileTree.status("\(folder.path)/state.json"))
    #expect(status.mode & 0o777 == 0o600)
  }

  @Test("Any state is read again as it was written", arguments: 0..<200)
  func anyState(_ seed: Int) throws {
    var random = Random(seed: UInt64(seed))
    let state = try random.state()
    #expect(try DesiredState(JSONWriter.pretty(state.json)) == state)
  }

  @Test(
    "Killed between any two system calls, it leaves the old state or the new one", arguments: 0...5)
  func killed(_ steps: Int) throws {
    let (old, new) = (try state(64), try state(65, 66))
    try StateFile(folder: folder.path).save(old)
    let directory = try Descriptor.open(folder.path, O_RDONLY | O_DIRECTORY)
    do {
      var write = StateWrite(
        folder: folder.path, directory: directory, bytes: JSONWriter.pretty(new.json))
      for _ in 0..<steps { _ = try write.next() }
    }
    #expect(try load() == .state(steps < 4 ? old : new))
    // And the one after it writes as if nothing had been.
    try StateFile(folder: folder.path).save(try state(67))
    #expect(try load() == .state(state(67)))
    #expect(folderNames(folder.path).sorted() == ["lock", "state.json"])
  }

  @Test("Killed in the middle of its content, it leaves the old state")
  func halfWritten() throws {
    let old = try state(64)
    try StateFile(folder: folder.path).save(old)
    _ = try folder.write("state.json.new", "{\"schema\":1,\"agen")
    #expect(try load() == .state(old))
    // Also where what was left may not be written, or is no file of ours.
    #expect(symlink("/etc/hostname", "\(folder.path)/state.json.new") == 0)
    try StateFile(folder: folder.path).save(try state(65))
    #expect(try load() == .state(state(65)))
  }

  private static let damaged: [(content: String, words: String)] = [
    ("", "is not whole (it is empty); it is kept as "),
    ("{\"schema\":1,\"config\":null,\"agents\":[", "is not whole (the text ends in the middle"),
    ("\0\0\0\0", "is not whole (a character"),
    ("[]", "is no state of a supervisor: it names no schema"),
    ("{\"schema\":2}", "is of schema 2, and this program knows 1: another version wrote it"),
    ("{\"schema\":1}", "is damaged: agents cannot be used"),
    ("{\"schema\":1,\"agents\":[{}],\"users\":{}}", "is damaged: agents[0] cannot be used"),
    ("{\"schema\":1,\"agents\":[],\"users\":{\"a\":-1}}", "is damaged: users.a cannot be used"),
    ("{\"schema\":1,\"config\":{},\"agents\":[]}", "is damaged: config cannot be used"),
  ]

  @Test("A damaged file is put aside, whole, and named", arguments: damaged)
  func putAside(_ content: String, words: String) throws {
    _ = try folder.write("state.json", content)
    let now: Int64 = 1_795_378_000 * 1_000_000_000
    let kept = "\(folder.path)/state.json.damaged-20261122T200640Z"
    guard case .damaged(let name, let sentence) = try load(now: now) else {
      Issue.record("it was read")
      return
    }
    #expect(name == kept)
    #expect(sentence.contains(words), "\(sentence)")
    #expect(sentence.hasSuffix("it is kept as \(kept)"))
    #expect(readFile(kept) == Array(content.utf8))
    #expect(try load() == .nothing)
    // A second one in the same second has a name of its own.
    _ = try folder.write("state.json", "again")
    guard case .damaged(let second, _) = try load(now: now) else {
      Issue.record("it was read")
      return
    }
    #expect(second == kept + "-2")
    #expect(readFile(kept) == Array(content.utf8))
  }

  @Test("A state that names an agent twice, or a rollback to another one, is damaged")
  func inconsistent() throws {
    let agent = try JSONText.encode(#require(state(64).agents["a0"]?.json))
    let text = String(decoding: agent, as: UTF8.self)
    let document = { (agents: String) in
      "{\"schema\":1,\"agents\":[\(agents)],\"users\":{}}"
    }
    #expect(try DesiredState(Array(document(text).utf8)) == state(64))
    let other = text.replacing(
      "\"former\":[]", with: "\"former\":[{\"agent_app_id\":\"b\",\"package_path\":\"/b\"}]")
    for bad in [text + "," + text, other] {
      #expect(throws: DesiredState.Damage.self) { try DesiredState(Array(document(bad).utf8)) }
    }
  }

  @Test("What is no file is put aside as well")
  func noFile() throws {
    try makeFolders("\(folder.path)/state.json/inner")
    guard case .damaged(let kept, let sentence) = try load() else {
      Issue.record("it was read")
      return
    }
    #expect(sentence.contains("is not readable: Is a directory"))
    #expect(FileKind(kept + "/inner") == .folder)
    try StateFile(folder: folder.path).save(try state(64))
    #expect(try load() == .state(state(64)))
  }

  @Test("A state that would not be read again is not written; one that is too long is put aside")
  func tooLong() throws {
    let limit = JSONWriter.pretty(try state(64).json).count
    do {
      let file = try StateFile(folder: folder.path, maximumBytes: limit)
      try file.save(try state(64))
      #expect(throws: StateFile.Failure.tooLong(file.path, limit: limit)) {
        try file.save(self.state(100))
      }
      #expect(try file.load(now: 0) == .state(state(64)))
    }
    let file = try StateFile(folder: folder.path, maximumBytes: limit - 1)
    guard case .damaged(_, let sentence) = try file.load(now: 0) else {
      Issue.record("it was read")
      return
    }
    #expect(sentence.contains("is longer than \(limit - 1) bytes"))
  }

  @Test("A second supervisor is kept out while the first one lives")
  func locked() throws {
    do {
      let first = try StateFile(folder: folder.path)
      #expect(throws: StateFile.Failure.taken(folder: folder.path, pid: getpid())) {
        try StateFile(folder: self.folder.path)
      }
      #expect(
        StateFile.Failure.taken(folder: "/s", pid: 7).explanation.error
          == "another supervisor (process 7) keeps its state in /s")
      withExtendedLifetime(first) {}
    }
    _ = try StateFile(folder: folder.path)
  }

  @Test("A folder that cannot be used is named")
  func folders() throws {
    let file = try folder.write("file", "")
    #expect(throws: StateFile.Failure.folder("\(file)/x", reason: "Not a directory")) {
      try StateFile(folder: "\(file)/x")
    }
    #expect(chmod(folder.path, 0o755) == 0)
    #expect(throws: StateFile.Failure.folder(folder.path, reason: "it is not this user's alone")) {
      try StateFile(folder: self.folder.path, mustBePrivate: true)
    }
    _ = try StateFile(folder: "\(folder.path)/new/one")
    _ = try StateFile(folder: "\(folder.path)/own", mustBePrivate: true)
  }

  @Test("A write that fails leaves what was there")
  func unwritten() throws {
    let file = try StateFile(folder: folder.path)
    let old = try state(64)
    try file.save(old)
    // Nobody, root included, can remove a folder that is in the way.
    try makeFolders("\(folder.path)/state.json.new/inner")
    #expect(throws: StateFile.Failure.unwritten(file.path, reason: "File exists")) {
      try file.save(self.state(65))
    }
    #expect(try file.load(now: 0) == .state(old))
    removeTree("\(folder.path)/state.json.new")
    try file.save(try state(65))
    #expect(try file.load(now: 0) == .state(state(65)))
  }

  @Test("What stands there already is not written again")
  func unchanged() throws {
    let file = try StateFile(folder: folder.path)
    try file.save(try state(64))
    let first = try #require(FileTree.status(file.path))
    try file.save(try state(64))
    #expect(FileTree.status(file.path) == first)
  }
}

/// States made by chance, of everything that can be in one.
private struct Random {
  private var generator: SplitMix

  init(seed: UInt64) { generator = SplitMix(state: seed) }

  private mutating func pick<Value>(_ values: [Value]) -> Value {
    values[Int(generator.next() % UInt64(values.count))]
  }

  private mutating func text() -> String {
    let pieces = [
      "a", "é", "\"", "\\", "\n", "\u{7F}", "\u{85}", "\u{2028}", "𝄞", " ", "e\u{301}", "$",
    ]
    return (0..<Int(generator.next() % 6)).map { _ in pick(pieces) }.joined()
  }

  private mutating func spec(_ id: String) throws -> AgentSpec {
    var environment: [String: String] = [:]
    for _ in 0..<Int(generator.next() % 4) { environment["A\(generator.next() % 100)"] = text() }
    return try AgentSpec(
      agentAppID: id, package: pick([.path("/" + text()), .url("https://h/" + text())]),
      packageSHA256: pick([nil, String(repeating: "AB", count: 32)]),
      deploymentID: pick([nil, text()]), environment: environment,
      memoryMegabytes: pick([nil, 64]), cpuShares: pick([nil, 2]),
      restart: pick([
        nil, AgentSpec.Restart(maximum: 0), AgentSpec.Restart(maximum: 3, window: .seconds(0.1)),
        AgentSpec.Restart(maximum: 1, window: .seconds(1_000_000_000)),
      ]))
  }

  mutating func state() throws -> DesiredState {
    var state = DesiredState()
    for id in ["a", "b.c", "-_"].prefix(Int(generator.next() % 4)) where id != "-_" {
      state.agents[id] = DesiredAgent(
        try spec(id), source: pick([.api, .config]), isProven: pick([true, false]),
        former: pick([[], [try spec(id)], [try spec(id), try spec(id)]]),
        held: pick([nil, "0123456789ab"]))
      state.users[id] = UInt32(truncatingIfNeeded: generator.next())
    }
    state.config = pick([nil, DesiredState.ReadConfig(source: text(), revision: text())])
    return state
  }
}
