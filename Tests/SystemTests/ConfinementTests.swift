import CPlatform
import Glibc
import Lifecycle
import LinuxSystem
import Testing

@Suite("A confined child")
struct ConfinementTests {
  private static let isRoot = geteuid() == 0
  private static let nobody = UserIdentity(user: 54_321, group: 54_321)

  /// What a shell says that is started like this.
  private func shell(_ script: String, _ confinement: Confinement) throws -> String {
    let pipe = try Pipe()
    defer { closeDescriptor(pipe.readEnd) }
    // The thread may end before the child does.
    var confinement = confinement
    confinement.outlivesParent = true
    let pid: Int32
    do {
      defer { closeDescriptor(pipe.writeEnd) }
      pid = try ProcessTree.spawn(
        "/bin/sh", arguments: ["sh", "-c", script], environment: ["PATH=/usr/bin:/bin"],
        descriptors: [-1, pipe.writeEnd, pipe.writeEnd], confinement: confinement)
    }
    let output = Child.readToEnd(pipe.readEnd)
    _ = Child.wait(pid)
    return output
  }

  @Test("is the user that was named and in no other group", .enabled(if: isRoot))
  func user() throws {
    var confinement = Confinement()
    confinement.user = Self.nobody
    let said = try shell(
      "id -u; id -g; id -G; sed -n 's/^Uid:\\t//p' /proc/self/status", confinement)
    #expect(said == "54321\n54321\n54321\n54321\t54321\t54321\t54321\n")
  }

  @Test("of a worker has no cores, no new privileges, and leaves its files to itself")
  func privacy() throws {
    var confinement = Confinement()
    confinement.isPrivate = true
    confinement.mostDescriptors = 100
    confinement.mostData = 512 << 20
    let said = try shell(
      "umask; ulimit -c; ulimit -Hn; ulimit -d; sed -n 's/^NoNewPrivs:\\t//p' /proc/self/status",
      confinement)
    #expect(said == "0077\n0\n100\n\(512 << 10)\n1\n")
  }

  @Test("is offered to the out-of-memory killer, and given the nice value")
  func expendable() throws {
    var confinement = Confinement()
    confinement.isExpendable = true
    confinement.nice = 7
    let said = try shell("cat /proc/self/oom_score_adj; nice", confinement)
    #expect(said == "300\n7\n")
  }

  @Test("that cannot become the user says so", .enabled(if: !isRoot))
  func refused() {
    var confinement = Confinement()
    confinement.user = Self.nobody
    let error = #expect(throws: SystemError.self) { try shell("true", confinement) }
    #expect(error?.description.hasPrefix("become user 54321 for /bin/sh: ") == true)
  }

  @Test("that cannot join its control group says so")
  func noGroup() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("cgroup.procs", "")
    let fd = par_open(file, O_RDONLY, 0)
    defer { closeDescriptor(fd) }
    var confinement = Confinement()
    confinement.controlGroup = fd
    let error = #expect(throws: SystemError.self) { try shell("true", confinement) }
    #expect(error?.description == "join the control group of /bin/sh: Bad file descriptor")
  }

  @Test("may not read what its user may not", .enabled(if: isRoot))
  func access() throws {
    let folder = try TemporaryFolder()
    let secret = try folder.write("secret", "s", mode: 0o600)
    let open = try folder.write("open", "o", mode: 0o755)
    #expect(Self.nobody.may(.read, open) && Self.nobody.may(.execute, open))
    #expect(!Self.nobody.may(.read, secret) && !Self.nobody.may(.execute, secret))
    #expect(!Self.nobody.may(.read, folder.path + "/nothing"))
    chmod(folder.path, 0o700)
    #expect(!Self.nobody.may(.read, open))
  }

  @Test("is ended with all processes of its user, and nobody else is", .enabled(if: isRoot))
  func killedByUser() throws {
    var confinement = Confinement.worker(user: UserIdentity(user: 54_322, group: 54_322))
    let theirs = try ProcessTree.spawn(
      "/bin/sleep", arguments: ["sleep", "600"], environment: [], descriptors: [-1, -1, -1],
      confinement: confinement)
    confinement.user = UserIdentity(user: 54_323, group: 54_323)
    let other = try ProcessTree.spawn(
      "/bin/sleep", arguments: ["sleep", "600"], environment: [], descriptors: [-1, -1, -1],
      confinement: confinement)
    #expect(par_kill_user(54_322, 54_322) == 0)
    #expect(ProcessTree.reap(theirs, within: .seconds(10)) == .signaled(SIGKILL))
    #expect(kill(other, 0) == 0)
    // That there is nobody is no error.
    #expect(par_kill_user(54_322, 54_322) == 0)
    #expect(par_kill_user(0, 0) == -1 && errno == EINVAL)
    kill(other, SIGKILL)
    _ = ProcessTree.reap(other, within: .seconds(10))
  }

  @Test("is no child that was adopted; an orphan of it is")
  func adopted() async {
    // In a process of its own: a subreaper is one for all tests.
    await #expect(processExitsWith: .success) {
      _ = par_set_subreaper()
      let (input, output) = (try Pipe(), try Pipe())
      let pid = try ProcessTree.spawn(
        "/bin/sh", arguments: ["sh", "-c", "sleep 600 >/dev/null & echo $!; read x"],
        environment: ["PATH=/usr/bin:/bin"], descriptors: [input.readEnd, output.writeEnd, 2])
      #expect(waitReadable(output.readEnd, milliseconds: 20_000))
      #expect(ProcessTree.children() == [pid])
      #expect(ProcessTree.adopted().isEmpty)
      kill(pid, SIGKILL)
      #expect(ProcessTree.reap(pid, within: .seconds(10)) == .signaled(SIGKILL))
      // A child of that name only: its parent is gone.
      let orphans = ProcessTree.adopted()
      #expect(orphans.count == 1)
      ProcessTree.killDescendants()
      #expect(ProcessTree.children().isEmpty)
    }
  }

  @Test("is no child that was there before: it is spared")
  func spared() async {
    await #expect(processExitsWith: .success) {
      var found: pid_t = 0
      let words = [strdup("sleep"), strdup("600"), nil]
      #expect(posix_spawn(&found, "/bin/sleep", nil, nil, words, nil) == 0)
      #expect(ProcessTree.adopted() == [found])
      ProcessTree.spareChildren()
      let own = try ProcessTree.spawn(
        "/bin/sleep", arguments: ["sleep", "600"], environment: [], descriptors: [-1, -1, -1])
      #expect(ProcessTree.adopted().isEmpty)
      ProcessTree.killDescendants()
      #expect(ProcessTree.children() == [found] && kill(own, 0) != 0)
      kill(found, SIGKILL)
      #expect(ProcessTree.reap(found, within: .seconds(10)) == .signaled(SIGKILL))
      #expect(ProcessTree.children().isEmpty)
    }
  }
}

@Suite("A folder that is held open")
struct FolderHandleTests {
  @Test("does not follow links that somebody puts in its way")
  func links() throws {
    let folder = try TemporaryFolder()
    try makeFolders(folder.path + "/elsewhere/inner")
    symlink(folder.path + "/elsewhere", folder.path + "/link")
    let handle = try FolderHandle(folder.path)
    #expect(throws: SystemError.self) { try handle.folder("link").names() }
    #expect(throws: SystemError.self) { try FolderHandle(folder.path + "/link").names() }
    // The link goes, what it leads to stays.
    handle.remove("link")
    #expect(FileKind(folder.path + "/link") == .missing)
    #expect(FileKind(folder.path + "/elsewhere/inner") == .folder)
    symlink(folder.path + "/elsewhere", folder.path + "/elsewhere/inner/back")
    handle.remove("elsewhere")
    #expect(handle.names().isEmpty)
    handle.remove("nothing")
  }

  @Test("removes names that are no text, and folders within folders however deep they are")
  func removes() throws {
    let folder = try TemporaryFolder()
    let handle = try FolderHandle(folder.path)
    for (name, levels) in [
      ("all", FolderHandle.openDepth - 1), ("more", FolderHandle.openDepth + 8),
    ] {
      try makeFolders(folder.path + "/" + name)
      let odd = Array((folder.path + "/" + name + "/").utf8CString.dropLast()) + [-1, -2, 0]
      closeDescriptor(open(odd, O_CREAT | O_WRONLY, 0o600))
      // As an agent does it, which a path's length does not keep from it.
      var inner = try FolderHandle(folder.path + "/" + name)
      for _ in 0..<levels { inner = try inner.folder("d") }
    }
    handle.remove("all")
    handle.remove("more")
    #expect(handle.names().isEmpty)
  }
}
