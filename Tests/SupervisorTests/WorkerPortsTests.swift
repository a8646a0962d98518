import CPlatform
import Glibc
import Lifecycle
import LinuxSystem
import Testing

@testable import Supervisor

@Suite("The ports of workers", .serialized)
struct WorkerPortsTests {
  /// A port that is free now, with free ones behind it most likely: below where the kernel takes those
  /// that it gives away itself.
  private func base() throws -> UInt16 {
    for _ in 0..<100 {
      let port = UInt16.random(in: 10_000..<30_000)
      if (0..<3).allSatisfy({ isFree(port + $0) }) { return port }
    }
    throw SystemError("find free ports", number: EADDRINUSE)
  }

  private func isFree(_ port: UInt16) -> Bool {
    var bound: UInt16 = 0
    let descriptor = par_listen_tcp("127.0.0.1", port, 1, &bound)
    closeDescriptor(descriptor)
    return descriptor >= 0
  }

  @Test("are the lowest free ones, and free again after the worker's end")
  func lowest() throws {
    let first = try base()
    var ports = WorkerPorts(first: first)
    let one = try ports.open()
    let two = try ports.open()
    #expect([one.port, two.port] == [first, first + 1])
    // A port that was given away is not tried, though its socket is closed here.
    closeDescriptor(one.descriptor)
    let three = try ports.open()
    #expect(three.port == first + 2)
    ports.release(one.port)
    let again = try ports.open()
    #expect(again.port == first)
    for listener in [two, three, again] { closeDescriptor(listener.descriptor) }
  }

  @Test("leave out what somebody else has")
  func taken() throws {
    let first = try base()
    var bound: UInt16 = 0
    let other = par_listen_tcp("127.0.0.1", first, 1, &bound)
    defer { closeDescriptor(other) }
    var ports = WorkerPorts(first: first)
    let listener = try ports.open()
    #expect(listener.port == first + 1)
    closeDescriptor(listener.descriptor)
  }

  @Test("are used up at the end of their range, with a sentence")
  func usedUp() throws {
    var ports = WorkerPorts(first: 65_535)
    #expect(ports.last == 65_535)
    let listener = try? ports.open()
    defer { if let listener { closeDescriptor(listener.descriptor) } }
    let failure = #expect(throws: WorkerPorts.Failure.self) { try ports.open() }
    #expect(failure == .usedUp(first: 65_535, last: 65_535))
    #expect(failure?.explanation.error == "no port from 65535 to 65535 is free for a worker")
  }

  @Test("are a thousand")
  func range() {
    #expect(WorkerPorts(first: 8001).last == 9000)
    #expect(WorkerPorts.range == 1000)
  }
}
