import CPlatform
import Glibc
import Lifecycle
import LinuxSystem
import Testing

@testable import Supervisor

@Suite("Agents with users of their own")
struct IsolationTests {
  private static let isRoot = geteuid() == 0

  private func isolation(_ folder: TemporaryFolder, claims: String? = nil) -> Isolation {
    Isolation(
      stateFolder: folder.path + "/state",
      users: UserRange(first: 70_000 + UInt32.random(in: 0..<1000) * UserRange.count))
  }

  @Test("have the same one each time, and no two the same", .enabled(if: isRoot))
  func users() throws {
    let folder = try TemporaryFolder()
    let isolation = isolation(folder)
    #expect(isolation.level == .user && isolation.problem == nil)
    let (a, b) = (try isolation.place(agent: "a"), try isolation.place(agent: "b"))
    #expect(a.user != nil && a.user != b.user)
    #expect(try isolation.place(agent: "a") == a)
    isolation.remove(agent: "a")
    #expect(FileKind(folder.path + "/state/agents/a") == .missing)
    #expect(try isolation.place(agent: "c").user == a.user)
  }

  @Test("leave nothing, however deep they laid it", .enabled(if: isRoot))
  func deep() throws {
    let folder = try TemporaryFolder()
    let isolation = isolation(folder)
    _ = try isolation.place(agent: "a")
    var inner = try FolderHandle(folder.path + "/state/agents/a/tmp")
    for _ in 0..<1000 { inner = try inner.folder("d") }
    isolation.remove(agent: "a")
    let deadline = Clock.now() + .seconds(20)
    while !folderNames(folder.path + "/state/agents").isEmpty, Clock.now() < deadline {
      poll(nil, 0, 5)
    }
    #expect(folderNames(folder.path + "/state/agents").isEmpty)
  }

  @Test("are kept by the folder when the supervisor starts anew", .enabled(if: isRoot))
  func restart() throws {
    let folder = try TemporaryFolder()
    let users = UserRange(first: 5_000_000 + UInt32.random(in: 0..<1000) * UserRange.count)
    func start() -> Isolation { Isolation(stateFolder: folder.path, users: users) }
    var first: Isolation? = start()
    _ = try first?.place(agent: "a")
    let before = try first?.place(agent: "b")
    first = nil
    #expect(try start().place(agent: "b") == before)
  }

  @Test("are one supervisor's alone", .enabled(if: isRoot))
  func claims() throws {
    let (one, two) = (try TemporaryFolder(), try TemporaryFolder())
    let users = UserRange(first: 10_000_000 + UInt32.random(in: 0..<1000) * UserRange.count)
    let first = Isolation(stateFolder: one.path, users: users)
    let second = Isolation(stateFolder: two.path, users: users)
    let a = try first.place(agent: "a")
    let other = try second.place(agent: "a")
    #expect(a.user?.user == users.first && other.user?.user == users.first + 1)
    // A folder with a user that somebody else has by now is given to another one, empty.
    let third = try TemporaryFolder()
    try makeFolders(third.path + "/agents/a/cache/old")
    chown(third.path + "/agents/a", 0, users.first)
    let late = Isolation(stateFolder: third.path, users: users)
    #expect(try late.place(agent: "a").user?.user == users.first + 2)
    #expect(FileKind(third.path + "/agents/a/cache") == .folder)
    #expect(FileKind(third.path + "/agents/a/cache/old") == .missing)
    withExtendedLifetime((first, second)) {}
  }

  @Test("skip those that the machine has, and end with the range")
  func range() {
    let range = UserRange(first: 100)
    let found = range.lowestFree(taken: [100, 102], isKnown: { $0 == 101 })
    #expect(found == UserIdentity(user: 103, group: 103))
    let all = Set(100..<(100 + UserRange.count))
    #expect(range.lowestFree(taken: all, isKnown: { _ in false }) == nil)
    #expect(range.contains(100) && range.contains(100 + UserRange.count - 1))
    #expect(!range.contains(99) && !range.contains(100 + UserRange.count))
    #expect(UserRange.isKnownHere(0))
  }

  @Test("cannot be had where they could not run", .enabled(if: isRoot))
  func obstacles() throws {
    let folder = try TemporaryFolder()
    let secret = try folder.write("start.py", "")
    chmod(secret, 0o600)
    let unreadable = Isolation(stateFolder: folder.path + "/s", files: [secret])
    #expect(unreadable.level == .none)
    #expect(unreadable.problem == "\(secret) cannot be read by other users")
    let closed = Isolation(stateFolder: folder.path + "/s", programs: [secret])
    #expect(closed.problem == "\(secret) cannot be executed by other users")
    chmod(folder.path, 0o700)
    let state = Isolation(stateFolder: folder.path + "/s")
    #expect(state.problem == "\(folder.path)/s/agents cannot be entered by other users")
    #expect(try state.place(agent: "a") == AgentPlace(user: nil, folder: nil))
  }

  @Test("are not given without root", .enabled(if: !isRoot))
  func notRoot() throws {
    let folder = try TemporaryFolder()
    let isolation = isolation(folder)
    #expect(isolation.level == .none && isolation.problem == nil)
    #expect(try isolation.place(agent: "a").user == nil)
  }

  /// Started as an agent; 0 when what it tried was possible.
  private func tries(_ script: String, as place: AgentPlace) throws -> Int32 {
    let pid = try ProcessTree.spawn(
      "/bin/sh", arguments: ["sh", "-c", script],
      environment: ["PATH=/usr/bin:/bin", "MINE=\(place.folder ?? "")"],
      descriptors: [-1, -1, -1], confinement: .worker(user: place.user))
    guard case .exited(let code)? = ProcessTree.reap(pid, within: .seconds(30)) else { return -1 }
    return code
  }

  @Test("reach their own files and sockets and nobody else's", .enabled(if: isRoot))
  func apart() throws {
    let folder = try TemporaryFolder()
    let isolation = isolation(folder)
    let (mine, other) = (try isolation.place(agent: "mine"), try isolation.place(agent: "other"))
    let theirs = try #require(other.folder)
    let sockets = folder.path + "/sockets"
    mkdir(sockets, 0o700)
    let socket = try WorkerSocket(folder: sockets, name: "1.rest")
    let (path, listener) = (socket.path, socket.descriptor)
    defer { closeDescriptor(listener) }
    #expect(try tries("echo x > $MINE/cache/file && echo x > $MINE/tmp/f", as: other) == 0)
    let possible = [
      "echo x > $MINE/cache/file", "cat $MINE/cache/file", "mkdir $MINE/home/.config",
      "test $(stat -c %a $MINE/cache/file) = 600",
    ]
    for script in possible { #expect(try tries(script, as: mine) == 0, "\(script)") }
    let impossible = [
      "cat \(theirs)/cache/file", "ls \(theirs)", "ls \(theirs)/home", "ls \(theirs)/..",
      "echo x > \(theirs)/tmp/f", "rm -rf \(theirs)/cache && test ! -e \(theirs)/cache/file",
      // What is its own it cannot make something else of.
      "mv $MINE/cache $MINE/old", "rmdir $MINE/tmp && ln -s /etc $MINE/tmp", "chmod 777 $MINE",
      "ls \(folder.path)/state", "ls \(sockets)", "cat /proc/\(getpid())/environ",
      "kill -0 \(getpid())", "python3 -c 'import os; os.setuid(0)'",
      connect(to: path),
    ]
    for script in impossible { #expect(try tries(script, as: mine) != 0, "\(script)") }
    // Whoever may enter the folder reaches it.
    #expect(par_connect_unix(path) >= 0)
    let processes = try ProcessTree.spawn(
      "/bin/sleep", arguments: ["sleep", "600"], environment: ["SECRET=1"],
      descriptors: [-1, -1, -1], confinement: .worker(user: other.user))
    for script in ["cat /proc/\(processes)/environ", "kill -9 \(processes)"] {
      #expect(try tries(script, as: mine) != 0, "\(script)")
    }
    AdoptedProcesses.kill(of: try #require(other.user))
    #expect(ProcessTree.reap(processes, within: .seconds(10)) == .signaled(SIGKILL))
  }

  private func connect(to path: String) -> String {
    "python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect(\"\(path)\")'"
  }
}
