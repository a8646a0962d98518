import CPlatform
import Glibc
import Lifecycle
import LinuxSystem
import Synchronization

@testable import DataPlane

/// A data plane on a free port with a folder of its own, and an agent where one is wanted.
/// Unchecked, because tests use it from one thread and share only its `plane`, which is Sendable.
final class TestServer: @unchecked Sendable {
  final class Recorder: DataPlaneObserver {
    let idle = Counter()
    private let log = Locked<[AccessRecord]>([])
    var records: [AccessRecord] { log.withLock { $0 } }
    func nothingInFlight() { idle.increment() }
    /// What answers control requests; without it they are left without an answer.
    let control = Locked<(@Sendable (ControlRequest, any ControlReply) -> Void)?>(nil)
    func controlRequest(_ request: ControlRequest, reply: any ControlReply) {
      control.withLock { $0 }?(request, reply)
    }
    private let idleWorkers = Locked<[Worker]>([])
    /// Those that were retired and have nothing to do, in this order.
    var retired: [Worker] { idleWorkers.withLock { $0 } }
    func workerIsIdle(_ worker: Worker) { idleWorkers.withLock { $0.append(worker) } }
    func requestFinished(_ record: AccessRecord) { log.withLock { $0.append(record) } }
    private let slowLog = Locked<[(record: AccessRecord, leftOut: Int)]>([])
    var slow: [(record: AccessRecord, leftOut: Int)] { slowLog.withLock { $0 } }
    func requestWasSlow(_ record: AccessRecord, leftOut: Int) {
      slowLog.withLock { $0.append((record, leftOut)) }
    }
    private let refusals = Locked<[String]>([])
    var refused: [String] { refusals.withLock { $0 } }
    func connectionRefused(reason: String, peer: String, count: Int) {
      refusals.withLock { $0.append(reason) }
    }
  }

  let folder: String
  /// Of the REST port; 0: it is a Unix socket.
  let port: UInt16
  let address: WorkerAddress
  private(set) var uiPort: UInt16 = 0
  private(set) var a2aPort: UInt16 = 0
  let plane: DataPlane
  let recorder = Recorder()
  private(set) var snapshot: Snapshot
  private var agents: [TestAgent] = []
  private var isStopped = false

  var socket: String { folder + "/rest.sock" }
  var a2aSocket: String { folder + "/a2a.sock" }
  var uiFolder: String { folder + "/ui" }

  init(
    gate: Gate = .ready, basePath: String = "/agents/x", uiListener: Bool = false,
    unixListener: Bool = false,
    _ change: (inout DataPlaneOptions, inout Snapshot, TestServer.Folder) -> Void = { _, _, _ in }
  ) throws {
    var template = Array("/tmp/par-dp-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SystemError("mkdtemp") }
    folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    var options = DataPlaneOptions(agentAppID: "x", basePath: basePath)
    options.loopCount = 2
    // Under a sanitizer and with all tests at once a loop may be slow.
    options.limits.cutPatience = .seconds(10)
    snapshot = Snapshot(
      gate: gate, state: Self.state(gate), reason: gate == .ready ? nil : "starting",
      surfaces: [SurfaceState(name: "rest", ready: gate == .ready)],
      meta: Array("{\"name\":\"x\"}".utf8),
      worker: Worker(restSocket: folder + "/rest.sock", a2a: .unix(folder + "/a2a.sock")),
      bootMilliseconds: gate == .booting ? nil : 42,
      budgetMilliseconds: 5000)
    if uiListener { options.multiplexed = false }
    change(&options, &snapshot, Folder(path: folder))
    var bound: UInt16 = 0
    let listener =
      unixListener
      ? par_listen_unix(folder + "/listen.sock", 128) : par_listen_tcp("127.0.0.1", 0, 128, &bound)
    port = bound
    address = unixListener ? .unix(folder + "/listen.sock") : .loopback(port: bound)
    var listeners = [PortListener(.rest, descriptor: listener)]
    if uiListener {
      listeners.append(
        PortListener(.ui, descriptor: par_listen_tcp("127.0.0.1", 0, 128, &bound)))
      uiPort = bound
    }
    listeners.append(
      PortListener(.a2a, descriptor: par_listen_tcp("127.0.0.1", 0, 128, &bound)))
    a2aPort = bound
    plane = try DataPlane(
      options: options, listeners: listeners, initial: snapshot, observer: recorder)
    try plane.start()
  }

  /// Where a test's files are, before the server runs.
  struct Folder {
    let path: String
    func write(_ name: String, _ text: String) { write(name, Array(text.utf8)) }
    func write(_ name: String, _ bytes: [UInt8]) {
      let whole = path + "/" + name
      var made = ""
      for part in whole.split(separator: "/").dropLast() {
        made += "/" + part
        mkdir(made, 0o755)
      }
      let file = par_open(whole, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
        precondition(count > 0, "a test's file must be written")
        rest = rest.dropFirst(count)
      }
      close(file)
    }
  }

  static func state(_ gate: Gate) -> String {
    switch gate {
    case .booting: "installing"
    case .restarting: "loading"
    case .ready: "ready"
    case .lameDuck, .closing: "draining"
    }
  }

  @discardableResult
  func agent(_ script: @escaping @Sendable (TestAgent.Connection) -> Void) -> TestAgent {
    let agent = TestAgent(socket, script: script)
    agents.append(agent)
    return agent
  }

  @discardableResult
  func agent(always response: String) -> TestAgent {
    let agent = TestAgent(socket, always: response)
    agents.append(agent)
    return agent
  }

  /// An agent that ends with the server.
  func adopt(_ agent: TestAgent) -> TestAgent {
    agents.append(agent)
    return agent
  }

  func publish(_ change: (inout Snapshot) -> Void) {
    change(&snapshot)
    plane.publish(snapshot)
  }

  /// Another worker takes the place of the one there is.
  /// - Returns: the one before.
  @discardableResult
  func replace(by worker: Worker?) throws -> Worker {
    guard let before = snapshot.worker else { throw SystemError("worker", number: ENOENT) }
    publish { $0.worker = worker }
    return before
  }

  func publish(gate: Gate) {
    publish {
      $0.gate = gate
      $0.state = Self.state(gate)
      $0.reason = gate == .ready ? nil : "draining"
    }
  }

  /// Requests that wait for the agent.
  var held: Int { metric("par_requests_held") ?? -1 }

  /// A number of `/metrics`; nil when it has no such line.
  func metric(_ name: String) -> Int? {
    let line = client().get("/metrics")?.text.split(separator: "\n").first {
      $0.hasPrefix(name + " ")
    }
    return line.flatMap { Int($0.dropFirst(name.utf8.count + 1)) }
  }

  func client() -> TestClient { TestClient(port) }
  func uiClient() -> TestClient { TestClient(uiPort) }

  func stop() {
    guard !isStopped else { return }
    isStopped = true
    plane.stop()
    for agent in agents { agent.stop() }
    Self.remove(folder)
  }

  deinit { stop() }

  private static func remove(_ path: String) {
    guard let folder = opendir(path) else {
      unlink(path)
      return
    }
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name == "." || name == ".." { continue }
      let whole = path + "/" + name
      var status = stat()
      if lstat(whole, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
        remove(whole)
      } else {
        unlink(whole)
      }
    }
    closedir(folder)
    rmdir(path)
  }
}

extension Snapshot {
  /// Another worker at this path.
  var upstreamSocket: String? {
    get { if case .unix(let path) = worker?.rest { path } else { nil } }
    set { worker = Worker(restSocket: newValue, a2a: worker?.a2a) }
  }

  /// Another worker with gRPC there.
  var a2aUpstream: WorkerAddress? {
    get { worker?.a2a }
    set { worker = Worker(restSocket: upstreamSocket, a2a: newValue) }
  }
}
