import CNghttp2
import CPlatform
import Glibc
import Lifecycle
import Synchronization

/// A client's HTTP/2 connection, on the A2A port from the start, on the REST port handed over by the
/// `ClientConnection` that read the preface.
final class HTTP2ClientConnection: HTTP2Connection {
  /// Of the two GOAWAYs that end a connection (RFC 9113 section 6.8).
  enum Farewell {
    case none
    /// No more streams are wanted; those on their way are still taken.
    case announced
    /// No more streams are taken.
    case said
  }

  let port: Port
  private(set) var streamCount = 0
  unowned(unsafe) private var firstStream: HTTP2Stream?
  /// The client's SETTINGS are there.
  var isEstablished = false
  let accepted: Int64
  /// When the last stream was closed.
  var idleSince: Int64
  var farewell = Farewell.none
  var farewellAt: Int64 = 0
  /// The PING was answered: the second GOAWAY is due.
  var wantsGoodbye = false
  /// A PING that waits for its answer since then; 0: none.
  var pingSent: Int64 = 0
  var lastLook: Int64
  /// When the socket was last full after something was taken.
  var blockedSince: Int64 = 0
  private var frames = FrameWalk()
  /// Bytes of the preface that have come.
  private var prefaceCount = 0
  /// The stream that the client reset last.
  var resetStream: Int32 = 0
  var unproductive: TokenBucket
  var resets: TokenBucket
  /// Calls whose last frame is written with what is gathered: in flight until the kernel has it.
  var leaving = 0
  var isReported = false
  /// Of the connection, which tells HTTP/1.x from noise.
  var firstByte: UInt8 = 0
  private var peer: ClientConnection.Peer?

  init(
    descriptor: Int32, loop: EventLoop, port: Port, session: OpaquePointer,
    peer: ClientConnection.Peer? = nil
  ) {
    self.port = port
    self.peer = peer
    let limits = loop.shared.options.http2
    accepted = loop.now
    idleSince = loop.now
    lastLook = loop.now
    unproductive = TokenBucket(
      capacity: limits.unproductiveFrames, perSecond: limits.unproductiveFramesPerSecond,
      now: loop.now)
    resets = TokenBucket(
      capacity: limits.resets, perSecond: limits.resetsPerSecond, now: loop.now)
    super.init(descriptor: descriptor, loop: loop, session: session)
    // Our SETTINGS would be noise to a client of HTTP/1.x, so they wait for its preface.
    isMute = true
  }

  /// The connection is watched; says what the client may do.
  /// - Parameter bytes: what was read before it was known to be HTTP/2.
  func opened(_ bytes: UnsafeRawBufferPointer? = nil) {
    loop.shared.http2Connections.add(1, ordering: .sequentiallyConsistent)
    loop.counters.http2Open.bump(1)
    // nghttp2 would end the connection of a client that opens one more; RFC 9113 section 5.1.2 wants
    // the stream refused. So it is told of more than the client is, see `rewrite`.
    submitSettings(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, UInt32(limits.streams * 2))
    if let bytes {
      feed(bytes)
      wantsFlush()
    }
    setTimes()
  }

  /// The first frame of all, SETTINGS, with the number of streams that is meant.
  override func rewrite(_ frame: UnsafeMutableRawBufferPointer) {
    let (first, value) = (HTTP2Frame.headerBytes, UInt32(limits.streams))
    guard frame.count >= first + 6, frame[3] == HTTP2Frame.settings,
      frame[first + 1] == UInt8(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue)
    else { return }
    frame.storeBytes(of: value.bigEndian, toByteOffset: first + 2, as: UInt32.self)
  }

  // MARK: Who

  func knownPeer() -> ClientConnection.Peer {
    if let peer { return peer }
    let found = ClientConnection.Peer(descriptor, loop.shared.options)
    peer = found
    return found
  }

  // MARK: Streams

  /// The stream behind nghttp2's user data; nil for one that was never begun.
  @inline(__always)
  private func stream(_ source: UnsafeMutableRawPointer?) -> HTTP2Stream? {
    guard let source else { return nil }
    return Unmanaged<HTTP2Stream>.fromOpaque(source).takeUnretainedValue()
  }

  override func headersReceived(_ frame: nghttp2_headers, _ block: HeaderBlock) {
    let id = frame.hd.stream_id
    unproductive.add(limits.productiveCredit)
    guard frame.cat == NGHTTP2_HCAT_REQUEST else {
      // Trailers, which always end the request.
      stream(nghttp2_session_get_stream_user_data(session, id))?.endInput(block)
      return
    }
    guard streamCount < limits.streams else {
      nghttp2_submit_rst_stream(session, 0, id, HTTP2Code.refusedStream)
      loop.counters.http2Ended(.streams)
      return wantsFlush()
    }
    let made = makeStream(id, block)
    made.isHeadAlone = frame.hd.flags & HTTP2Frame.endStream != 0
    // Balanced in `remove`.
    let pointer = Unmanaged.passRetained(made).toOpaque()
    nghttp2_session_set_stream_user_data(session, id, pointer)
    made.after = firstStream
    firstStream?.before = made
    firstStream = made
    streamCount += 1
    loop.counters.streamsOpen.bump(1)
    loop.counters.streamsTotal.bump(1)
    made.begin(block)
    // Who connects during a drain is served once and told to go.
    if farewell == .none, loop.state().gate.isDraining { announce() }
  }

  override func streamEnded(_ id: Int32) {
    stream(nghttp2_session_get_stream_user_data(session, id))?.endInput(nil)
  }

  override func dataReceived(
    _ id: Int32, _ source: UnsafeMutableRawPointer?, _ bytes: UnsafeRawBufferPointer
  ) {
    unproductive.add(limits.productiveCredit)
    nghttp2_session_consume_connection(session, bytes.count)
    wantsFlushIfNeeded()
    guard let stream = stream(source), !stream.hasInputEnded else {
      nghttp2_session_consume_stream(session, id, bytes.count)
      return
    }
    stream.received(bytes)
  }

  override func dataTaken(_ source: UnsafeMutableRawPointer, _ count: Int) {
    // A client that opens its window byte by byte gets little credit for it.
    unproductive.add(min(limits.productiveCredit, count / 256))
    stream(source)?.take(count, into: loop.http2.output)
  }

  override func streamClosed(_ id: Int32, _ source: UnsafeMutableRawPointer?, _ code: UInt32) {
    // Also one that was never begun: it was work for nothing all the same. The client's own resets
    // have been counted, and what we reset of our own will is not its doing.
    if code != HTTP2Code.noError, id != resetStream, !(stream(source)?.wasReset ?? false),
      !resets.take(at: loop.now)
    {
      calm(.resets)
    }
    guard let source else { return }
    remove(Unmanaged<HTTP2Stream>.fromOpaque(source), code)
  }

  private func remove(_ entry: Unmanaged<HTTP2Stream>, _ code: UInt32) {
    let stream = entry.takeRetainedValue()
    if let before = stream.before {
      before.after = stream.after
    } else {
      firstStream = stream.after
    }
    if let after = stream.after { after.before = stream.before }
    stream.before = nil
    stream.after = nil
    streamCount -= 1
    loop.counters.streamsOpen.bump(-1)
    if streamCount == 0 {
      idleSince = loop.now
      if farewell != .none { wantsFlush() }
    }
    stream.close(code)
  }

  /// Calls `body` with each stream, which may end it.
  func forEachStream(_ body: (HTTP2Stream) -> Void) {
    var next = firstStream
    while let stream = next {
      next = stream.after
      body(stream)
    }
  }

  override func frameSent(_ frame: nghttp2_frame) {
    switch frame.hd.type {
    case HTTP2Frame.headers, HTTP2Frame.data:
      // The answer is complete: a request that is not need not come (RFC 9113 section 8.1).
      if frame.hd.flags & HTTP2Frame.endStream != 0,
        let stream = stream(
          nghttp2_session_get_stream_user_data(session, frame.hd.stream_id)),
        !stream.hasInputEnded
      {
        nghttp2_submit_rst_stream(session, 0, frame.hd.stream_id, HTTP2Code.noError)
      }
    case HTTP2Frame.goaway: goawaySent(frame.goaway)
    default: break
    }
  }

  // MARK: Ends

  override func allSent() {
    guard leaving > 0 else { return }
    let count = leaving
    leaving = 0
    for _ in 0..<count { loop.shared.leave() }
  }

  override func received(_ count: Int) {
    loop.counters.bytesReceived.bump(count)
  }
  override func sent(_ count: Int) { loop.counters.bytesSent.bump(count) }

  override func writeBlocked() {
    canWrite = false
    blockedSince = loop.now
  }

  override func fed() {
    guard wantsGoodbye else { return }
    wantsGoodbye = false
    sayGoodbye()
  }

  override func setTimes() { armTimes() }
  override func expired() { timePassed() }

  override func controlReceived(_ frame: nghttp2_frame) { heard(frame) }

  override func inspect(_ bytes: UnsafeRawBufferPointer) {
    if isMute {
      if prefaceCount == 0 { firstByte = bytes.first ?? 0 }
      let count = min(bytes.count, HTTP2Preface.count - prefaceCount)
      guard HTTP2Preface.continues(bytes[..<count], at: prefaceCount) else { return }
      prefaceCount += count
      if prefaceCount == HTTP2Preface.count { isMute = false }
    }
    frames.walk(bytes) { type in
      switch type {
      // Limited for each header list.
      case HTTP2Frame.continuation: break
      default: if !unproductive.take(at: loop.now) { calm(.flood) }
      }
    }
  }

  override func headerBomb() { calm(.headerBomb) }
  override func refused(_ error: Int32) { sessionFailed(error) }
  override func unread() {
    report(.unread, HTTP2Code.enhanceYourCalm)
    shut()
  }
  override func lost(_ reason: String) { shut() }

  override func sessionEnded() {
    endStreams()
    linger()
  }

  /// The session is not asked any more: what the streams hold elsewhere is given up.
  private func endStreams() {
    while let stream = firstStream {
      remove(Unmanaged.passUnretained(stream), HTTP2Code.cancel)
    }
    allSent()
  }

  override func invalidFrameReceived(_ error: Int32) {
    guard error == NGHTTP2_ERR_REFUSED_STREAM.rawValue else { return }
    loop.counters.http2Ended(.streams)
    if !resets.take(at: loop.now) { calm(.resets) }
  }

  override func closed() {
    endStreams()
    loop.shared.http2Connections.subtract(1, ordering: .sequentiallyConsistent)
    loop.counters.http2Open.bump(-1)
    loop.shared.connections.subtract(1, ordering: .relaxed)
    loop.counters.connectionsOpen.bump(-1)
  }
}
