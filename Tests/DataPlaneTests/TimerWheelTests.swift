import CPlatform
import Glibc
import Testing

@testable import DataPlane

@Suite("The timer wheel")
struct TimerWheelTests {
  private static func loop() throws -> EventLoop {
    let shared = SharedState(
      options: DataPlaneOptions(agentAppID: "x", basePath: ""),
      initial: Snapshot(gate: .ready, state: "ready"), observer: TestServer.Recorder())
    return try EventLoop(shared: shared, index: 0, listeners: [])
  }

  /// A time that is as often a microsecond as days away.
  private static func ahead(_ numbers: inout SeededNumbers) -> Int64 {
    Int64.random(in: 0...(1 << Int64.random(in: 1...48, using: &numbers)), using: &numbers)
  }

  @Test(
    "Whose deadline has passed is told, and nobody else, whatever was set, moved and cancelled",
    arguments: 0..<20)
  func model(seed: Int) throws {
    let loop = try Self.loop()
    var numbers = SeededNumbers(state: UInt64(seed))
    var wheel = TimerWheel()
    var now = Int64.random(in: 0...(1 << 50), using: &numbers)
    let owners = (0..<50).map { _ in Pollable(descriptor: -1, loop: loop) }
    for _ in 0..<2000 {
      let owner = try #require(owners.randomElement(using: &numbers))
      switch Int.random(in: 0..<8, using: &numbers) {
      case 0:
        wheel.remove(owner)
        owner.deadline = Pollable.never
      case 1:
        owner.deadline = Pollable.never
      case 2...5:
        owner.deadline = now + Self.ahead(&numbers)
        wheel.update(owner)
      default:
        let next = wheel.next(after: now)
        let first = owners.map(\.deadline).min() ?? Pollable.never
        // Nobody is slept over by more than a slot.
        if first != Pollable.never {
          #expect(try #require(next) <= max(first, now) + 1 << TimerWheel.slotBits)
        }
        now = Bool.random(using: &numbers) ? max(now, next ?? now) : now + Self.ahead(&numbers)
        let expected = owners.filter { $0.deadline <= now }
        var expired: [Pollable] = []
        while let owner = wheel.takeExpired(at: now) { expired.append(owner) }
        #expect(
          Set(expired.map(ObjectIdentifier.init)) == Set(expected.map(ObjectIdentifier.init)))
        #expect(expired.allSatisfy { $0.deadline == Pollable.never })
      }
    }
    for owner in owners { wheel.remove(owner) }
    #expect(wheel.isEmpty)
    #expect(wheel.next(after: now) == nil)
  }

  @Test("To wait for one deadline takes a wake-up a level at most, and none when there is none")
  func wakeUps() throws {
    let loop = try Self.loop()
    var numbers = SeededNumbers(state: 11)
    for _ in 0..<500 {
      var wheel = TimerWheel()
      var now = Int64.random(in: 0...(1 << 50), using: &numbers)
      #expect(wheel.takeExpired(at: now) == nil)
      #expect(wheel.next(after: now) == nil)
      let owner = Pollable(descriptor: -1, loop: loop)
      let deadline = now + Int64.random(in: 0...3_600_000_000_000, using: &numbers)
      owner.deadline = deadline
      wheel.update(owner)
      var wakeUps = 0
      while let next = wheel.next(after: now) {
        now = max(now, next)
        wakeUps += 1
        if wheel.takeExpired(at: now) != nil { break }
      }
      #expect(wakeUps <= 5)
      #expect(wheel.isEmpty)
      #expect(now >= deadline && now - deadline <= 1 << TimerWheel.slotBits)
    }
  }

  @Test("A deadline that moves to later is looked at once, at its old time")
  func pushedBack() throws {
    let loop = try Self.loop()
    var wheel = TimerWheel()
    let owner = Pollable(descriptor: -1, loop: loop)
    owner.deadline = 1_000_000_000
    wheel.update(owner)
    for _ in 0..<1000 {
      owner.deadline += 1_000_000
      wheel.update(owner)
    }
    #expect(wheel.takeExpired(at: 1_500_000_000) == nil)
    #expect(wheel.takeExpired(at: 1_999_999_999) == nil)
    #expect(wheel.takeExpired(at: 2_000_000_000) === owner)
    #expect(wheel.isEmpty)
  }
}
