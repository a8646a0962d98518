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
///
/// A supervisor's log has the lines of its workers besides, as they wrote them (`relay`), each with the
/// number that it got there. They share the same room, and none of them may take more than its part.
public final class LogWriter: Sendable {
  /// Queued bytes from which on lines that may be lost are lost.
  public static let droppableLimit = 1 << 20
  /// Queued bytes from which on every line is lost.
  public static let limit = 8 << 20

  /// Queued bytes of one source from which on its lines that may be lost are lost: others need room
  /// as well.
  public static let sourceLimit = 256 << 10

  /// A line on its way.
  private struct Entry {
    var line: EncodedLine
    /// It has its number already.
    var isWhole = false
    /// Who wrote it: 0 is this program.
    var source = 0
    /// Whose agent it is about, for who reads along.
    var agent: String?

    var bytes: Int { line.head.count + line.tail.count }
  }

  /// Reads along: each line as it was written, without its line feed, and whose agent it is about;
  /// on the writer's thread.
  public typealias Tap = @Sendable (ArraySlice<UInt8>, String?) -> Void

  private struct Queue {
    var entries: [Entry] = []
    var bytes = 0
    /// Of the sources that have any.
    var bytesBySource: [Int: Int] = [:]
    var tap: Tap?
    var dropped: Int64 = 0
    var isClosing = false
    /// Whether the last line is queued: nothing follows it.
    var hasEnded = false
    var redactor = Redactor(environment: [:])
    var agentAppID: String?
    var deploymentID: String?

    /// Whether a source other than the program has taken its part of the room.
    func isCrowded(_ source: Int) -> Bool {
      source != 0 && bytesBySource[source, default: 0] >= LogWriter.sourceLimit
    }
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
    try DetachedThread.start("log-writer") { self.writeUntilClosed() }
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
  /// - Parameters:
  ///   - agent: whom it is about, for who reads along.
  ///   - source: whose doing it is, as for `relay`; 0: this program's own.
  public func write(
    _ event: LogEvent, at uptime: Instant = Clock.now(), about agent: String? = nil,
    source: Int = 0, act: () -> Void = {}
  ) {
    guard event.level >= minimumLevel || event.isAlwaysWritten else { return act() }
    let wall = Clock.wallNanoseconds()
    queue.withLock { queue in
      let room = event.isDroppable ? Self.droppableLimit : Self.limit
      if queue.hasEnded {
        // Too late to be told.
      } else if queue.bytes < room, !(event.isDroppable && queue.isCrowded(source)) {
        tellDropped(&queue)
        append(event, uptime: uptime, wall: wall, about: agent, source: source, to: &queue)
        if event.isLast { queue.hasEnded = true }
      } else {
        queue.dropped += 1
        droppedTotal.add(1, ordering: .relaxed)
      }
      act()
    }
    wake(wakeUp)
  }

  /// Queues a line that another program wrote, as it is.
  ///
  /// - Parameters:
  ///   - line: without its line feed.
  ///   - source: that program, by any number but 0.
  public func relay(_ line: [UInt8], source: Int, agent: String?, isDroppable: Bool) {
    let entry = Entry(
      line: EncodedLine(whole: line), isWhole: true, source: source, agent: agent)
    queue.withLock { queue in
      let room = isDroppable ? Self.droppableLimit : Self.limit
      if queue.hasEnded {
        // Too late to be told.
      } else if queue.bytes < room, !(isDroppable && queue.isCrowded(source)) {
        tellDropped(&queue)
        append(entry, to: &queue)
      } else {
        queue.dropped += 1
        droppedTotal.add(1, ordering: .relaxed)
      }
    }
    wake(wakeUp)
  }

  /// How much of a source is on its way, in bytes.
  public func queued(of source: Int) -> Int {
    queue.withLock { $0.bytesBySource[source, default: 0] }
  }

  /// Somebody reads along from here on, until nil.
  public func follow(_ tap: Tap?) { queue.withLock { $0.tap = tap } }

  /// What was lost is told before the next line that is not, or when nothing is queued.
  private func tellDropped(_ queue: inout Queue) {
    guard queue.dropped > 0 else { return }
    let event = LogEvent.logDropped(count: queue.dropped)
    queue.dropped = 0
    append(event, uptime: Clock.now(), wall: Clock.wallNanoseconds(), to: &queue)
  }

  private func append(
    _ event: LogEvent, uptime: Instant, wall: Int64, about agent: String? = nil, source: Int = 0,
    to queue: inout Queue
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
    append(
      Entry(line: encoded, source: source, agent: agent ?? queue.agentAppID), to: &queue)
  }

  private func append(_ entry: Entry, to queue: inout Queue) {
    queue.bytes += entry.bytes
    if entry.source != 0 { queue.bytesBySource[entry.source, default: 0] += entry.bytes }
    queue.entries.append(entry)
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
      let (entries, tap, isClosing) = takeQueued()
      if entries.isEmpty {
        if isClosing { return wake(finished) }
        _ = waitReadable(wakeUp, milliseconds: -1)
        _ = readAvailable(wakeUp, limit: 8)
        continue
      }
      var block: [UInt8] = []
      var written: [Entry] = []
      for entry in entries {
        let start = block.count
        block += entry.line.head
        if !entry.isWhole {
          sequence += 1
          block += String(sequence).utf8
          block += entry.line.tail
        }
        tap?(block[start...], entry.agent)
        block.append(UInt8(ascii: "\n"))
        written.append(entry)
        if block.count > Self.blockSize {
          // Without a reader the program goes on; its lines are lost.
          if !readerIsGone { readerIsGone = !put(block) }
          block.removeAll(keepingCapacity: true)
          forget(written)
          written.removeAll(keepingCapacity: true)
        }
      }
      if !readerIsGone { readerIsGone = !put(block) }
      forget(written)
    }
  }

  /// How much is written at once, in bytes.
  static let blockSize = 64 * 1024

  /// Entries that are written make room.
  private func forget(_ entries: [Entry]) {
    guard !entries.isEmpty else { return }
    queue.withLock { queue in
      for entry in entries {
        queue.bytes -= entry.bytes
        guard entry.source != 0, let left = queue.bytesBySource[entry.source] else { continue }
        queue.bytesBySource[entry.source] = left > entry.bytes ? left - entry.bytes : nil
      }
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

  private func takeQueued() -> (entries: [Entry], tap: Tap?, isClosing: Bool) {
    queue.withLock { queue in
      if queue.entries.isEmpty, !queue.hasEnded { tellDropped(&queue) }
      let entries = queue.entries
      queue.entries = []
      return (entries, queue.tap, queue.isClosing)
    }
  }
}

extension LogEvent {
  /// Whether no line comes after it.
  fileprivate var isLast: Bool {
    switch self {
    case .stopped, .supervisor(.stopped): true
    default: false
    }
  }
}
