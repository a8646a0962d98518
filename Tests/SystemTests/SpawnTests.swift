import CPlatform
import Glibc
import Lifecycle
import LinuxSystem
import Testing

@Suite("Starting a child", .serialized)
struct SpawnTests {
  @Test("gives it exactly the descriptors that were named")
  func descriptors() throws {
    let stray = try Pipe()
    // Not close-on-exec, as a careless library would leave it.
    _ = par_set_cloexec(stray.writeEnd, false)
    defer {
      closeDescriptor(stray.readEnd)
      closeDescriptor(stray.writeEnd)
    }
    let extra = try Pipe()
    defer {
      closeDescriptor(extra.readEnd)
      closeDescriptor(extra.writeEnd)
    }
    // 5 is the listing's own, for the folder that it lists: the lowest that is free.
    let (output, status) = try Child.shell(
      "readlink /proc/$$/fd/0; cd /proc/$$/fd && echo *", extra: [extra.readEnd, extra.writeEnd])
    #expect(status == 0)
    #expect(output == "/dev/null\n0 1 2 3 4 5\n")
  }

  @Test("gives it the ends of the pipes in the order named, also when they overlap")
  func order() throws {
    let pipe = try Pipe()
    defer { closeDescriptor(pipe.readEnd) }
    let pid = try ProcessTree.spawn(
      "/bin/sh", arguments: ["sh", "-c", "echo five >&5"], environment: [],
      descriptors: [-1, 2, 2, 1, 0, pipe.writeEnd])
    closeDescriptor(pipe.writeEnd)
    #expect(Child.readToEnd(pipe.readEnd) == "five\n")
    #expect(Child.wait(pid) == 0)
  }

  @Test("puts it into a session and a group of its own")
  func session() throws {
    // proc_pid_stat(5): state, ppid, pgrp, session
    let (output, _) = try Child.shell("echo $$; sed 's/.*) //' /proc/$$/stat | cut -d' ' -f2-4")
    let lines = output.split(separator: "\n")
    let pid = String(lines[0])
    #expect(lines[1].split(separator: " ").map(String.init) == ["\(getpid())", pid, pid])
  }

  @Test("leaves no signal blocked or ignored, whatever the parent does")
  func signals() async {
    // In a process of its own: dispositions are the whole process's.
    await #expect(processExitsWith: .success) {
      var mask = sigset_t()
      sigfillset(&mask)
      pthread_sigmask(SIG_BLOCK, &mask, nil)
      signal(SIGPIPE, SIG_IGN)
      signal(SIGUSR1, SIG_IGN)
      let (output, _) = try Child.shell(
        "cut -f2 /proc/self/status -s | sed -n '/^[0-9a-f]\\{16\\}$/p'")
      // SigPnd, ShdPnd, SigBlk, SigIgn, SigCgt come first (proc_pid_status(5)).
      let values = output.split(separator: "\n").prefix(5).map { UInt64($0, radix: 16) ?? .max }
      // 32 and 33 are libc's own; nobody can change what is done with them.
      let own: UInt64 = 3 << 31
      #expect(values.map { $0 & ~own } == [0, 0, 0, 0, 0], "\(output)")
    }
  }

  @Test("puts it into its folder, with the environment that was named and nothing else")
  func folder() throws {
    let folder = try TemporaryFolder()
    let (output, _) = try Child.shell(
      "/bin/pwd; exec /usr/bin/env", environment: ["A=b c", "PATH=/usr/bin:/bin"],
      folder: folder.path)
    let lines = Set(output.split(separator: "\n").map(String.init))
    #expect(lines.isSuperset(of: [folder.path, "A=b c", "PATH=/usr/bin:/bin"]))
    let names = Set(lines.map { String($0.prefix { $0 != "=" }) }.filter { $0 != folder.path })
    // A shell adds PWD and such by itself.
    #expect(names.subtracting(["PWD", "OLDPWD", "_", "SHLVL"]) == ["A", "PATH"])
  }

  static let failures: [(path: String, folder: String?, number: Int32)] = [
    ("/nowhere/at/all", nil, ENOENT), ("/etc/passwd", nil, EACCES), ("/tmp", nil, EACCES),
    ("/bin/sh", "/nowhere/at/all", ENOENT), ("/bin/sh", "/etc/passwd", ENOTDIR),
  ]

  @Test("tells why it could not", arguments: failures)
  func failure(path: String, folder: String?, number: Int32) throws {
    let error = #expect(throws: SystemError.self) {
      try ProcessTree.spawn(
        path, arguments: [path], environment: [], folder: folder, descriptors: [-1, -1, -1])
    }
    #expect(error?.number == number)
    #expect(error?.description == "start \(path): \(String(cString: strerror(number)))")
  }

  @Test("refuses more than 16 descriptors")
  func tooMany() {
    let error = #expect(throws: SystemError.self) {
      try ProcessTree.spawn(
        "/bin/true", arguments: ["true"], environment: [],
        descriptors: [Int32](repeating: -1, count: 17))
    }
    #expect(error?.number == EINVAL)
  }

  @Test("kills it when the thread that started it ends")
  func parentDeath() throws {
    let pipe = try Pipe()
    let started = Started(writeEnd: pipe.writeEnd)
    var thread = pthread_t()
    let made = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        // Balances passRetained below.
        let started = Unmanaged<Started>.fromOpaque(argument).takeRetainedValue()
        started.pid =
          (try? ProcessTree.spawn(
            "/bin/sleep", arguments: ["sleep", "1000"], environment: [],
            descriptors: [-1, started.writeEnd])) ?? -1
        return nil
      }, Unmanaged.passRetained(started).toOpaque())
    #expect(made == 0)
    pthread_join(thread, nil)
    closeDescriptor(pipe.writeEnd)
    defer { closeDescriptor(pipe.readEnd) }
    #expect(started.pid > 0)
    // The end of its output is the end of it.
    #expect(waitReadable(pipe.readEnd, milliseconds: 10_000))
    let word = Child.wait(started.pid)
    #expect(par_signaled(word) && par_termination_signal(word) == SIGKILL)
  }

  /// Written by the thread, read after it was joined.
  private final class Started: @unchecked Sendable {
    let writeEnd: Int32
    var pid: Int32 = 0
    init(writeEnd: Int32) { self.writeEnd = writeEnd }
  }

  @Test("killGroup kills all of it, and a group that is gone is no error")
  func killGroup() throws {
    let pipe = try Pipe()
    let pid = try ProcessTree.spawn(
      "/bin/sh", arguments: ["sh", "-c", "sleep 1000 & echo started; wait"], environment: [],
      descriptors: [-1, pipe.writeEnd])
    closeDescriptor(pipe.writeEnd)
    defer { closeDescriptor(pipe.readEnd) }
    #expect(Child.readLine(pipe.readEnd) == "started")
    ProcessTree.killGroup(pid)
    // The grandchild holds the pipe too.
    #expect(Child.readToEnd(pipe.readEnd) == "")
    let word = Child.wait(pid)
    #expect(par_termination_signal(word) == SIGKILL)
    ProcessTree.killGroup(pid)
    ProcessTree.killGroup(0)
    ProcessTree.killGroup(1)
    ProcessTree.killGroup(-1)
  }

  @Test("killDescendants reaches a grandchild that left the session")
  func killDescendants() async {
    // In a process of its own: other tests' children are none of this test's business.
    await #expect(processExitsWith: .success) {
      _ = par_set_subreaper()
      let pipe = try Pipe()
      let pid = try ProcessTree.spawn(
        "/bin/sh",
        arguments: [
          "sh", "-c", "setsid sh -c 'echo $$; setsid sleep 1000 & exec sleep 1000' & wait",
        ],
        environment: ["PATH=/usr/bin:/bin"], descriptors: [-1, pipe.writeEnd])
      closeDescriptor(pipe.writeEnd)
      let grandchild = Int32(Child.readLine(pipe.readEnd)) ?? -1
      #expect(grandchild > 0)
      ProcessTree.killDescendants()
      #expect(Child.readToEnd(pipe.readEnd) == "")
      #expect(Child.isGone(grandchild))
      #expect(kill(pid, 0) == -1 && errno == ESRCH)
      #expect(ProcessTree.children() == [])
      #expect(ProcessTree.reap() == nil)
    }
  }

  @Test("killDescendants takes a child that is already dead, and none at all")
  func killDescendantsOfTheDead() async {
    await #expect(processExitsWith: .success) {
      ProcessTree.killDescendants()
      let pid = try ProcessTree.spawn(
        "/bin/true", arguments: ["true"], environment: [], descriptors: [-1])
      #expect(Child.isGone(pid))
      ProcessTree.killDescendants()
      #expect(ProcessTree.children() == [])
    }
  }

  @Test("reap of one child tells its end, and waits no longer than it was told to")
  func reapWithin() throws {
    let exited = try ProcessTree.spawn(
      "/bin/sh", arguments: ["sh", "-c", "exit 9"], environment: [], descriptors: [-1])
    #expect(ProcessTree.reap(exited, within: .seconds(20)) == .exited(9))
    // It is nobody's child any more.
    #expect(ProcessTree.reap(exited, within: .seconds(20)) == nil)

    let living = try ProcessTree.spawn(
      "/bin/sleep", arguments: ["sleep", "1000"], environment: [], descriptors: [-1])
    let before = Clock.now()
    #expect(ProcessTree.reap(living, within: .milliseconds(30)) == nil)
    #expect(Clock.now() - before >= .milliseconds(30))
    #expect(ProcessTree.reap(living, within: .milliseconds(-5)) == nil)
    kill(living, SIGKILL)
    #expect(ProcessTree.reap(living, within: .seconds(20)) == .signaled(SIGKILL))
  }

  @Test("a signal that it shall ignore does not end it, others do")
  func ignoring() throws {
    let pipe = try Pipe()
    var confinement = Confinement()
    confinement.ignoredSignal = SIGUSR2
    let pid = try ProcessTree.spawn(
      "/bin/sh", arguments: ["sh", "-c", "kill -USR2 $$; echo alive; kill -USR1 $$"],
      environment: [], descriptors: [-1, pipe.writeEnd], confinement: confinement)
    closeDescriptor(pipe.writeEnd)
    defer { closeDescriptor(pipe.readEnd) }
    #expect(Child.readToEnd(pipe.readEnd) == "alive\n")
    #expect(par_termination_signal(Child.wait(pid)) == SIGUSR1)
  }

  @Test("has the limit of open files that this program was started with, raised here or not")
  func descriptorLimits() async {
    // In a process of its own: the limit is the whole process's.
    await #expect(processExitsWith: .success) {
      var limit = rlimit()
      let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
      #expect(getrlimit(resource, &limit) == 0)
      limit.rlim_cur = 64
      #expect(setrlimit(resource, &limit) == 0)
      #expect(descriptorLimit() == 64)
      let before = try Child.shell("ulimit -n").output
      #expect(before == "64\n")
      let raised = par_raise_nofile()
      #expect(raised == Int64(clamping: min(limit.rlim_max, rlim_t(Int32.max))))
      #expect(descriptorLimit() == Int(clamping: limit.rlim_max))
      let raisedOnce = try Child.shell("ulimit -n").output
      #expect(raisedOnce == "64\n")
      // Also when more are open here than the child may have.
      let pipes = try (0..<64).map { _ in try Pipe() }
      let crowded = try Child.shell("ulimit -n").output
      #expect(crowded == "64\n")
      for pipe in pipes {
        closeDescriptor(pipe.readEnd)
        closeDescriptor(pipe.writeEnd)
      }
      // A second time changes nothing.
      #expect(par_raise_nofile() == raised)
      let raisedTwice = try Child.shell("ulimit -n").output
      #expect(raisedTwice == "64\n")
    }
  }

  @Test("reap tells of children one after the other, adopted ones too")
  func reap() async {
    await #expect(processExitsWith: .success) {
      _ = par_set_subreaper()
      let pipe = try Pipe()
      let pid = try ProcessTree.spawn(
        "/bin/sh", arguments: ["sh", "-c", "(exit 3) & (exit 4) & exit 5"], environment: [],
        descriptors: [-1, pipe.writeEnd])
      closeDescriptor(pipe.writeEnd)
      #expect(Child.readToEnd(pipe.readEnd) == "")
      var ends: [Int32: LinuxSystem.ExitStatus] = [:]
      while !ProcessTree.children().isEmpty || ends[pid] == nil {
        if let (child, status) = ProcessTree.reap() { ends[child] = status }
      }
      #expect(ends[pid] == .exited(5))
      #expect(ends.values.allSatisfy { [.exited(3), .exited(4), .exited(5)].contains($0) })
    }
  }

  @Test("signals are read one after the other, and SIGPIPE is an error of the write")
  func signalSource() async {
    await #expect(processExitsWith: .success) {
      let source = try SignalSource()
      #expect(SignalSource.next(source.descriptor) == nil)
      for number in SignalSource.handled { pthread_kill(pthread_self(), number) }
      var seen: Set<Int32> = []
      while let number = SignalSource.next(source.descriptor) { seen.insert(number) }
      #expect(seen == Set(SignalSource.handled))
      let pipe = try Pipe()
      closeDescriptor(pipe.readEnd)
      #expect(!writeAll(pipe.writeEnd, [1]))
    }
  }

  @Test("reap tells statuses and signals")
  func statuses() throws {
    let exited = try Child.shell("exit 7").status
    #expect(par_exited(exited) && par_exit_status(exited) == 7)
    let killed = try Child.shell("kill -SEGV $$").status
    #expect(par_signaled(killed) && par_termination_signal(killed) == SIGSEGV)
    #expect(SignalSource.name(SIGSEGV) == "SIGSEGV")
    #expect(SignalSource.name(42) == "SIG42")
  }
}
