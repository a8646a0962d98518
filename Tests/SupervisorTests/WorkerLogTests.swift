import CPlatform
import ControlPlane
import Glibc
import Lifecycle
import LinuxSystem
import RunConfiguration
import Testing

@testable import Supervisor

@Suite("A worker's log on its way", .serialized)
struct WorkerLogTests {
  /// A worker's pipe, the supervisor's log on another one, and what reads between them.
  private final class Scene {
    let loop: ControlLoop
    let worker: Pipe
    let out: Pipe
    let log: LogWriter
    var reader: WorkerLog?
    var lines = 0
    var bytes = 0

    init() throws {
      loop = try ControlLoop()
      worker = try Pipe()
      out = try Pipe()
      log = try LogWriter(
        descriptor: out.writeEnd, runID: "s", format: .json, minimumLevel: .info)
      for fd in [worker.readEnd, worker.writeEnd] { _ = par_set_nonblocking(fd) }
      reader = try WorkerLog(worker.readEnd, source: 1, loop: loop, log: log) {
        [unowned self] line in
        lines += 1
        bytes += line.bytes.count
        log.relay(line.bytes, source: 1, agent: "alpha", isDroppable: true)
      }
    }

    /// As much as the worker's pipe takes now.
    func flood() {
      let block = [UInt8](repeating: 0x78, count: 999) + [0x0A]
      while Glibc.write(worker.writeEnd, block, block.count) > 0 {}
    }

    /// Runs the loop for so long, or until it is stopped; `each` is called before every look.
    func run(for time: Interval, each: @escaping () -> Void = {}) {
      let end = Clock.now() + time
      func step() {
        each()
        if Clock.now() >= end { return loop.stop() }
        _ = loop.schedule(at: Clock.now() + .milliseconds(1)) { step() }
      }
      step()
      loop.run()
    }
  }

  @Test(
    "waits in its pipe where the supervisor's reader stands still, and is read on after a while")
  func stall() throws {
    signal(SIGPIPE, SIG_IGN)
    let scene = try Scene()
    // Nobody reads the supervisor's log: its pipe fills, then the worker's part of the queue.
    scene.run(for: WorkerLog.longestStall * 0.6) { scene.flood() }
    let held = scene.bytes
    #expect(held > LogWriter.sourceLimit - WorkerLog.chunk)
    #expect(held < LogWriter.sourceLimit + WorkerLog.turn + (128 << 10), "no more than its part")
    #expect(scene.log.dropped == 0, "what waits is not lost")
    // The state of a worker is in its lines: they are read on, and what there is no room for is lost.
    let more = try Scene2(scene)
    more.run()
    #expect(scene.bytes > held + WorkerLog.turn)
    #expect(scene.log.dropped > 0)
    #expect(scene.log.queued(of: 1) < LogWriter.sourceLimit + 2000)
  }

  /// The same scene for longer: a loop that was stopped runs no more, so the rest has its own.
  private struct Scene2 {
    let scene: Scene
    let loop: ControlLoop
    let reader: WorkerLog

    init(_ scene: Scene) throws {
      self.scene = scene
      scene.loop.forget(scene.worker.readEnd)
      loop = try ControlLoop()
      reader = try WorkerLog(dup(scene.worker.readEnd), source: 1, loop: loop, log: scene.log) {
        line in
        scene.bytes += line.bytes.count
        scene.log.relay(line.bytes, source: 1, agent: "alpha", isDroppable: true)
      }
    }

    func run() {
      let end = Clock.now() + WorkerLog.longestStall + .milliseconds(400)
      func step() {
        scene.flood()
        if Clock.now() >= end { return loop.stop() }
        _ = loop.schedule(at: Clock.now() + .milliseconds(1)) { step() }
      }
      step()
      loop.run()
    }
  }

  @Test("is read to its end after the worker's, whoever else has the pipe open")
  func rest() throws {
    let scene = try Scene()
    writeAll(scene.worker.writeEnd, Array("one\ntwo\nthree".utf8))
    scene.reader?.finish()
    #expect(scene.lines == 3)
    scene.reader?.finish()
    #expect(scene.lines == 3, "once")
    closeDescriptor(scene.worker.writeEnd)
    closeDescriptor(scene.out.readEnd)
  }
}

@Suite("Lines that are passed on")
struct RelayTests {
  private struct Log {
    let pipe: Pipe
    let writer: LogWriter

    init() throws {
      pipe = try Pipe()
      writer = try LogWriter(
        descriptor: pipe.writeEnd, runID: "s", format: .json, minimumLevel: .info)
    }

    /// Everything that was written; the pipe takes it all.
    func finish() -> [[UInt8]] {
      writer.close(within: .seconds(10))
      closeDescriptor(pipe.writeEnd)
      var bytes: [UInt8] = []
      while case .bytes(let more) = readAvailable(pipe.readEnd) { bytes += more }
      closeDescriptor(pipe.readEnd)
      return bytes.split(separator: 0x0A).map(Array.init)
    }
  }

  @Test("stand as they came, between the supervisor's own, which alone are numbered here")
  func verbatim() throws {
    let log = try Log()
    let line = Array("{\"event\":\"x\",\"seq\":41,\"odd\" : 1}".utf8)
    log.writer.write(.warning(code: "a", message: "b"))
    log.writer.relay(line, source: 1, agent: "alpha", isDroppable: false)
    log.writer.write(.warning(code: "c", message: "d"))
    let lines = log.finish()
    #expect(lines.count == 3 && lines[1] == line)
    #expect(try [lines[0], lines[2]].map { try LogLine.decode($0).sequence } == [1, 2])
  }

  @Test("are told to whoever reads along, in the same order, with their agent")
  func tap() throws {
    let log = try Log()
    let heard = Locked<[(String, String?)]>([])
    log.writer.follow { bytes, agent in
      heard.withLock { $0.append((String(decoding: bytes, as: UTF8.self), agent)) }
    }
    log.writer.relay(Array("one".utf8), source: 1, agent: "alpha", isDroppable: false)
    log.writer.write(.warning(code: "a", message: "b"), about: "beta")
    log.writer.write(.warning(code: "a", message: "b"))
    let lines = log.finish().map { String(decoding: $0, as: UTF8.self) }
    let told = heard.withLock { $0 }
    #expect(told.map(\.0) == lines)
    #expect(told.map(\.1) == ["alpha", "beta", nil])
  }

  @Test("of one source do not take the room of another's, nor what may not be lost")
  func fair() throws {
    signal(SIGPIPE, SIG_IGN)
    let log = try Log()
    let long = [UInt8](repeating: 0x78, count: 10_000)
    // Nobody reads yet.
    for _ in 0..<2 * LogWriter.sourceLimit / long.count {
      log.writer.relay(long, source: 1, agent: nil, isDroppable: true)
    }
    let lost = log.writer.dropped
    #expect(lost > 0)
    log.writer.relay(long, source: 2, agent: nil, isDroppable: true)
    log.writer.relay(long, source: 1, agent: nil, isDroppable: false)
    log.writer.write(.agentOutput(stream: "stdout", line: "own"))
    #expect(log.writer.dropped == lost)
    // What is output of the first one, in the supervisor's words, counts as its own.
    log.writer.write(.agentOutput(stream: "stdout", line: "x"), source: 1)
    #expect(log.writer.dropped == lost + 1)
    closeDescriptor(log.pipe.readEnd)
    log.writer.close(within: .seconds(10))
    closeDescriptor(log.pipe.writeEnd)
  }
}
