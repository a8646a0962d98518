import Lifecycle
import Testing

@Suite("Timers")
struct TimerTests {
  struct Row: CustomTestStringConvertible {
    let name: String
    let machine: Machine
    /// Milliseconds since the start.
    let due: [Timer: Int64]
    var testDescription: String { name }
  }

  private static let cold = Preparation(environment: .miss, hasWorker: true)
  private static let noWorker = Preparation(environment: .none, hasWorker: false)
  private static let unlimited = Policy(hardLimit: nil)
  private static let short = Policy(
    drainDeadline: .seconds(1), terminateMinimum: .milliseconds(100),
    streamDrain: .milliseconds(500))

  static let rows: [Row] = [
    Row(name: "before the boot", machine: Machine(policy: Policy()), due: [:]),
    Row(name: "fetching", machine: Scene.fetching(), due: [.fetchTimeout: 60_000]),
    Row(name: "verifying", machine: Scene.verifying(), due: [.hardLimit: 10_100]),
    Row(name: "verifying without a hard limit", machine: Scene.verifying(unlimited), due: [:]),
    Row(name: "installing from the cache", machine: Scene.installing(), due: [.hardLimit: 10_100]),
    Row(
      name: "installing cold", machine: Scene.installing(Policy(), cold),
      due: [.installTimeout: 300_300]),
    Row(
      name: "installing cold without a hard limit", machine: Scene.installing(unlimited, cold),
      due: [.installTimeout: 300_300]),
    Row(
      name: "installing from the cache without a hard limit",
      machine: Scene.installing(unlimited), due: [:]),
    Row(
      name: "first loading: all phases count but fetching", machine: Scene.loading(),
      due: [.hardLimit: 10_100]),
    Row(
      name: "first loading after a cold installation: that one does not count",
      machine: Scene.loading(Policy(), cold), due: [.hardLimit: 10_500]),
    Row(
      name: "first loading without a hard limit", machine: Scene.loading(unlimited),
      due: [.loadTimeout: 60_700]),
    Row(name: "ready", machine: Scene.ready(), due: [:]),
    Row(name: "loading again", machine: Scene.loadingAgain(), due: [.loadTimeout: 62_000]),
    Row(name: "waiting for a restart", machine: Scene.waiting(), due: [.restartDelay: 3500]),
    Row(
      name: "the wait is over",
      machine: Scene.after([(.timerFired(.restartDelay), 3500)], Scene.waiting()),
      due: [.loadTimeout: 63_500]),
    Row(
      name: "lame duck", machine: Scene.draining(),
      due: [
        .drainMinimum: 11_000, .streamDrain: 25_000, .agentStop: 38_000, .agentKill: 39_800,
        .drainDeadline: 39_950,
      ]),
    Row(
      name: "SIGINT refuses new work at once", machine: Scene.draining(Policy(), .interrupt),
      due: [
        .streamDrain: 25_000, .agentStop: 38_000, .agentKill: 39_800, .drainDeadline: 39_950,
      ]),
    Row(
      name: "a short deadline: margins of a tenth, a twentieth and half of that",
      machine: Scene.draining(short),
      due: [
        .drainMinimum: 10_100, .streamDrain: 10_500, .agentStop: 10_900, .agentKill: 10_950,
        .drainDeadline: 10_975,
      ]),
    Row(
      name: "lame duck without a worker", machine: Scene.draining(Policy(), .terminate, noWorker),
      due: [.drainMinimum: 11_000, .streamDrain: 25_000, .drainDeadline: 39_950]),
    Row(
      name: "closing",
      machine: Scene.after([(.timerFired(.drainMinimum), 11_000)], Scene.draining()),
      due: [
        .streamDrain: 25_000, .agentStop: 38_000, .agentKill: 39_800, .drainDeadline: 39_950,
      ]),
    Row(
      name: "the agent was asked to stop",
      machine: Scene.after([(.timerFired(.agentStop), 38_000)], Scene.draining()),
      due: [.streamDrain: 25_000, .agentKill: 39_800, .drainDeadline: 39_950]),
    Row(
      name: "the agent was killed",
      machine: Scene.after([(.timerFired(.agentKill), 39_800)], Scene.draining()),
      due: [.streamDrain: 25_000, .drainDeadline: 39_950]),
    Row(
      name: "streams were cut",
      machine: Scene.after([(.timerFired(.streamDrain), 25_000)], Scene.draining()),
      due: [
        .drainMinimum: 11_000, .agentStop: 38_000, .agentKill: 39_800, .drainDeadline: 39_950,
      ]),
    Row(
      name: "the worker is gone",
      machine: Scene.after([(.workerLost(attempt: 1, jitter: 0), 10_500)], Scene.draining()),
      due: [.drainMinimum: 11_000, .streamDrain: 25_000, .drainDeadline: 39_950]),
    Row(
      name: "a boot that was cut off: its worker is killed already",
      machine: Scene.after([(.terminationRequested(.terminate), 1000)], Scene.loading()),
      due: [.drainDeadline: 30_950]),
    Row(name: "stopped", machine: Scene.stopped(), due: [:]),
  ]

  @Test("run exactly as the state says", arguments: rows)
  func armed(row: Row) {
    #expect(row.machine.timers.mapValues(\.milliseconds) == row.due)
  }

  @Test(
    "lie within the deadline, each before the next, for any deadline",
    arguments: [
      0.001, 0.01, 0.1, 0.5, 1, 2, 4, 10, 19.9, 20, 30, 120, 86_400,
    ])
  func drainMargins(seconds: Double) {
    let policy = Policy(drainDeadline: .seconds(seconds))
    #expect(policy.agentStopMargin == (seconds < 20 ? .seconds(seconds / 10) : .seconds(2)))
    #expect(policy.agentKillMargin <= .milliseconds(200))
    #expect(policy.exitMargin <= .milliseconds(50))
    #expect(policy.exitMargin > .zero)
    #expect(policy.exitMargin < policy.agentKillMargin)
    #expect(policy.agentKillMargin < policy.agentStopMargin)
    #expect(policy.agentStopMargin < policy.drainDeadline)
    if seconds >= 4 {
      #expect(policy.agentKillMargin == .milliseconds(200))
      #expect(policy.exitMargin == .milliseconds(50))
    }
  }

  @Test("a timer that fired is not due once more in the same place", arguments: Timer.allCases)
  func firesOnce(timer: Timer) {
    for row in Self.rows {
      guard let due = row.machine.timers[timer] else { continue }
      var machine = row.machine
      #expect(machine.handle(.timerFired(timer), at: due).verdict != .ignored, "\(row.name)")
      if let again = machine.timers[timer] { #expect(again > due, "\(row.name)") }
    }
  }

  @Test("restarts wait 0, 0.5, 1, 2 … s, at most 10 s")
  func delays() {
    let seconds = (0...12).map { Policy.restartDelay(after: $0, jitter: 0).seconds }
    #expect(seconds == [0, 0.5, 1, 2, 4, 8, 10, 10, 10, 10, 10, 10, 10])
    #expect(Policy.restartDelay(after: .max, jitter: 0) == .seconds(10))
  }

  @Test("the jitter of a delay is at most a fifth", arguments: [1, 2, 3, 4, 5, 6, 20])
  func jitter(count: Int) {
    let plain = Policy.restartDelay(after: count, jitter: 0)
    for jitter in -100...100 {
      let delay = Policy.restartDelay(after: count, jitter: jitter)
      #expect(delay >= plain * 0.8)
      #expect(delay <= plain * 1.2)
    }
    #expect(Policy.restartDelay(after: count, jitter: -20) == plain * 0.8)
    #expect(Policy.restartDelay(after: count, jitter: 20) == plain * 1.2)
  }

  @Test("restarts are counted in a sliding window", arguments: 0...3)
  func intensity(maximum: Int) {
    var machine = Scene.ready(Policy(restartsMaximum: maximum, restartsWindow: .seconds(60)))
    var time: Int64 = 10_000
    for attempt in 1...max(1, maximum) where maximum > 0 {
      #expect(
        machine.handle(.workerLost(attempt: attempt, jitter: 0), at: .at(time)).to == .loading)
      if let due = machine.timers[.restartDelay] {
        time = due.milliseconds
        _ = machine.handle(.timerFired(.restartDelay), at: due)
      }
      _ = machine.handle(.workerReady(attempt: attempt + 1), at: .at(time))
    }
    #expect(machine.state.restartCount == maximum)
    let lost = Event.workerLost(attempt: maximum + 1, jitter: 0)
    #expect(machine.after(lost, at: 69_999).step.to == .draining)
    // The first restart leaves the window 60 s after it.
    #expect(machine.after(lost, at: 70_000).step.to == (maximum == 0 ? .draining : .loading))
  }
}
