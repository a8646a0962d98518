import ControlPlane
import CPlatform
import DataPlane
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

@Suite("The watchdog over the data plane")
struct DataPlaneWatchdogTests {
  private final class Silent: DataPlaneObserver {
    func nothingInFlight() {}
    func requestFinished(_ record: AccessRecord) {}
  }

  /// A request to a port, and how often the watchdog was fed before and after.
  private final class Scene {
    let loop: ControlLoop
    let port: UInt16
    let entered: Pipe
    let leave: Pipe
    var client: Int32 = -1
    var fed = 0
    var fedWhileHanging: Int?
    var fedAfter = 0

    init(port: UInt16, entered: Pipe, leave: Pipe) throws {
      loop = try ControlLoop()
      (self.port, self.entered, self.leave) = (port, entered, leave)
    }

    func feed() {
      fed += 1
      if fed == 3 { hang() }
      guard fedWhileHanging != nil else { return }
      fedAfter += 1
      if fedAfter == 3 { loop.stop() }
    }

    private func hang() {
      client = par_connect_tcp_blocking("127.0.0.1", port, 10_000)
      writeAll(client, Array("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
      #expect(waitReadable(entered.readEnd, milliseconds: 10_000))
      // What was answered before it hung may still be told, once.
      _ = loop.schedule(at: Clock.now() + .milliseconds(100)) { [unowned self] in
        let before = fed
        _ = loop.schedule(at: Clock.now() + .milliseconds(200)) { [unowned self] in
          fedWhileHanging = fed - before
          writeAll(leave.writeEnd, [1])
        }
      }
    }
  }

  @Test("is not fed while one of several event loops hangs in a request, and then again")
  func hangs() throws {
    let entered = try Pipe()
    let leave = try Pipe()
    var options = DataPlaneOptions(agentAppID: "x", basePath: "/x")
    options.loopCount = 2
    // Read on a loop's thread, for /metrics.
    let gauge = Gauge(name: "par_hang", help: "Hangs.") {
      writeAll(entered.writeEnd, [1])
      _ = waitReadable(leave.readEnd, milliseconds: 20_000)
      return 0
    }
    var port: UInt16 = 0
    let listener = par_listen_tcp("127.0.0.1", 0, 8, &port)
    let plane = try DataPlane(
      options: options, listeners: [PortListener(.rest, descriptor: listener)],
      initial: Snapshot(gate: .ready, state: "ready", gauges: [gauge]), observer: Silent())
    try plane.start()
    let scene = try Scene(port: port, entered: entered, leave: leave)
    let watchdog = Watchdog(
      interval: .milliseconds(40), loop: scene.loop, ask: { plane.askHeartbeat() },
      haveAnswered: { plane.heartbeatIsWhole }, feed: { [unowned scene] in scene.feed() })
    _ = scene.loop.schedule(at: Clock.now() + .seconds(20)) { [unowned scene] in scene.loop.stop() }
    scene.loop.run()
    withExtendedLifetime(watchdog) {}
    #expect(scene.fedWhileHanging == 0)
    #expect(scene.fedAfter == 3)
    closeDescriptor(scene.client)
    plane.stop()
    for fd in [entered.readEnd, entered.writeEnd, leave.readEnd, leave.writeEnd] {
      closeDescriptor(fd)
    }
  }
}
