import ControlPlane
import CPlatform
import Glibc
import Lifecycle
import LinuxSystem
import RunConfiguration
import Testing

@testable import Controller

@Suite("The notifier")
struct ServiceNotifierTests {
  /// A notifier with a receiver on one loop, and the machine that it hears of.
  private final class Scene {
    let loop: ControlLoop
    let receiver: DatagramReceiver
    let notifier: ServiceNotifier
    var machine: Machine
    var warnings: [String] = []

    init(
      address: String? = nil, policy: Policy = Policy(), pace: ServiceNotifier.Pace = .init()
    ) throws {
      loop = try ControlLoop()
      receiver = try DatagramReceiver()
      notifier = try ServiceNotifier(
        address: address ?? receiver.address, loop: loop, pace: pace)
      notifier.place = "port 8080"
      machine = Machine(policy: policy)
      notifier.warn = { [unowned self] in warnings.append($0) }
    }

    func send(_ events: Event...) {
      for event in events {
        let now = Clock.now()
        let step = machine.handle(event, at: now)
        notifier.stepped(step, machine, at: now)
      }
    }

    func boot() {
      send(
        .started, .packageFetched,
        .packageVerified(Preparation(environment: .hit, hasWorker: true)),
        .environmentInstalled, .workerReady(attempt: 1))
    }

    /// Runs the loop until so many datagrams came, or the time is over. To be called once.
    func run(until count: Int, within limit: Interval = .seconds(20)) throws {
      if receiver.take() >= count { return }
      try loop.watch(receiver.descriptor) { [unowned self] in
        if receiver.take() >= count { loop.stop() }
      }
      _ = loop.schedule(at: Clock.now() + limit) { [unowned self] in loop.stop() }
      loop.run()
      loop.forget(receiver.descriptor)
    }

    /// The datagrams without the numbers of `EXTEND_TIMEOUT_USEC`.
    var told: [[String]] {
      _ = receiver.take()
      return receiver.datagrams.map { datagram in
        datagram.lines.map { $0.hasPrefix("EXTEND_TIMEOUT_USEC=") ? "EXTEND" : $0 }
      }
    }
  }

  @Test("tells a run from its start to its end, each word where it belongs")
  func sequence() throws {
    let scene = try Scene()
    scene.boot()
    scene.send(
      .workerLost(attempt: 1, jitter: 0), .workerReady(attempt: 2),
      .terminationRequested(.terminate), .timerFired(.drainMinimum), .nothingInFlight,
      .workerLost(attempt: 2, jitter: 0))
    #expect(
      scene.told == [
        ["STATUS=Fetching", "EXTEND"], ["STATUS=Verifying", "EXTEND"],
        ["STATUS=Installing", "EXTEND"], ["STATUS=Loading", "EXTEND"],
        ["READY=1", "STATUS=Ready on port 8080"], ["STATUS=Restarting (attempt 2)"],
        ["STATUS=Ready on port 8080"],
        ["STOPPING=1", "STATUS=Draining, 0 in flight", "EXTEND"], ["STATUS=Stopped"],
      ])
  }

  @Test("tells when a reload begins and when it is over, and of none that it could not tell of")
  func reload() throws {
    let scene = try Scene()
    scene.boot()
    let before = par_monotonic_ns() / 1000
    scene.notifier.reloading()
    scene.notifier.reloaded()
    scene.notifier.reloaded()
    scene.notifier.reloading()
    scene.send(.terminationRequested(.terminate))
    scene.notifier.reloaded()
    let told = scene.told.dropFirst(5).map { datagram in
      datagram.map { $0.hasPrefix("MONOTONIC_USEC=") ? "MONOTONIC" : $0 }
    }
    #expect(
      told == [
        ["RELOADING=1", "MONOTONIC", "STATUS=Ready on port 8080, replacing the agent's process"],
        ["READY=1", "STATUS=Ready on port 8080"],
        ["RELOADING=1", "MONOTONIC", "STATUS=Ready on port 8080, replacing the agent's process"],
        ["STOPPING=1", "STATUS=Draining, 0 in flight", "EXTEND"],
      ])
    let times = scene.told.joined().compactMap { line in
      line.hasPrefix("MONOTONIC_USEC=") ? Int64(line.dropFirst(15)) : nil
    }
    #expect(times.count == 2)
    #expect(times.allSatisfy { $0 >= before && $0 <= par_monotonic_ns() / 1000 })
  }

  @Test("tells why a boot failed")
  func failure() throws {
    let scene = try Scene()
    scene.send(.started, .packageFetched)
    scene.notifier.failed("the archive is\nno archive")
    scene.send(.failed(.failure), .nothingInFlight)
    #expect(
      scene.told.suffix(1) == [
        ["STOPPING=1", "STATUS=Failed: the archive is no archive", "EXTEND"]
      ]
    )
  }

  @Test("asks for no more time than a phase has, from when it is sent")
  func bounds() throws {
    let scene = try Scene(policy: Policy(fetchTimeout: .seconds(5), drainDeadline: .seconds(9)))
    let before = Clock.now()
    scene.send(.started, .terminationRequested(.terminate))
    _ = scene.receiver.take()
    let asked = scene.receiver.datagrams.compactMap(\.extension_)
    #expect(asked.count == 2)
    for (asked, limit) in zip(asked, [Interval.seconds(5), .seconds(9)]) {
      #expect(asked <= limit)
      #expect(asked > limit - (Clock.now() - before) - .milliseconds(1))
    }
  }

  @Test("renews what it asked for well before it is over, and never beyond the limit")
  func renewal() throws {
    var pace = ServiceNotifier.Pace()
    pace.extensionLimit = .milliseconds(300)
    pace.renewal = .milliseconds(100)
    let scene = try Scene(policy: Policy(fetchTimeout: .seconds(1)), pace: pace)
    let start = Clock.now()
    scene.send(.started)
    try scene.run(until: 100, within: .milliseconds(1300))
    let asked = scene.receiver.datagrams.compactMap { datagram in
      datagram.extension_.map { (at: datagram.at, until: datagram.at + $0) }
    }
    // 0.3 s, and 0.1 s more each time until the limit; nothing after it.
    #expect((3...9).contains(asked.count))
    for (earlier, later) in zip(asked, asked.dropFirst()) { #expect(later.at < earlier.until) }
    let limit = start + .seconds(1)
    // The datagram is read a little after it was sent.
    #expect(asked.allSatisfy { $0.until < limit + .milliseconds(500) })
    #expect(asked.last.map { $0.until > limit - .milliseconds(50) } ?? false)
  }

  @Test("goes on asking in a phase without a limit")
  func unlimited() throws {
    var pace = ServiceNotifier.Pace()
    pace.renewal = .milliseconds(10)
    let scene = try Scene(policy: Policy(hardLimit: nil), pace: pace)
    scene.send(.started, .packageFetched)
    try scene.run(until: 12)
    #expect(scene.receiver.datagrams.count >= 12)
    #expect(scene.receiver.datagrams.allSatisfy { $0.extension_ ?? .zero <= pace.extensionLimit })
  }

  @Test("does not ask once it is ready")
  func noneWhenReady() throws {
    var pace = ServiceNotifier.Pace()
    pace.renewal = .milliseconds(10)
    let scene = try Scene(pace: pace)
    scene.boot()
    let count = scene.told.count
    try scene.run(until: count + 1, within: .milliseconds(100))
    #expect(scene.told.count == count)
  }

  @Test("tells progress at most every so often, and the last word always")
  func progress() throws {
    var pace = ServiceNotifier.Pace()
    pace.progress = .milliseconds(500)
    let scene = try Scene(pace: pace)
    let folder = try TemporaryFolder()
    let path = try folder.write("log", "")
    let fd = par_open(path, O_WRONLY | O_CLOEXEC, 0)
    let log = try LogWriter(descriptor: fd, runID: "r", format: .json, minimumLevel: .info)
    scene.send(.started)
    let reports = ProgressReports(phase: .fetching, message: "fetch", loop: scene.loop, log: log)
    scene.notifier.follow(reports)
    scene.notifier.redact = { $0 == "Fetching: secret" ? "Fetching: ***" : $0 }
    for number in 0..<1000 { reports.tell("\(number) bytes") }
    reports.tell("secret")
    try scene.run(until: 2)
    #expect(scene.told == [["STATUS=Fetching", "EXTEND"], ["STATUS=Fetching: ***"]])
    log.close(within: .seconds(20))
    closeDescriptor(fd)
  }

  @Test("keeps the number of requests in flight up to date in a drain")
  func drain() throws {
    var pace = ServiceNotifier.Pace()
    pace.drain = .milliseconds(10)
    let scene = try Scene(pace: pace)
    scene.boot()
    var left = 3
    scene.notifier.inFlight = {
      defer { left = max(0, left - 1) }
      return left
    }
    scene.send(.terminationRequested(.terminate))
    // Told when it changes, and not again.
    try scene.run(until: 10, within: .milliseconds(300))
    let expected =
      [["STOPPING=1", "STATUS=Draining, 3 in flight", "EXTEND"]]
      + [2, 1, 0].map { ["STATUS=Draining, \($0) in flight"] }
    #expect(Array(scene.told.dropFirst(5)) == expected)
  }

  @Test("keeps what a slow receiver does not take, and sends the newest of it")
  func fullQueue() throws {
    var pace = ServiceNotifier.Pace()
    pace.retry = .milliseconds(5)
    let scene = try Scene(pace: pace)
    let filled = try scene.receiver.fill()
    scene.boot()
    scene.notifier.feedWatchdog()
    try scene.run(until: filled + 1)
    let rest = scene.told.filter { $0 != ["X=1"] }
    #expect(rest == [["READY=1", "STATUS=Ready on port 8080", "WATCHDOG=1"]])
    #expect(scene.warnings.isEmpty)
  }

  @Test("gives a receiver that never takes anything up after a while")
  func retries() throws {
    var pace = ServiceNotifier.Pace()
    pace.retry = .milliseconds(1)
    pace.retries = 3
    let scene = try Scene(pace: pace)
    let filled = try scene.receiver.fill()
    scene.boot()
    _ = scene.loop.schedule(at: Clock.now() + .milliseconds(100)) { scene.loop.stop() }
    scene.loop.run()
    #expect(scene.told.count == filled)
    // The next word takes what is still unsaid along.
    scene.notifier.feedWatchdog()
    #expect(
      scene.told.dropFirst(filled) == [["READY=1", "STATUS=Ready on port 8080", "WATCHDOG=1"]])
  }

  @Test(
    "a socket that is not there, or is none, is one warning and nothing else",
    arguments: [
      "/nowhere/notify", "@par-test-nobody", "vsock:2:1234", "relative", "@", "/dev/null",
    ])
  func nobody(address: String) throws {
    let scene = try Scene(address: address)
    scene.boot()
    scene.notifier.feedWatchdog()
    scene.send(.terminationRequested(.terminate))
    #expect(scene.warnings.count == 1)
    #expect(scene.warnings.first?.contains(address) == true)
  }

  @Test("a name that is too long is one warning too", arguments: ["/", "@"])
  func tooLong(first: String) throws {
    let scene = try Scene(address: first + String(repeating: "x", count: 108))
    scene.boot()
    #expect(scene.warnings.count == 1)
  }

  @Test("a receiver that goes and comes again is told again")
  func closedReceiver() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/notify"
    let scene = try Scene(address: path)
    var receiver: DatagramReceiver? = try DatagramReceiver(address: path)
    scene.send(.started)
    #expect(receiver?.take() == 1)
    receiver = nil
    scene.send(.packageFetched)
    #expect(scene.warnings.count == 1)
    unlink(path)
    let next = try DatagramReceiver(address: path)
    scene.send(.packageVerified(Preparation(environment: .hit, hasWorker: true)))
    #expect(next.take() == 1)
    #expect(scene.warnings.count == 1)
  }

  @Test("without NOTIFY_SOCKET nobody is told anything, and nothing is scheduled")
  func none() throws {
    let loop = try ControlLoop()
    let notifier = try ServiceNotifier(address: nil, loop: loop)
    var machine = Machine(policy: Policy())
    let step = machine.handle(.started, at: .start)
    notifier.warn = { Issue.record("\($0)") }
    notifier.stepped(step, machine)
    notifier.feedWatchdog()
    _ = loop.schedule(at: .start) { loop.stop() }
    loop.run()
  }
}

/// A service manager's end of `NOTIFY_SOCKET`.
final class DatagramReceiver {
  struct Datagram {
    let at: Instant
    let lines: [String]

    /// What `EXTEND_TIMEOUT_USEC` asks for.
    var extension_: Interval? {
      for line in lines {
        if let value = line.split(separator: "=").last.flatMap({ Int64($0) }),
          line.hasPrefix("EXTEND_TIMEOUT_USEC=")
        {
          return Interval(nanoseconds: value * 1000)
        }
      }
      return nil
    }
  }

  let address: String
  let descriptor: Int32
  private(set) var datagrams: [Datagram] = []

  init(address: String = "@par-test-\(randomHexadecimal(bytes: 8))") throws {
    self.address = address
    descriptor = par_datagram_socket()
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    var bytes = Array(address.utf8)
    if bytes.first == UInt8(ascii: "@") { bytes[0] = 0 } else { bytes.append(0) }
    withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: bytes) }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
    let bound = withUnsafePointer(to: &name) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
    }
    guard bound == 0 else { throw SystemError("bind", address) }
  }

  deinit { closeDescriptor(descriptor) }

  /// Fills its queue with `X=1` (net.unix.max_dgram_qlen), by as many senders as that takes: each
  /// has a buffer of its own, which may be full first. Returns how many there are.
  func fill() throws -> Int {
    var filled = 0
    while true {
      let sender = try NotifySocket(address: address)
      let before = filled
      while sender.send("X=1") == .sent { filled += 1 }
      if filled == before { return filled }
    }
  }

  /// Takes what came; returns how many there are by now.
  @discardableResult
  func take() -> Int {
    while case .bytes(let bytes) = readAvailable(descriptor) {
      let text = String(decoding: bytes, as: UTF8.self)
      datagrams.append(
        Datagram(at: Clock.now(), lines: text.split(separator: "\n").map(String.init)))
    }
    return datagrams.count
  }
}
