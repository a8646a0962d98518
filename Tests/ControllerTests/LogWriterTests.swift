import ControlPlane
import CPlatform
import Glibc
import Lifecycle
import LinuxSystem
import RunConfiguration
import Testing

@testable import Controller

@Suite("The log writer")
struct LogWriterTests {
  private func writer(
    _ descriptor: Int32, _ format: Configuration.LogFormat = .json, _ level: LogLevel = .info
  ) throws -> LogWriter {
    try LogWriter(descriptor: descriptor, runID: "r", format: format, minimumLevel: level)
  }

  private func output(_ line: String) -> LogEvent { .agentOutput(stream: "stdout", line: line) }

  private var drain: LogEvent {
    .drain(
      Transition(from: .ready, to: .draining, cause: "SIGTERM"), inFlight: 0,
      deadlineMilliseconds: 30_000)
  }

  @Test("numbers the lines of many threads from 1 without gaps, and keeps each thread's order")
  func sequence() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("log", "")
    let fd = par_open(path, O_WRONLY, 0)
    let log = try writer(fd)
    Threads.run(8) { thread in
      for number in 0..<250 {
        log.write(.agentOutput(stream: "stdout", line: "\(thread) \(number)"))
      }
    }
    log.close(within: .seconds(20))
    closeDescriptor(fd)
    let lines = try decoded(#require(readFile(path, limit: 8 << 20)))
    #expect(lines.count == 2000)
    #expect(lines.map(\.sequence) == Array(1...2000))
    var next = [Int](repeating: 0, count: 8)
    for line in lines {
      guard case .agentOutput(_, let text) = line.event else { continue }
      let numbers = text.split(separator: " ").compactMap { Int($0) }
      #expect(numbers[1] == next[numbers[0]])
      next[numbers[0]] += 1
    }
    #expect(log.dropped == 0)
  }

  @Test("never blocks for a reader that does not read: what may be lost is lost first, and counted")
  func slowReader() throws {
    let pipe = try Pipe()
    let log = try writer(pipe.writeEnd)
    let text = String(repeating: "x", count: 4000)
    // Nobody reads yet: far more than the pipe, and than is queued of what may be lost.
    let count = 3 * LogWriter.droppableLimit / 4000
    for _ in 0..<count { log.write(output(text)) }
    #expect(log.dropped > 0)
    #expect(log.dropped < Int64(count))
    let lost = log.dropped
    for _ in 0..<100 { log.write(drain) }
    #expect(log.dropped == lost)

    let reader = Reader(pipe.readEnd)
    Threads.run(2) { thread in
      if thread == 0 { return reader.run() }
      log.close(within: .seconds(20))
      closeDescriptor(pipe.writeEnd)
    }
    closeDescriptor(pipe.readEnd)
    let lines = try decoded(reader.bytes)
    #expect(lines.map(\.sequence) == Array(1...Int64(lines.count)))
    #expect(lines.count { $0.event.name == "drain" } == 100)
    let counted = lines.reduce(Int64(0)) { sum, line in
      if case .logDropped(let count) = line.event { sum + count } else { sum }
    }
    #expect(counted == lost)
    #expect(lines.count { $0.event.name == "agent_output" } == count - Int(lost))
  }

  @Test("loses lines of every kind above its limit, and counts them")
  func full() throws {
    let pipe = try Pipe()
    let log = try writer(pipe.writeEnd)
    let long = LogEvent.bootFailed(
      phase: .loading, Explanation(error: String(repeating: "e", count: 15_000)))
    for _ in 0..<LogWriter.limit / 15_000 + 10 { log.write(long) }
    let lost = log.dropped
    #expect(lost > 0)
    #expect(lost < 20)
    let reader = Reader(pipe.readEnd)
    Threads.run(2) { thread in
      if thread == 0 { return reader.run() }
      log.close(within: .seconds(20))
      closeDescriptor(pipe.writeEnd)
    }
    closeDescriptor(pipe.readEnd)
    let counted = try decoded(reader.bytes).reduce(Int64(0)) { sum, line in
      if case .logDropped(let count) = line.event { sum + count } else { sum }
    }
    #expect(counted == lost)
  }

  @Test("waits no longer for a blocked reader than it was told to")
  func boundedClose() throws {
    let pipe = try Pipe()
    let log = try writer(pipe.writeEnd)
    for _ in 0..<100 { log.write(output(String(repeating: "x", count: 4000))) }
    let before = Clock.now()
    log.close(within: .milliseconds(50))
    #expect(Clock.now() - before >= .milliseconds(50))
    #expect(Clock.now() - before < .seconds(10))
    let reader = Reader(pipe.readEnd)
    Threads.run(2) { thread in
      if thread == 0 { return reader.run() }
      log.close(within: .seconds(20))
      closeDescriptor(pipe.writeEnd)
    }
    closeDescriptor(pipe.readEnd)
    #expect(try decoded(reader.bytes).count == 100)
  }

  @Test("goes on without a reader that has gone")
  func closedReader() throws {
    signal(SIGPIPE, SIG_IGN)
    let pipe = try Pipe()
    let log = try writer(pipe.writeEnd)
    closeDescriptor(pipe.readEnd)
    for _ in 0..<1000 { log.write(output("x")) }
    let before = Clock.now()
    log.close(within: .seconds(20))
    #expect(Clock.now() - before < .seconds(20))
    closeDescriptor(pipe.writeEnd)
  }

  @Test("waits for a slow reader when another process made the descriptor non-blocking")
  func nonBlocking() throws {
    let pipe = try Pipe()
    _ = par_set_nonblocking(pipe.writeEnd)
    let log = try writer(pipe.writeEnd)
    let count = 200
    for _ in 0..<count { log.write(output(String(repeating: "x", count: 4000))) }
    // The pipe is full before its reader comes.
    log.close(within: .milliseconds(20))
    let reader = Reader(pipe.readEnd)
    Threads.run(2) { thread in
      if thread == 0 { return reader.run() }
      log.close(within: .seconds(20))
      closeDescriptor(pipe.writeEnd)
    }
    closeDescriptor(pipe.readEnd)
    #expect(try decoded(reader.bytes).map(\.sequence) == Array(1...Int64(count)))
    #expect(log.dropped == 0)
  }

  @Test("waits for room on a full disk, and loses nothing when it comes")
  func fullDisk() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("log", "")
    // Every write to it says ENOSPC (full(4)).
    let fd = par_open("/dev/full", O_WRONLY | O_CLOEXEC, 0)
    let log = try writer(fd)
    for _ in 0..<100 { log.write(output("x")) }
    let before = Clock.now()
    log.close(within: .milliseconds(50))
    #expect(Clock.now() - before < .seconds(10))
    // Room again.
    let roomy = par_open(path, O_WRONLY | O_CLOEXEC, 0)
    #expect(dup2(roomy, fd) == fd)
    log.close(within: .seconds(20))
    closeDescriptor(roomy)
    closeDescriptor(fd)
    #expect(try decoded(#require(readFile(path))).map(\.sequence) == Array(1...100))
    #expect(log.dropped == 0)
  }

  @Test("acts after a line has its place, and also when the line is not written")
  func acting() throws {
    let pipe = try Pipe()
    let log = try writer(pipe.writeEnd, .json, .error)
    var acted = 0
    log.write(output("hidden"), act: { acted += 1 })
    log.write(drain, act: { acted += 1 })
    #expect(acted == 2)
    log.close(within: .seconds(20))
    closeDescriptor(pipe.writeEnd)
    #expect(try decoded(readToEnd(pipe.readEnd)).map(\.event.name) == ["drain"])
    closeDescriptor(pipe.readEnd)
  }

  @Test("keeps secrets out, in both formats", arguments: [Configuration.LogFormat.json, .text])
  func redaction(format: Configuration.LogFormat) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("log", "")
    let fd = par_open(path, O_WRONLY, 0)
    let log = try writer(fd, format)
    log.keepOut(Redactor(environment: ["API_TOKEN": "hunter2hunter2"]))
    log.write(output("the token is hunter2hunter2!"))
    log.write(.bootFailed(phase: .loading, Explanation(error: "e", detail: "a\nhunter2hunter2\nb")))
    log.close(within: .seconds(20))
    closeDescriptor(fd)
    let text = String(decoding: try #require(readFile(path)), as: UTF8.self)
    #expect(!text.contains("hunter2"))
    #expect(text.contains("the token is ***!"))
  }

  @Test("writes what the level asks for, and always what a log is read back by")
  func levels() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("log", "")
    let fd = par_open(path, O_WRONLY, 0)
    let log = try writer(fd, .json, .error)
    log.write(
      .runStarted(version: "1", schema: 1, machine: MachineTable.hash, pid: 1, config: [:]))
    log.write(output("x"))
    log.write(.warning(code: "c", message: "m"))
    log.write(drain)
    log.write(.configError(variable: "V", error: "e"))
    log.close(within: .seconds(20))
    closeDescriptor(fd)
    let lines = try decoded(#require(readFile(path)))
    #expect(lines.map(\.event.name) == ["run_started", "drain", "config_error"])
  }

  @Test("puts the identity into the lines from then on")
  func identity() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("log", "")
    let fd = par_open(path, O_WRONLY, 0)
    let log = try writer(fd)
    log.write(output("x"))
    log.identify(agentAppID: "a", deploymentID: "d")
    log.write(output("y"), at: Instant(nanoseconds: 1_999_999))
    log.close(within: .seconds(20))
    closeDescriptor(fd)
    let lines = try decoded(#require(readFile(path)))
    #expect(lines.map(\.agentAppID) == [nil, "a"])
    #expect(lines.map(\.deploymentID) == [nil, "d"])
    #expect(lines[1].uptimeMilliseconds == 1)
    #expect(lines[1].runID == "r")
  }
}

/// Reads on one thread; its bytes are looked at after that was joined.
private final class Reader: @unchecked Sendable {
  private(set) var bytes: [UInt8] = []
  private let descriptor: Int32

  init(_ descriptor: Int32) { self.descriptor = descriptor }

  func run() { bytes = readToEnd(descriptor) }
}
