import Lifecycle
import RunConfiguration
import Testing

@testable import Controller

@Suite("The watch over the agent's beats")
struct BeatWatchTests {
  static let limits = BeatWatch.Limits(timeout: .seconds(60))

  static func at(_ seconds: Double) -> Instant { .start + .seconds(seconds) }

  @Test("looks once in the time in which a beat may be missing, while the loop runs")
  func seldom() {
    var watch = BeatWatch(Self.limits, at: Self.at(0))
    var looks = 0
    var now = 0.0
    while now < 600 {
      now = (watch.due - .start).seconds
      looks += 1
      #expect(watch.look(at: watch.due, lastBeat: Self.at(now.rounded(.down))) == .runs)
    }
    #expect(looks <= 120)
  }

  @Test("tells once of a loop that stands still, then that it is stuck")
  func stands() {
    var watch = BeatWatch(Self.limits, at: Self.at(0))
    #expect(watch.due == Self.at(6))
    #expect(watch.look(at: watch.due, lastBeat: Self.at(3)) == .runs)
    #expect(watch.due == Self.at(9))
    #expect(watch.look(at: watch.due, lastBeat: Self.at(3)) == .isLate(since: .seconds(6)))
    #expect(watch.due == Self.at(63))
    #expect(watch.look(at: Self.at(40), lastBeat: Self.at(3)) == .runs)
    #expect(watch.look(at: watch.due, lastBeat: Self.at(3)) == .isStuck(since: .seconds(60)))
  }

  @Test("tells again after the loop has run in between")
  func blockedTwice() {
    var watch = BeatWatch(Self.limits, at: Self.at(0))
    #expect(watch.look(at: Self.at(6), lastBeat: nil) == .isLate(since: .seconds(6)))
    #expect(watch.look(at: Self.at(60), lastBeat: Self.at(59)) == .runs)
    #expect(watch.due == Self.at(65))
    #expect(watch.look(at: Self.at(65), lastBeat: Self.at(59)) == .isLate(since: .seconds(6)))
  }

  @Test("tells of every blockage that is longer than it may be", arguments: 0..<40)
  func noneMissed(step: Int) {
    // Beats every second, until one is 5.2 s late; then every second again.
    let begin = Double(step) * 0.25
    let last = begin.rounded(.down)
    func lastBeat(_ now: Double) -> Double {
      now < last + 1 ? now.rounded(.down) : now < last + 6.2 ? last : now.rounded(.down)
    }
    var watch = BeatWatch(Self.limits, at: Self.at(0))
    var told = 0
    while watch.due < Self.at(30) {
      let now = (watch.due - .start).seconds
      if case .isLate = watch.look(at: watch.due, lastBeat: Self.at(lastBeat(now))) { told += 1 }
    }
    #expect(told == 1)
  }

  @Test("gives the loop another interval when the program itself did not run")
  func suspended() {
    var watch = BeatWatch(Self.limits, at: Self.at(0))
    #expect(watch.look(at: Self.at(6), lastBeat: Self.at(5)) == .runs)
    // Both were stopped for an hour.
    #expect(watch.look(at: Self.at(3600), lastBeat: Self.at(5)) == .runs)
    #expect(watch.due == Self.at(3606))
    #expect(watch.look(at: Self.at(3606), lastBeat: Self.at(3605)) == .runs)
    // The same, and the loop does not run again.
    #expect(watch.look(at: Self.at(7200), lastBeat: Self.at(3605)) == .runs)
    #expect(
      watch.look(at: Self.at(7206), lastBeat: Self.at(3605)) == .isLate(since: .seconds(3601)))
    #expect(
      watch.look(at: Self.at(7260), lastBeat: Self.at(3605)) == .isStuck(since: .seconds(3655)))
  }

  @Test("lets a short time-out have a beat that is shorter still")
  func short() {
    let limits = BeatWatch.Limits(timeout: .seconds(2))
    #expect(limits.interval == .milliseconds(500))
    let watch = BeatWatch(limits, at: Self.at(0))
    #expect(watch.due == Self.at(2))
    #expect(Self.limits.interval == .seconds(1))
  }

  @Test("is off with a time-out of 0")
  func off() throws {
    #expect(try configuration(["HEARTBEAT_TIMEOUT_SEC": "0"]).beatLimits == nil)
    #expect(try configuration().beatLimits == Self.limits)
  }
}
