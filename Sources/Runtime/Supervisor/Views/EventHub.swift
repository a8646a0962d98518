internal import CPlatform
internal import DataPlane
internal import Glibc
package import Lifecycle
internal import LinuxSystem

/// Hands the log out as it is written, to everybody who reads `/supervisor/events`.
///
/// A line costs whoever writes it a copy into the ring. A thread that lives as long as there is a
/// reader does the rest: it looks a few times a second at most, and gives each reader a bounded piece
/// at a time. A reader that takes less than it is given is cut off by the data plane, and can come
/// back to where it was.
package final class EventHub: LogTap, Sendable {
  package struct Limits: Sendable {
    /// Readers at a time (503).
    package var readers = 16
    /// Lines and bytes that are kept.
    package var lines = 8192
    package var bytes = 1 << 20
    /// Bytes of one line; a longer one is left out.
    package var line = 64 * 1024
    /// Bytes for one reader at a time.
    package var piece = 32 * 1024
    /// Lines that a reader may ask to begin with.
    package var tail = 1000
    /// Between two pieces.
    package var pause = Interval.milliseconds(20)
    /// A reader hears something this often, so that nobody in between takes the stream for dead.
    package var keepAlive = Interval.seconds(15)

    package init() {}
  }

  private struct Reader {
    var cursor: EventCursor
    var reply: any ControlReply
    var heardAt: Instant
  }

  private struct State {
    var ring: EventRing
    var readers: [Reader] = []
    /// Readers that the thread has taken out to write to.
    var away = 0
    var isRunning = false
    var isRung = false
    var isClosed = false
  }

  package let limits: Limits
  private let state: Locked<State>
  private let bell: Int32

  /// - Parameter startedAt: milliseconds since 1970. The ids of this life's lines begin there: they
  ///   grow over restarts of the supervisor as well, as long as its clock does not go back.
  package init(startedAt: Int64, _ limits: Limits = Limits()) {
    self.limits = limits
    // A thousand ids a millisecond would have to be used up to meet the next life's.
    state = Locked(
      State(
        ring: EventRing(
          firstID: max(1, startedAt) << 10,
          .init(lines: limits.lines, bytes: limits.bytes, line: limits.line))))
    bell = par_eventfd()
  }

  deinit { closeDescriptor(bell) }

  package func wrote(_ line: ArraySlice<UInt8>, agent: String?) {
    let rings = state.withLock { state in
      state.ring.append(line, agent: agent)
      defer { state.isRung = state.isRung || state.isRunning }
      return state.isRunning && !state.isRung
    }
    if rings { ring() }
  }

  /// Begins a stream.
  ///
  /// - Parameters:
  ///   - agent: whose lines; nil: all.
  ///   - lastID: of the line that the reader had last; nil: it begins.
  ///   - tail: the newest lines that a reader who begins gets first.
  /// - Returns: false: there are as many readers as may be; nothing was answered.
  func open(agent: String?, lastID: Int64?, tail: Int, reply: any ControlReply) -> Bool {
    let start: EventCursor.Start = lastID.map { .after($0) } ?? .tail(min(tail, limits.tail))
    let cursor: EventCursor? = state.withLock { state in
      guard !state.isClosed, state.readers.count + state.away < limits.readers else { return nil }
      state.away += 1
      return EventCursor(agent: agent, start: start, ring: state.ring)
    }
    guard let cursor else { return false }
    // To a reader that goes on, the sign says nothing new; its gap comes after it.
    reply.beginStream(
      200,
      fields: [("Cache-Control", "no-store"), ("X-Accel-Buffering", "no")],
      contentType: "text/event-stream")
    let isThere = reply.write(Array("retry: 2000\n".utf8) + cursor.sign)
    let starts = state.withLock { state in
      state.away -= 1
      guard isThere, !state.isClosed else { return false }
      state.readers.append(Reader(cursor: cursor, reply: reply, heardAt: Clock.now()))
      defer { state.isRunning = true }
      return !state.isRunning
    }
    if !isThere { return true }
    if starts { startThread() } else { ring() }
    return true
  }

  /// How many read now.
  package var readers: Int { state.withLock { $0.readers.count + $0.away } }

  /// Ends all streams, and takes no more.
  package func close() {
    let readers = state.withLock { state in
      state.isClosed = true
      defer { state.readers = [] }
      return state.readers
    }
    for reader in readers { reader.reply.end() }
    ring()
  }

  private func ring() {
    var one: UInt64 = 1
    _ = Glibc.write(bell, &one, 8)
  }

  private func startThread() {
    do throws(SystemError) {
      try DetachedThread.start("log-readers") { self.serve() }
    } catch {
      let readers = state.withLock { state in
        state.isRunning = false
        defer { state.readers = [] }
        return state.readers
      }
      for reader in readers { reader.reply.end() }
    }
  }

  /// The thread: ends when nobody reads any more.
  private func serve() {
    var isBehind = true
    while true {
      if !isBehind {
        _ = waitReadable(bell, milliseconds: Int32(clamping: limits.keepAlive.milliseconds))
        _ = readAvailable(bell, limit: 8)
      }
      // Lines come in bursts, and a piece that was given wants to be read.
      poll(nil, 0, Int32(clamping: limits.pause.milliseconds))
      guard let stillBehind = giveOut() else { return }
      isBehind = stillBehind
    }
  }

  /// Gives each reader its next piece, without the lock.
  ///
  /// - Returns: whether there is more for one of them; nil: nobody reads any more.
  private func giveOut() -> Bool? {
    let now = Clock.now()
    var (readers, pieces) = state.withLock { state -> ([Reader], [[UInt8]]) in
      state.isRung = false
      var pieces: [[UInt8]] = []
      for place in state.readers.indices {
        pieces.append(state.readers[place].cursor.take(from: state.ring, limit: limits.piece))
      }
      defer {
        state.away += state.readers.count
        state.readers = []
      }
      return (state.readers, pieces)
    }
    let count = readers.count
    for place in readers.indices.reversed() {
      if pieces[place].isEmpty {
        guard now - readers[place].heardAt >= limits.keepAlive else { continue }
        pieces[place] = readers[place].cursor.sign
      }
      readers[place].heardAt = now
      if !readers[place].reply.write(pieces[place]) { readers.remove(at: place) }
    }
    return state.withLock { state -> Bool? in
      state.away -= count
      if state.isClosed {
        readers.forEach { $0.reply.end() }
      } else {
        state.readers += readers
      }
      guard !state.readers.isEmpty else {
        state.isRunning = false
        return nil
      }
      return state.readers.contains { $0.cursor.isBehind(state.ring) }
    }
  }
}
