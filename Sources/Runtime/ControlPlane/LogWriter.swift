import CPlatform
import Glibc
public import Lifecycle
public import LinuxSystem
public import RunConfiguration
import Synchronization

/// The event log's one way out: lines are queued from any thread and written by a thread of its
/// own, so that a slow reader never blocks the program.
///
/// A line gets its sequence number when it is written. Above `droppableLimit` queued bytes,
/// `agent_output` and `request` lines are dropped; above `limit`, all are; both are counted in a
/// `log_dropped` line as soon as there is room. Output is written to a blocking descriptor that
/// others may share.
public final class LogWriter: Sendable {
  /// Queued bytes from which on lines that may be lost are lost.
  public static let droppableLimit = 1 << 20
  /// Queued bytes from which on every line is lost.
  public static let limit = 8 << 20

  private struct Queue {
    var lines: [EncodedLine] = []
    var bytes = 0
    var dropped: Int64 = 0
    var isClosing = false
    /// Whether `stopped` is queued: nothing follows it.
    var hasEnded = false
    var redactor = Redactor(environment: [:])
    var agentAppID: String?
    var deploymentID: String?
  }

  private let queue = Locked(Queue())
  private let droppedTotal = Atomic<Int64>(0)
  private let descriptor: Int32
  private let runID: String
  private let minimumLevel: LogLevel
  private let isText: Bool
  private let wakeUp: Int32
  private let finished: Int32

  /// - Parameter descriptor: stays the caller's.
  public init(
    descriptor: Int32, runID: String, format: Configuration.LogFormat, minimumLevel: LogLevel
  ) throws(SystemError) {
    self.descriptor = descriptor
    self.runID = runID
    self.minimumLevel = minimumLevel
    isText = format == .text
    wakeUp = par_eventfd()
    finished = par_eventfd()
    guard wakeUp >= 0, finished >= 0 else { throw SystemError("eventfd") }
    var thread = pthread_t()
    let retained = Unmanaged.passRetained(self)
    let started = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        _ = par_thread_name("log-writer")
        // Balances passRetained of the thread's start.
        Unmanaged<LogWriter>.fromOpaque(argument).takeRetainedValue().writeUntilClosed()
        return nil
      }, retained.toOpaque())
    guard started == 0 else {
      retained.release()
      throw SystemError("pthread_create", number: started)
    }
    pthread_detach(thread)
  }

  /// What the lines carry from here on.
  public func identify(agentAppID: String?, deploymentID: String?) {
    queue.withLock {
      $0.agentAppID = agentAppID
      $0.deploymentID = deploymentID
    }
  }

  /// Replaces what is kept out of the lines from here on.
  public func keepOut(_ redactor: Redactor) { queue.withLock { $0.redactor = redactor } }

  /// Lines lost so far.
  public var dropped: Int64 { droppedTotal.load(ordering: .relaxed) }

  /// Queues a line. Never blocks beyond another thread's queueing.
  ///
  /// - Parameter act: done after the line has its place in the log and before anyone can read it:
  ///   whoever reads of a transition finds it carried out. It must not write to the log.
  public func write(
    _ event: LogEvent, at uptime: Instant = Clock.now(), act: () -> Void = {}
  ) {
    guard event.level >= minimumLevel || event.isAlwaysWritten else { return act() }
    let wall = Clock.wallNanoseconds()
    queue.withLock { queue in
      let room = event.isDroppable ? Self.droppableLimit : Self.limit
      if queue.hasEnded {
        // Too late to be told.
      } else if queue.bytes < room {
        tellDropped(&queue)
        append(event, uptime: uptime, wall: wall, to: &queue)
        if case .stopped = event { queue.hasEnded = true }
      } else {
        queue.dropped += 1
        droppedTotal.add(1, ordering: .relaxed)
      }
      act()
    }
    wake(wakeUp)
  }

  /// What was lost is told before the next line that is not, or when nothing is queued.
  private func tellDropped(_ queue: inout Queue) {
    guard queue.dropped > 0 else { return }
    let event = LogEvent.logDropped(count: queue.dropped)
    queue.dropped = 0
    append(event, uptime: Clock.now(), wall: Clock.wallNanoseconds(), to: &queue)
  }

  private func append(
    _ event: LogEvent, uptime: Instant, wall: Int64, to queue: inout Queue
  ) {
    let line = LogLine(
      wallNanoseconds: wall, sequence: 0, runID: runID, agentAppID: queue.agentAppID,
      deploymentID: queue.deploymentID,
      uptimeMilliseconds: (uptime - .start).milliseconds, event: event)
    let redactor = queue.redactor
    let encoded =
      isText
      ? EncodedLine(text: line, redact: redactor.redact)
      : EncodedLine(line, redact: redactor.redact)
    queue.bytes += encoded.head.count + encoded.tail.count
    queue.lines.append(encoded)
  }

  /// Writes what is queued and ends the thread; waits for that at most `limit` long.
  public func close(within limit: Interval) {
    queue.withLock { $0.isClosing = true }
    wake(wakeUp)
    _ = waitReadable(finished, milliseconds: Int32(clamping: limit.milliseconds))
  }

  private func wake(_ eventfd: Int32) {
    var one: UInt64 = 1
    _ = Glibc.write(eventfd, &one, 8)
  }

  private func writeUntilClosed() {
    var sequence: Int64 = 0
    var readerIsGone = false
    while true {
      let (lines, isClosing) = takeQueued()
      if lines.isEmpty {
        if isClosing { return wake(finished) }
        _ = waitReadable(wakeUp, milliseconds: -1)
        _ = readAvailable(wakeUp, limit: 8)
        continue
      }
      var block: [UInt8] = []
      for line in lines {
        sequence += 1
        block += line.head
        block += String(sequence).utf8
        block += line.tail
        block.append(UInt8(ascii: "\n"))
        if block.count > 64 * 1024 {
          if !readerIsGone { readerIsGone = !put(block) }
          block.removeAll(keepingCapacity: true)
        }
      }
      // Without a reader the program goes on; its lines are lost.
      if !readerIsGone { readerIsGone = !put(block) }
      let written = lines.reduce(0) { $0 + $1.head.count + $1.tail.count }
      queue.withLock { $0.bytes -= written }
    }
  }

  /// How long the writer pauses when there is no room for a line on the disk, in milliseconds.
  static let retryPause: Int32 = 100

  /// Writes all of it, however long that takes; false when nobody can read it any more. Another
  /// process may have made the descriptor non-blocking, and a full disk may get room again.
  private func put(_ block: [UInt8]) -> Bool {
    var rest = block[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
        continue
      }
      switch errno {
      case EINTR: break
      case EAGAIN:
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&entry, 1, -1)
      case ENOSPC, EDQUOT, EIO: poll(nil, 0, Self.retryPause)
      default: return false
      }
    }
    return true
  }

  private func takeQueued() -> (lines: [EncodedLine], isClosing: Bool) {
    queue.withLock { queue in
      if queue.lines.isEmpty, !queue.hasEnded { tellDropped(&queue) }
      let lines = queue.lines
      queue.lines = []
      return (lines, queue.isClosing)
    }
  }
}
