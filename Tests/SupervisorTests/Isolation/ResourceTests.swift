import Glibc
import Lifecycle
import LinuxSystem
import Testing

@testable import Supervisor

@Suite("What an agent may use")
struct ResourceTests {
  static let shares: [(shares: Int, weight: Int, nice: Int32)] = [
    (1024, 100, 0), (2048, 200, 0), (512, 50, 3), (256, 25, 6), (2, 1, 19), (262_144, 10_000, 0),
    (0, 1, 19), (1_000_000_000, 10_000, 0),
  ]

  @Test("of the processors: shares become a weight, or a nice value", arguments: shares)
  func weights(shares: Int, weight: Int, nice: Int32) {
    let limits = ResourceLimits(cpuShares: shares)
    #expect(limits.cpuWeight == weight)
    #expect(limits.nice == nice)
  }

  @Test("is left to each process where no control group holds it")
  func withoutGroup() {
    let place = AgentPlace(user: nil, folder: nil)
    let limits = ResourceLimits(memory: 100 << 20, cpuShares: 512)
    let confinement = place.confinement(nil, limits)
    #expect(confinement.mostData == 406 << 20 && confinement.nice == 3)
    #expect(confinement.outlivesParent && confinement.controlGroup == nil)
    #expect(place.confinement(nil, ResourceLimits()).mostData == 0)
  }

  private func sample(
    _ agent: String, _ used: Int64, of limit: Int64?, held: Bool = false, settled: Bool = true
  ) -> MemoryWatch.Sample {
    MemoryWatch.Sample(
      agent: agent, usedBytes: used << 20, limitBytes: limit.map { $0 << 20 }, isHeld: held,
      isSettled: settled)
  }

  private func agents(_ verdicts: [MemoryWatch.Verdict]) -> [String] {
    verdicts.map {
      switch $0 {
      case .recycle(let agent, _): "recycle \(agent)"
      case .kill(let agent, _): "kill \(agent)"
      }
    }
  }

  @Test("of memory: over the limit twice in a row it is recycled, far over it killed at once")
  func limits() {
    var watch = MemoryWatch()
    let at = Instant.start
    let usual = [sample("a", 99, of: 100), sample("b", 110, of: 100), sample("c", 126, of: 100)]
    #expect(agents(watch.look(usual, free: nil, at: at)) == ["kill c"])
    // A peak that is over is forgotten.
    #expect(watch.look([sample("b", 90, of: 100)], free: nil, at: at).isEmpty)
    #expect(watch.look([sample("b", 110, of: 100)], free: nil, at: at).isEmpty)
    let busy = [sample("b", 110, of: 100, settled: false)]
    #expect(watch.look(busy, free: nil, at: at).isEmpty)
    #expect(agents(watch.look([sample("b", 110, of: 100)], free: nil, at: at)) == ["recycle b"])
    // The new worker is looked at from the beginning, and is not recycled again and again.
    let soon = at + MemoryWatch.pause - .milliseconds(1)
    for at in [at, at, soon] {
      #expect(watch.look([sample("b", 110, of: 100)], free: nil, at: at).isEmpty)
    }
    let later = at + MemoryWatch.pause
    #expect(agents(watch.look([sample("b", 110, of: 100)], free: nil, at: later)) == ["recycle b"])
  }

  @Test("of memory: one look is for all that change at once, and nobody gets the same room twice")
  func room() {
    let free = FreeMemory(available: 300 << 20, total: 2000 << 20)
    var room = SurgeRoom(free: free, table: ProcessTable([:]), promised: 50 << 20, at: .start)
    let taken = [room.take(100 << 20), room.take(50 << 20), room.take(1)]
    #expect(taken == [true, true, false])
    #expect(room.isFresh(at: .start + SurgeRoom.lifetime - .milliseconds(1)))
    #expect(!room.isFresh(at: .start + SurgeRoom.lifetime))
    var unknown = SurgeRoom(free: nil, table: ProcessTable([:]), promised: 0, at: .start)
    let isFree = unknown.take(.max)
    #expect(isFree)
  }

  @Test("of memory: where the kernel kills at the limit it is recycled before")
  func held() {
    var watch = MemoryWatch()
    let near = [sample("a", 91, of: 100, held: true), sample("b", 500, of: 100, held: true)]
    #expect(watch.look(near, free: nil, at: .start).isEmpty)
    #expect(agents(watch.look(near, free: nil, at: .start)) == ["recycle a", "recycle b"])
  }

  @Test("of memory: when the task runs short the greediest is recycled, one after the other")
  func short() {
    var watch = MemoryWatch()
    let samples = [
      sample("a", 200, of: nil), sample("b", 600, of: nil), sample("c", 700, of: nil),
      sample("d", 800, of: nil, settled: false),
    ]
    func free(_ megabytes: Int64) -> FreeMemory {
      FreeMemory(available: megabytes << 20, total: 2000 << 20)
    }
    #expect(watch.look(samples, free: free(100), at: .start).isEmpty)
    let verdicts = watch.look(samples, free: free(99), at: .start)
    #expect(agents(verdicts) == ["recycle c"])
    guard case .recycle(_, let reason)? = verdicts.first else { return }
    #expect(
      reason.sentence == "it uses 700 MiB where memory is short and an equal share is 500 MiB")
    let soon = Instant.start + MemoryWatch.pause - .milliseconds(1)
    #expect(watch.look(samples, free: free(9), at: soon).isEmpty)
    let later = Instant.start + MemoryWatch.pause
    #expect(agents(watch.look(samples, free: free(9), at: later)) == ["recycle c"])
    // Nobody is above an equal share: nobody is to blame.
    let modest = [sample("a", 300, of: nil), sample("b", 300, of: nil)]
    #expect(watch.look(modest, free: free(9), at: later + .seconds(600)).isEmpty)
  }
}

@Suite("What processes use")
struct ProcessTableTests {
  @Test("is read from the kernel's line, whatever a process is called")
  func line() {
    let text =
      "12 (a) b (c) S 7 12 12 0 -1 4194560 1 2 3 4 150 50 30 20 20 0 3 0 99 1000000 25 184467"
    let entry = ProcessTable.Entry(stat: Array(text.utf8), pageBytes: 4096)
    #expect(entry == ProcessTable.Entry(parent: 7, residentBytes: 25 * 4096, cpuTicks: 250))
    #expect(ProcessTable.Entry(stat: Array("12 (a) S 7".utf8), pageBytes: 4096) == nil)
    #expect(ProcessTable.Entry(stat: [], pageBytes: 4096) == nil)
  }

  @Test("is summed over everything below a process")
  func tree() {
    func entry(_ parent: Int32) -> ProcessTable.Entry {
      ProcessTable.Entry(parent: parent, residentBytes: 10, cpuTicks: 100)
    }
    let table = ProcessTable([1: entry(0), 2: entry(1), 3: entry(2), 4: entry(2), 5: entry(1)])
    let usage = table.usage(of: 2)
    #expect(usage.residentBytes == 30 && usage.processes == 3 && usage.cpuSeconds == 3)
    #expect(table.usage(of: 9) == TreeUsage())
  }

  /// Not this process itself: its main thread has ended while tests run, and so it counts as ended.
  @Test("is known of a process that runs")
  func running() throws {
    let pid = try ProcessTree.spawn(
      "/bin/sleep", arguments: ["sleep", "60"], environment: [], descriptors: [-1, -1, -1])
    defer {
      ProcessTree.killGroup(pid)
      _ = ProcessTree.reap(pid, within: .seconds(10))
    }
    var table = ProcessTable.now()
    // It has little before it runs, and the kernel counts what it gets in batches.
    for _ in 0..<1000 where table.usage(of: pid).residentBytes <= 1 << 16 {
      poll(nil, 0, 10)
      table = .now()
    }
    #expect(table.usage(of: pid).residentBytes > 1 << 16)
    let shared = try #require(table.proportionalBytes(of: pid))
    #expect(shared > 1 << 12)
  }
}

@Suite("Free memory")
struct FreeMemoryTests {
  /// Files as the kernel shows them, below a folder of the test's own.
  private func machine(_ files: [String: String]) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for (name, text) in files {
      let parent = name.split(separator: "/").dropLast().joined(separator: "/")
      try makeFolders(folder.path + "/" + parent)
      try folder.write(name, text)
    }
    return folder
  }

  private static let meminfo = "MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 600 kB\n"

  @Test("is the machine's where nothing limits it")
  func unlimited() throws {
    let root = try machine(["proc/meminfo": Self.meminfo])
    let free = FreeMemory.now(root: root.path)
    #expect(free == FreeMemory(available: 600 << 10, total: 1000 << 10))
    #expect(FreeMemory.now(root: root.path + "/nothing") == nil)
  }

  @Test("is that of the tightest control group around, of version 2")
  func versionTwo() throws {
    let root = try machine([
      "proc/meminfo": Self.meminfo,
      "proc/self/cgroup": "0::/task/one\n",
      "proc/self/mountinfo":
        "30 1 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n",
      "sys/fs/cgroup/task/memory.max": "500000\n",
      "sys/fs/cgroup/task/memory.current": "450000\n",
      "sys/fs/cgroup/task/memory.stat": "anon 1\ninactive_file 30000\nslab_reclaimable 20000\n",
      "sys/fs/cgroup/task/one/memory.max": "max\n",
      "sys/fs/cgroup/task/one/memory.current": "400000\n",
    ])
    #expect(
      FreeMemory.now(root: root.path) == FreeMemory(available: 100_000, total: 500_000))
    let path = try #require(ControlGroupPath.find(root: root.path))
    let mount = root.path + "/sys/fs/cgroup"
    #expect(path.upwards == [mount + "/task/one", mount + "/task", mount])
  }

  @Test("is that of a container's group of version 1, whose path is the host's")
  func versionOne() throws {
    let root = try machine([
      "proc/meminfo": Self.meminfo,
      "proc/self/cgroup": "4:memory:/docker/abc\n",
      "proc/self/mountinfo":
        "31 1 0:27 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
      "sys/fs/cgroup/memory/memory.limit_in_bytes": "300000\n",
      "sys/fs/cgroup/memory/memory.usage_in_bytes": "290000\n",
      "sys/fs/cgroup/memory/memory.stat": "cache 9\ntotal_inactive_file 40000\n",
    ])
    #expect(FreeMemory.now(root: root.path) == FreeMemory(available: 50_000, total: 300_000))
  }

  @Test("is not looked for in a group that was mounted from outside of the namespace")
  func foreign() throws {
    let root = try machine([
      "proc/self/cgroup": "0::/\n",
      "proc/self/mountinfo": "30 1 0:26 /.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
    ])
    #expect(ControlGroupPath.find(root: root.path) == nil)
  }
}
