import ControlPlane
import Lifecycle
import LinuxSystem
import Testing

@testable import Controller

@Suite("The control loop")
struct ControlLoopTests {
  @Test("calls alarms in the order in which they are due, and each once")
  func alarms() throws {
    let loop = try ControlLoop()
    var called: [Int] = []
    let now = Clock.now()
    for (number, delay) in [(3, 30), (1, 0), (2, 10)] {
      _ = loop.schedule(at: now + .milliseconds(Int64(delay))) {
        called.append(number)
        if called.count == 3 { loop.stop() }
      }
    }
    loop.run()
    #expect(called == [1, 2, 3])
    #expect(Clock.now() >= now + .milliseconds(30))
  }

  @Test("does not call what was cancelled, also by an alarm of the same round")
  func cancelled() throws {
    let loop = try ControlLoop()
    var called: [String] = []
    let first = loop.schedule(at: .start) { called.append("cancelled") }
    loop.cancel(first)
    var second = 0
    _ = loop.schedule(at: Instant(nanoseconds: 1)) {
      called.append("first")
      loop.cancel(second)
    }
    second = loop.schedule(at: Instant(nanoseconds: 2)) { called.append("second") }
    _ = loop.schedule(at: Instant(nanoseconds: 3)) { loop.stop() }
    loop.run()
    #expect(called == ["first"])
  }

  @Test("an alarm that is set again in the past does not starve descriptors")
  func noStarvation() throws {
    let loop = try ControlLoop()
    let pipe = try Pipe()
    defer {
      closeDescriptor(pipe.readEnd)
      closeDescriptor(pipe.writeEnd)
    }
    var rounds = 0
    func again() {
      rounds += 1
      if rounds == 1 { writeAll(pipe.writeEnd, [1]) }
      // Without the descriptor's turn this would go on for ever.
      if rounds > 1000 { return loop.stop() }
      _ = loop.schedule(at: .start, again)
    }
    _ = loop.schedule(at: .start, again)
    try loop.watch(pipe.readEnd) { loop.stop() }
    loop.run()
    #expect(rounds < 10)
  }

  @Test("does not call a descriptor that another one's handler forgot in the same round")
  func forgotten() throws {
    let loop = try ControlLoop()
    let (first, second) = (try Pipe(), try Pipe())
    var called = 0
    for (mine, other) in [(first, second), (second, first)] {
      try loop.watch(mine.readEnd) {
        called += 1
        loop.forget(mine.readEnd)
        loop.forget(other.readEnd)
        _ = loop.schedule(at: .start) { loop.stop() }
      }
    }
    writeAll(first.writeEnd, [1])
    writeAll(second.writeEnd, [1])
    loop.run()
    #expect(called == 1)
    loop.forget(first.readEnd)
    for fd in [first.readEnd, first.writeEnd, second.readEnd, second.writeEnd] {
      closeDescriptor(fd)
    }
  }

  @Test("calls a handler for the end of a descriptor too")
  func end() throws {
    let loop = try ControlLoop()
    let pipe = try Pipe()
    var result: ReadResult?
    try loop.watch(pipe.readEnd) {
      result = readAvailable(pipe.readEnd)
      loop.stop()
    }
    closeDescriptor(pipe.writeEnd)
    loop.run()
    #expect(result == .end)
    closeDescriptor(pipe.readEnd)
  }
}
