import CNghttp2
import CPlatform
import Glibc
import Lifecycle

/// One HTTP/2 connection in either role: bytes of the socket go through a session of nghttp2, which
/// knows frames, header compression and windows, and tells the connection what they meant.
///
/// All that one turn of the loop queues is written at its end, in one call: whoever queues a frame
/// says `wantsFlush()`. Nothing is queued into the session without it.
class HTTP2Connection: Pollable {
  enum Phase {
    case open
    /// The session said its last word; when that is written, input is thrown away until the peer has
    /// closed as well, so that it can read the word.
    case ending
    case lingering
    case closed
  }

  final let session: OpaquePointer
  final var phase = Phase.open
  final var canRead = false
  final var canWrite = true
  final var hungUp = false
  /// A callback of the session runs: it may be told things, but neither fed, drained nor freed.
  final var isInside = false
  /// … because it is fed.
  final private(set) var isReceiving = false
  /// The connection ends with what is queued: nothing that arrives is looked at any more.
  final var isBroken = false
  /// Nothing is written yet.
  final var isMute = false
  /// The first frame was gathered.
  private final var hasSpoken = false
  /// What the kernel did not take of the frames gathered last.
  final var backlog: ByteBuffer?
  /// The header list that is arriving.
  final var block: HeaderBlock?
  /// When it began; 0: none is.
  final var headersStarted: Int64 = 0
  /// Bytes of frames since the start; what was handed to the kernel of them is `sentBytes`.
  final var producedBytes: Int64 = 0
  final var sentBytes: Int64 = 0
  /// When something last arrived.
  final var lastHeard: Int64
  private final var lingered = 0

  /// - Parameter session: made by `HTTP2Library`; freed with the connection.
  init(descriptor: Int32, loop: EventLoop, session: OpaquePointer) {
    self.session = session
    lastHeard = loop.now
    super.init(descriptor: descriptor, loop: loop)
    nghttp2_session_set_user_data(session, Unmanaged.passUnretained(self).toOpaque())
  }

  deinit { nghttp2_session_del(session) }

  final var limits: HTTP2Limits { loop.shared.options.http2 }

  /// Queues our SETTINGS, the first of which is the role's own, and opens the connection's window.
  final func submitSettings(_ first: nghttp2_settings_id, _ value: UInt32) {
    let values = [
      (first, value), (NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, UInt32(limits.streamWindow)),
      (NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, UInt32(limits.headerBytes)),
    ]
    let entries = values.map {
      nghttp2_settings_entry(settings_id: Int32($0.0.rawValue), value: $0.1)
    }
    nghttp2_submit_settings(session, 0, entries, entries.count)
    nghttp2_session_set_local_window_size(session, 0, 0, Int32(limits.connectionWindow))
  }

  // MARK: What the session tells, for the subclasses

  /// A header list is complete. It goes back to the pool unless it is taken by setting `block` nil.
  func headersReceived(_ frame: nghttp2_headers, _ block: HeaderBlock) {}
  func dataReceived(
    _ stream: Int32, _ source: UnsafeMutableRawPointer?, _ bytes: UnsafeRawBufferPointer
  ) {}
  /// The peer sends no more on this stream.
  func streamEnded(_ stream: Int32) {}
  func streamClosed(_ stream: Int32, _ source: UnsafeMutableRawPointer?, _ code: UInt32) {}
  /// Any other frame.
  func controlReceived(_ frame: nghttp2_frame) {}
  func invalidFrameReceived(_ error: Int32) {}
  func frameSent(_ frame: nghttp2_frame) {}
  /// The connection's first frame, before it goes out.
  func rewrite(_ frame: UnsafeMutableRawBufferPointer) {}
  /// Append `count` bytes of the source to `loop.http2.output`.
  func dataTaken(_ source: UnsafeMutableRawPointer, _ count: Int) {}
  /// All that was gathered is the kernel's.
  func allSent() {}
  /// After each turn: the time to wait for is set here.
  func setTimes() {}
  /// The connection cannot go on: `shut` it, with what it carries.
  func lost(_ reason: String) { shut() }
  /// The peer does not speak HTTP/2, or floods with answers; the session's error.
  func refused(_ error: Int32) { lost(String(cString: nghttp2_strerror(error))) }
  /// The peer makes us write more than it reads.
  func unread() { lost("it makes more answers than it reads") }
  /// The session is done, all is written.
  func sessionEnded() {}

  // MARK: Callbacks

  final func headersBegin(_ frame: nghttp2_frame) {
    if let block { loop.http2.give(block) }
    block = loop.http2.takeBlock()
    headersStarted = loop.now
  }

  @inline(__always)
  final func fieldReceived(
    _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, neverIndexed: Bool
  ) {
    guard let block else { return }
    block.receive(name, value, neverIndexed: neverIndexed, limits: limits)
    if block.isTooLarge, block.listBytes > limits.headerBytes * limits.headerBombFactor {
      headerBomb()
    }
  }

  /// A header list that is packed to do harm.
  func headerBomb() { isBroken = true }

  final func frameReceived(_ frame: nghttp2_frame) {
    switch frame.hd.type {
    case HTTP2Frame.headers:
      headersStarted = 0
      if let list = block {
        headersReceived(frame.headers, list)
        if let rest = block {
          block = nil
          loop.http2.give(rest)
        }
      }
      if frame.hd.flags & HTTP2Frame.endStream != 0 { streamEnded(frame.hd.stream_id) }
    case HTTP2Frame.data:
      if frame.hd.flags & HTTP2Frame.endStream != 0 { streamEnded(frame.hd.stream_id) }
    default: controlReceived(frame)
    }
  }

  final func dataLeaves(
    _ head: UnsafePointer<UInt8>, _ count: Int, _ source: UnsafeMutableRawPointer?
  ) {
    loop.http2.output.append(UnsafeRawBufferPointer(start: head, count: HTTP2Frame.headerBytes))
    if count > 0, let source { dataTaken(source, count) }
  }

  // MARK: Events

  override func ready(_ events: UInt32) {
    if events & PAR_EPOLLIN != 0 { canRead = true }
    if events & PAR_EPOLLOUT != 0 { canWrite = true }
    if events & (PAR_EPOLLRDHUP | PAR_EPOLLHUP | PAR_EPOLLERR) != 0 {
      canRead = true
      canWrite = true
      hungUp = true
    }
    turn()
  }

  override func resume() { turn() }

  /// Everything that can be done now.
  final func turn() {
    read()
    if phase != .closed { flush() }
    if phase != .closed { setTimes() }
  }

  /// At the end of the loop's turn all that is queued is written.
  @inline(__always)
  final func wantsFlush() { loop.again(self) }

  /// The same, when the session has something to write at all.
  @inline(__always)
  final func wantsFlushIfNeeded() {
    if nghttp2_session_get_outbound_queue_size(session) > 0 { loop.again(self) }
  }

  private final func read() {
    var turns = loop.limits.pumpTurns
    while canRead, phase == .open || phase == .lingering {
      guard turns > 0 else { return loop.again(self) }
      turns -= 1
      let space = loop.http2.input
      switch receive(space) {
      case .moved(let count):
        if count < space.count, !hungUp { canRead = false }
        received(count)
        if phase == .lingering {
          lingered += count
          if lingered > loop.limits.lingerBytes { return shut() }
        } else {
          lastHeard = loop.now
          feedAll(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(space)[..<count]))
          // Reading does not wait for writing: two proxies that both did would wait for each other.
          if backlog != nil, queuesTooMuch { return unread() }
        }
      case .wouldBlock: canRead = false
      case .ended, .failed:
        canRead = false
        if phase == .lingering { shut() } else { lost("the connection was closed") }
      }
    }
  }

  /// What the session is about to be given.
  func inspect(_ bytes: UnsafeRawBufferPointer) {}
  /// It has looked at it.
  func fed() {}
  func received(_ count: Int) {}
  func sent(_ count: Int) {}

  /// The peer makes us write more than it reads.
  private final var queuesTooMuch: Bool {
    nghttp2_session_get_outbound_queue_size(session) > limits.waitingFrames
  }

  /// Gives the session what arrived, in pieces: what frames cost is made good by what they moved
  /// before the next ones are counted.
  private final func feedAll(_ bytes: UnsafeRawBufferPointer) {
    var position = 0
    while position < bytes.count, phase == .open {
      let end = min(bytes.count, position + limits.feedBytes)
      feed(UnsafeRawBufferPointer(rebasing: bytes[position..<end]))
      position = end
    }
  }

  /// Gives the session a piece of what arrived.
  final func feed(_ bytes: UnsafeRawBufferPointer) {
    inspect(bytes)
    isInside = true
    isReceiving = true
    let result = nghttp2_session_mem_recv(
      session, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count)
    isInside = false
    isReceiving = false
    if result < 0, phase == .open { refused(Int32(truncatingIfNeeded: result)) }
    fed()
  }

  // MARK: Writing

  /// Writes what the session has to say.
  final func flush() {
    guard !isInside else { return wantsFlush() }
    guard !isMute else { return }
    var rounds = loop.limits.pumpTurns
    while phase == .open || phase == .ending {
      if let waiting = backlog {
        guard canWrite, write(waiting) else { return }
        backlog = nil
        loop.buffers.give(waiting)
      }
      guard canWrite else { return }
      guard rounds > 0 else { return loop.again(self) }
      rounds -= 1
      let output = loop.http2.output
      output.clear()
      let isAll = gather(output)
      if isBroken, phase == .open { phase = .ending }
      if !output.isEmpty {
        producedBytes += Int64(output.count)
        if !write(output) {
          guard phase != .closed else { return }
          let rest = loop.buffers.take()
          rest.append(output.readable)
          backlog = rest
          output.clear()
          return
        }
      }
      if isAll {
        allSent()
        if phase == .ending
          || nghttp2_session_want_read(session) == 0
            && nghttp2_session_want_write(session) == 0
        {
          sessionEnded()
        }
        return
      }
    }
  }

  /// - Returns: whether the session has no more for now.
  private final func gather(_ output: ByteBuffer) -> Bool {
    isInside = true
    defer { isInside = false }
    while output.count < limits.outputBytes {
      var frame: UnsafePointer<UInt8>?
      let count = nghttp2_session_mem_send(session, &frame)
      guard count > 0 else { return true }
      output.append(UnsafeRawBufferPointer(start: frame, count: count))
      if !hasSpoken {
        hasSpoken = true
        rewrite(UnsafeMutableRawBufferPointer(start: output.base, count: output.count))
      }
    }
    return false
  }

  /// - Returns: false when something is left: the kernel is full, or the connection was lost.
  private final func write(_ bytes: ByteBuffer) -> Bool {
    while !bytes.isEmpty {
      switch transmit(bytes.readable) {
      case .moved(let count):
        bytes.consume(count)
        sentBytes += Int64(count)
        sent(count)
      case .wouldBlock, .ended:
        writeBlocked()
        return false
      case .failed:
        lost("the connection was reset")
        return false
      }
    }
    return true
  }

  /// The socket is full: an event says when it is not.
  func writeBlocked() { canWrite = false }

  // MARK: Ending

  /// Throws input away until the peer has closed, so that a reset does not overtake the last words.
  final func linger() {
    guard phase == .open || phase == .ending else { return }
    phase = .lingering
    Glibc.shutdown(descriptor, Int32(SHUT_WR))
    setDeadline(loop.now + loop.limits.lingerTime.nanoseconds)
    canRead = true
    wantsFlush()
  }

  /// Ends the connection at once. What it carries must have been told before.
  final func shut() {
    guard phase != .closed else { return }
    phase = .closed
    isBroken = true
    if let buffer = backlog { loop.buffers.give(buffer) }
    backlog = nil
    if let list = block { loop.http2.give(list) }
    block = nil
    closed()
    closeDescriptor()
  }

  /// For what the subclass holds.
  func closed() {}
}
