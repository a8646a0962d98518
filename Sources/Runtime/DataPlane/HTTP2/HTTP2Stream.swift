import CNghttp2
import Glibc
import Lifecycle

/// One request of a client's HTTP/2 connection and its response, from the complete head until the
/// stream is closed. Subclassed by who answers.
///
/// The connection owns the stream and calls the hooks; the subclass calls what is below them:
///
/// - `begin` comes first and once. The head is valid during the call; `keepHead()` makes it the
///   stream's own, `giveBack(_:)` returns it to the loop.
/// - Each byte told by `received` must be paid back by `consume(_:)` once it has left this program:
///   that opens the stream's window again. Until then the client may send `streamWindow` bytes
///   and no more, so what a stream keeps is bounded by it. Other streams are not held up.
/// - `inputEnded` says that the request is complete.
/// - Out go interim heads, one `sendHead`, any number of `send`, and `endOutput`, with trailers or
///   without. `send` takes no more than `room`; `drained` says that room was made.
/// - `closed` is the last call, also after `reset` and when the connection is lost. The subclass then
///   gives up what it holds elsewhere.
///
/// A stream has no descriptor; its deadline is the subclass's to use.
class HTTP2Stream: Pollable {
  unowned(unsafe) final let connection: HTTP2ClientConnection
  final let id: Int32
  /// The client has sent all it had to.
  final fileprivate(set) var hasInputEnded = false
  /// The head ended the request; known in `begin`, before `inputEnded` says so.
  final var isHeadAlone = false
  final private(set) var hasHead = false
  /// `endOutput` or an ending `sendHead` was called.
  final private(set) var hasOutputEnded = false
  final private(set) var isClosed = false
  /// By us.
  final private(set) var wasReset = false
  /// Bytes that wait for the client's window, or for the socket.
  final private var outgoing: ByteBuffer?
  final private var trailers: HeaderBlock?
  /// The session asks again only when told that there is something.
  final private var isDeferred = false
  /// When a byte of `outgoing` last left, or came to an empty one.
  final private(set) var lastMoved: Int64 = 0
  /// Bytes of DATA so far, for the access log.
  final private(set) var bytesSent: Int64 = 0
  /// The neighbours among the connection's streams, which holds them.
  unowned(unsafe) final var before: HTTP2Stream?
  unowned(unsafe) final var after: HTTP2Stream?

  init(connection: HTTP2ClientConnection, id: Int32) {
    self.connection = connection
    self.id = id
    super.init(descriptor: -1, loop: connection.loop)
  }

  // MARK: Hooks

  /// The request's head is there, its body is not yet.
  func begin(_ head: HeaderBlock) {}
  func received(_ bytes: UnsafeRawBufferPointer) {}
  /// - Parameter trailers: valid during the call.
  func inputEnded(_ trailers: HeaderBlock?) {}
  /// So many bytes that were sent have left.
  func drained(_ count: Int) {}
  /// - Parameter code: of RFC 9113 section 7; 0 when both sides have ended.
  func closed(_ code: UInt32) {}
  /// The gate is another one.
  func gateChanged(_ published: Published) {}
  /// What the main thread wants ended: ends it, if it is of that kind and in flight.
  /// - Returns: nil when this stream is not concerned.
  func cut(_ reason: CutReason) -> (started: Int64, request: AbortedRequest)? { nil }

  // MARK: The head

  /// Takes the head out of the connection's hands; only within `begin`.
  final func keepHead() -> HeaderBlock? {
    let head = connection.block
    connection.block = nil
    return head
  }

  final func giveBack(_ block: HeaderBlock) { loop.http2.give(block) }

  // MARK: Output

  /// Bytes that `send` takes now.
  final var room: Int { connection.limits.streamWindow - (outgoing?.count ?? 0) }
  /// Bytes that wait to leave.
  final var outgoingBytes: Int { outgoing?.count ?? 0 }
  final var hasOutgoing: Bool { outgoingBytes > 0 }

  /// A 1xx head; any number before the final one.
  final func sendInterim(_ head: HeaderBlock) {
    guard !isClosed, !hasHead else { return }
    _ = head.withFields(keeps: false) {
      nghttp2_submit_headers(connection.session, 0, id, nil, $0, $1, nil)
    }
    connection.wantsFlush()
  }

  /// The response's head. With `ends` it is all of it.
  final func sendHead(_ head: HeaderBlock, ends: Bool) {
    guard !isClosed, !hasHead else { return }
    hasHead = true
    hasOutputEnded = ends
    lastMoved = loop.now
    let result = head.withFields(keeps: false) { fields, count in
      if ends { return nghttp2_submit_response(connection.session, id, fields, count, nil) }
      var provider = nghttp2_data_provider()
      provider.source.ptr = Unmanaged.passUnretained(self).toOpaque()
      provider.read_callback = { _, _, _, most, flags, source, _ in
        guard let flags, let pointer = source?.pointee.ptr else { return 0 }
        return Unmanaged<HTTP2Stream>.fromOpaque(pointer)._withUnsafeGuaranteedRef {
          $0.next(most, &flags.pointee)
        }
      }
      return nghttp2_submit_response(connection.session, id, fields, count, &provider)
    }
    // What cannot be said (no memory) ends the stream.
    if result != 0 { return reset(HTTP2Code.internalError) }
    connection.wantsFlush()
  }

  /// Takes bytes of the body; at most `room`.
  final func send(_ bytes: UnsafeRawBufferPointer) {
    guard !isClosed, !hasOutputEnded, !bytes.isEmpty else { return }
    let buffer = outgoing ?? loop.buffers.take()
    if buffer.isEmpty { lastMoved = loop.now }
    buffer.append(bytes)
    outgoing = buffer
    wake()
  }

  /// The response is complete after what was sent.
  /// - Parameter trailers: given to the stream, and by it to the loop.
  final func endOutput(_ trailers: HeaderBlock? = nil) {
    guard !isClosed, !hasOutputEnded else {
      if let trailers { giveBack(trailers) }
      return
    }
    hasOutputEnded = true
    self.trailers = trailers
    wake()
  }

  final private func wake() {
    if isDeferred {
      isDeferred = false
      nghttp2_session_resume_data(connection.session, id)
    }
    connection.wantsFlush()
  }

  /// Ends the stream in both directions, with what was not written yet; `closed` follows.
  final func reset(_ code: UInt32) {
    guard !isClosed else { return }
    wasReset = true
    nghttp2_submit_rst_stream(connection.session, 0, id, code)
    connection.wantsFlush()
  }

  /// Ends the stream because its reader takes nothing; counted once.
  final func giveUp() {
    guard !isClosed, !wasReset else { return }
    loop.counters.http2Ended(.stalled)
    reset(HTTP2Code.cancel)
  }

  /// So many received bytes have left this program.
  final func consume(_ count: Int) {
    guard !isClosed, count > 0 else { return }
    nghttp2_session_consume_stream(connection.session, id, count)
    connection.wantsFlushIfNeeded()
  }

  /// What the next DATA frame holds, as nghttp2's read callback says it.
  final private func next(_ most: Int, _ flags: inout UInt32) -> Int {
    let waiting = outgoing?.count ?? 0
    let count = min(most, waiting)
    if count == waiting, hasOutputEnded {
      flags |= NGHTTP2_DATA_FLAG_EOF.rawValue
      if let list = trailers {
        trailers = nil
        flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
        _ = list.withFields(keeps: false) {
          nghttp2_submit_trailer(connection.session, id, $0, $1)
        }
        giveBack(list)
      }
    } else if count == 0 {
      isDeferred = true
      return Int(NGHTTP2_ERR_DEFERRED.rawValue)
    }
    flags |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
    return count
  }

  // MARK: For the connection

  /// Moves `count` bytes of the body to what is written.
  final func take(_ count: Int, into output: ByteBuffer) {
    guard let buffer = outgoing else { return }
    output.append(UnsafeRawBufferPointer(rebasing: buffer.readable[..<count]))
    buffer.consume(count)
    if buffer.isEmpty {
      outgoing = nil
      loop.buffers.give(buffer)
    }
    lastMoved = loop.now
    bytesSent += Int64(count)
    drained(count)
  }

  final func endInput(_ trailers: HeaderBlock?) {
    guard !hasInputEnded else { return }
    hasInputEnded = true
    inputEnded(trailers)
  }

  final func close(_ code: UInt32) {
    guard !isClosed else { return }
    isClosed = true
    loop.deadlines.remove(self)
    deadline = Pollable.never
    if let buffer = outgoing { loop.buffers.give(buffer) }
    outgoing = nil
    if let list = trailers { giveBack(list) }
    trailers = nil
    closed(code)
  }
}
