import Lifecycle
import LinuxSystem
import Testing

@testable import Controller

@Suite("The watchdog")
struct WatchdogTests {
  /// Loops that answer, or not, and what came of it.
  private final class Scene {
    let loop: ControlLoop
    var watchdog: Watchdog?
    var asked = 0
    var answered = 0
    var fed: [Instant] = []
    /// Whether a loop answers as soon as it is asked.
    var answers = true

    init() throws { loop = try ControlLoop() }

    func start(_ interval: Interval) {
      watchdog = Watchdog(
        interval: interval, loop: loop,
        ask: { [unowned self] in
          asked += 1
          if answers { answered = asked }
        }, haveAnswered: { [unowned self] in answered == asked },
        feed: { [unowned self] in
          fed.append(Clock.now())
          if fed.count == 5 { loop.stop() }
        })
    }

    func run(_ limit: Interval) {
      _ = loop.schedule(at: Clock.now() + limit) { [unowned self] in loop.stop() }
      loop.run()
    }
  }

  @Test("is fed every half interval while all loops answer, and asks as often")
  func fed() throws {
    let scene = try Scene()
    let start = Clock.now()
    scene.start(.milliseconds(60))
    scene.run(.seconds(20))
    #expect(scene.fed.count == 5)
    #expect(scene.asked == 6)
    for (number, at) in scene.fed.enumerated() {
      #expect(at >= start + .milliseconds(30) * Double(number + 1))
    }
  }

  @Test("is not fed while a loop does not answer")
  func hangs() throws {
    let scene = try Scene()
    scene.answers = false
    scene.start(.milliseconds(40))
    scene.run(.milliseconds(200))
    #expect(scene.fed.isEmpty)
    // Nobody is asked again before it has answered.
    #expect(scene.asked == 1)
  }

  @Test("is fed as soon as a late loop answers")
  func late() throws {
    let scene = try Scene()
    scene.answers = false
    let start = Clock.now()
    scene.start(.seconds(2))
    // After half the interval, and long before a whole one.
    _ = scene.loop.schedule(at: start + .milliseconds(1200)) {
      scene.answered = scene.asked
      _ = scene.loop.schedule(at: start + .milliseconds(1900)) { scene.loop.stop() }
    }
    scene.run(.seconds(20))
    #expect(scene.fed.count == 1)
    let first = try #require(scene.fed.first)
    #expect(first >= start + .milliseconds(1200))
  }

  @Test("has a shortest time, for an interval that nobody can mean")
  func shortest() throws {
    let scene = try Scene()
    let start = Clock.now()
    scene.start(Interval(nanoseconds: 1000))
    scene.run(.seconds(20))
    #expect(scene.fed.count == 5)
    #expect(Clock.now() - start >= Watchdog.shortestTick * 5)
  }

  @Test("ends with its owner's interest in it")
  func ends() throws {
    let scene = try Scene()
    scene.start(.milliseconds(20))
    scene.watchdog = nil
    scene.run(.milliseconds(60))
    #expect(scene.fed.isEmpty)
  }
}
