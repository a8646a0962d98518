import ControlPlane
import Lifecycle
import LinuxSystem

/// Reads a worker's standard output, in turns: no worker keeps the supervisor from the others, and one
/// whose lines nobody takes has to wait until they are taken.
///
/// A worker that has to wait drops its own output and access lines first, counts them in its log, and
/// leaves no gap in its numbers. Only when the supervisor's own reader stands still for longer than
/// `longestStall` is the worker read all the same, because its state is in these lines; what there is
/// no room for is then lost, and counted in the supervisor's `log_dropped`.
///
/// To be used on the control loop's thread.
final class WorkerLog {
  /// What is read of one worker in a turn, in bytes; who had more to say waits for `pause`.
  static let turn = 256 << 10
  static let pause = Interval.milliseconds(25)
  /// What is read at once, in bytes: as much as the pipe holds. So much room there has to be.
  static let chunk = 64 << 10
  static let longestStall = Interval.seconds(1)
  /// What of it is read after the worker's end, in bytes: more than its pipe holds.
  static let rest = 2 << 20

  private let descriptor: Int32
  private let loop: ControlLoop
  private let log: LogWriter
  private let source: Int
  private let take: (LineFramer.Line) -> Void
  private var framer = LineFramer(longest: LogLine.maximumLength)
  private var alarm: Int?
  private var stalledSince: Instant?
  private var isClosed = false
  private var isAtEnd = false

  /// - Parameters:
  ///   - descriptor: the reading end of a pipe, non-blocking; owned from here on.
  ///   - source: the worker's number.
  ///   - take: is given each line.
  init(
    _ descriptor: Int32, source: Int, loop: ControlLoop, log: LogWriter,
    take: @escaping (LineFramer.Line) -> Void
  ) throws(SystemError) {
    self.descriptor = descriptor
    self.source = source
    self.loop = loop
    self.log = log
    self.take = take
    try watch()
  }

  private func watch() throws(SystemError) {
    try loop.watch(descriptor) { [weak self] in self?.readTurn() }
  }

  private func readTurn() {
    var left = Self.turn
    while left > 0, !isClosed {
      guard mayRead() else { return wait() }
      switch readAvailable(descriptor, limit: min(left, Self.chunk)) {
      case .bytes(let bytes):
        left -= bytes.count
        give(bytes)
      case .nothingYet: return
      case .end:
        loop.forget(descriptor)
        return end()
      }
    }
    if !isClosed { wait() }
  }

  /// Whether what was read of it before is taken well enough.
  private func mayRead() -> Bool {
    guard log.queued(of: source) > LogWriter.sourceLimit - Self.chunk else {
      stalledSince = nil
      return true
    }
    let now = Clock.now()
    let since = stalledSince ?? now
    stalledSince = since
    return now - since >= Self.longestStall
  }

  private func wait() {
    loop.forget(descriptor)
    alarm = loop.schedule(at: Clock.now() + Self.pause) { [weak self] in
      guard let self, !isClosed else { return }
      alarm = nil
      // Without room in the epoll set its end is still told by SIGCHLD.
      try? watch()
      readTurn()
    }
  }

  private func give(_ bytes: [UInt8]) {
    for line in framer.take(bytes) {
      take(line)
      if isClosed { return }
    }
  }

  private func end() {
    guard !isAtEnd else { return }
    isAtEnd = true
    if let line = framer.end() { take(line) }
  }

  /// The worker has ended: reads what it left, whoever else may have the pipe open, and closes it.
  func finish() {
    guard !isClosed else { return }
    var left = Self.rest
    reading: while left > 0, !isAtEnd {
      switch readAvailable(descriptor) {
      case .bytes(let bytes):
        left -= bytes.count
        give(bytes)
      case .nothingYet, .end: break reading
      }
    }
    end()
    close()
  }

  private func close() {
    isClosed = true
    if let alarm { loop.cancel(alarm) }
    loop.forget(descriptor)
    closeDescriptor(descriptor)
  }
}
