import DataPlane
import Glibc
import Lifecycle
import LinuxSystem

@testable import Supervisor

/// Keeps what a handler answered.
final class RecordedReply: ControlReply, Sendable {
  struct Record: Sendable {
    var status: Int?
    var fields: [String: String] = [:]
    var contentType = ""
    var body: [UInt8] = []
    var pieces = 0
    var isStream = false
    var hasEnded = false
    /// Pieces that it takes before it says that its reader is gone.
    var patience = Int.max
  }

  private let record: Locked<Record>
  private let changed: Pipe

  init(patience: Int = .max) throws {
    record = Locked(Record(patience: patience))
    changed = try Pipe()
  }

  deinit {
    closeDescriptor(changed.readEnd)
    closeDescriptor(changed.writeEnd)
  }

  func answer(
    _ status: Int, fields: [(name: String, value: String)], contentType: String, body: [UInt8]
  ) {
    record.withLock {
      $0.status = status
      $0.fields = Dictionary(fields.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
      $0.contentType = contentType
      $0.body = body
      $0.hasEnded = true
    }
    tell()
  }

  func beginStream(_ status: Int, fields: [(name: String, value: String)], contentType: String) {
    record.withLock {
      $0.status = status
      $0.contentType = contentType
      $0.isStream = true
    }
  }

  func write(_ bytes: [UInt8]) -> Bool {
    let takes = record.withLock { record in
      guard record.pieces < record.patience else { return false }
      record.pieces += 1
      record.body += bytes
      return true
    }
    tell()
    return takes
  }

  func end() {
    record.withLock { $0.hasEnded = true }
    tell()
  }

  private func tell() {
    var byte: UInt8 = 0
    _ = Glibc.write(changed.writeEnd, &byte, 1)
  }

  var now: Record { record.withLock { $0 } }
  var text: String { String(decoding: now.body, as: UTF8.self) }
  var json: JSONValue? { try? JSONReader.decode(now.body) }

  /// Waits until what was written satisfies a condition; false: it did not within 10 s.
  func waits(until condition: (RecordedReply) -> Bool) -> Bool {
    let deadline = Clock.now() + .seconds(10)
    while !condition(self) {
      let left = (deadline - Clock.now()).milliseconds
      guard left > 0, waitReadable(changed.readEnd, milliseconds: Int32(clamping: left)) else {
        return condition(self)
      }
      _ = readAvailable(changed.readEnd, limit: 1)
    }
    return true
  }
}

/// A fleet that stands still.
final class StillFleet: Fleet {
  var shown: FleetView
  /// How often the view was asked for, and how often with what it costs to read.
  var looks = 0
  var usageLooks = 0

  init(_ view: FleetView) { shown = view }

  func view(usage: Bool) -> FleetView {
    looks += 1
    guard usage else {
      var view = shown
      for place in view.workers.indices {
        view.workers[place].rssBytes = nil
        view.workers[place].cpuSeconds = nil
      }
      return view
    }
    usageLooks += 1
    return shown
  }

  var phase: FleetView.Phase { shown.phase }

  func refusal(of command: FleetCommand) -> FleetRefusal? { nil }
  func deploy(_ version: AgentRelease, cause: DeploymentCause) throws(FleetRefusal) {}
  func remove(_ agent: String, cause: DeploymentCause) throws(FleetRefusal) {}
  func restart(_ agent: String) throws(FleetRefusal) {}
  func desiredStateIsLoaded() {}
}

extension FleetView {
  /// Three agents: one serves, one changes, one never came up.
  static func sample() -> FleetView {
    func version(_ revision: String, name: String? = nil) -> AgentView.Version {
      AgentView.Version(
        revision: revision, deploymentID: "d-\(revision)", package: "s3://bucket/\(revision).apkg",
        packageSHA256: nil, name: name, version: name.map { _ in "1.2.0" })
    }
    func worker(
      _ number: Int, _ agent: String, _ role: Supervisor.WorkerView.Role, _ state: StateName?,
      boot: Int64?
    ) -> Supervisor.WorkerView {
      Supervisor.WorkerView(
        number: number, agent: agent, role: role, revision: "r\(number)", runID: "run-\(number)",
        pid: Int32(4000 + number), port: UInt16(8000 + number), state: state,
        startedAt: 1_795_378_459_000, bootMilliseconds: boot,
        phases: PhaseTimes(fetch: 12, verify: 30, install: 140, load: 410), attempts: 0,
        rssBytes: 61_000_000, cpuSeconds: 1.25)
    }
    let agents = [
      AgentView(
        id: "billing", state: .ready, since: 1_795_378_460_000, reason: nil, isFromConfig: true,
        active: version("aaaaaaaaaaaa", name: "billing"), activeWorker: 1, target: nil,
        previous: version("bbbbbbbbbbbb"), isChanging: false, restartsInWindow: 1,
        restartsMaximum: 3,
        restarts: [
          .init(
            at: 1_795_378_450_000, reason: AgentReason("ended by SIGKILL", summary: "killed"),
            worker: 0, willRestart: true,
            delay: .milliseconds(500))
        ],
        traffic: .init(
          inFlight: 2, requests: 90, errors: 1, medianMicroseconds: 2100, p99Microseconds: 9000)),
      AgentView(
        id: "ledger", state: .ready, since: 1_795_378_461_000,
        reason: AgentReason("ValueError: its new version", summary: "its new version boots"),
        isFromConfig: false, active: version("cccccccccccc"),
        activeWorker: 2,
        target: .init(
          version: version("dddddddddddd"), state: .booting, reason: nil, worker: 3),
        previous: nil, isChanging: true, restartsInWindow: 0, restartsMaximum: 3, restarts: []),
      AgentView(
        id: "translator", state: .failed, since: 1_795_378_462_000,
        reason: AgentReason("ValueError: sk-1", summary: "its boot failed"),
        isFromConfig: false, active: nil, activeWorker: nil, target: nil, previous: nil,
        isChanging: false, restartsInWindow: 0, restartsMaximum: 3, restarts: []),
    ]
    return FleetView(
      version: "0.1.0", runID: "s-1", phase: .serving, startedAt: 1_795_378_459_000,
      uptime: .seconds(60), isolation: "none", inFlight: 2, port: 80, a2aPort: 50051,
      desired: DesiredView(config: "/etc/par/agents.yaml", hasToken: true), agents: agents,
      workers: [
        worker(1, "billing", .active, .ready, boot: 592),
        worker(2, "ledger", .active, .ready, boot: 700),
        worker(3, "ledger", .target, .installing, boot: nil),
      ])
  }
}
