import CNghttp2
import Lifecycle

/// How a connection is ended without losing a stream: GOAWAY for the streams to come, a PING to know
/// that it was read, GOAWAY for the last stream, and the end when that is answered.
extension HTTP2ClientConnection {
  /// The gate is another one.
  func gateChanged(_ published: Published) {
    guard phase == .open else { return }
    forEachStream { $0.gateChanged(published) }
    if published.gate.isDraining, isEstablished { announce() }
    if published.gate == .closing, farewell == .announced { sayGoodbye() }
    setTimes()
  }

  /// The first GOAWAY.
  func announce() {
    guard farewell == .none, phase == .open else { return }
    farewell = .announced
    farewellAt = loop.now
    // In one write, the PING in front: there are clients to which nothing may follow a GOAWAY but
    // another one.
    nghttp2_submit_shutdown_notice(session)
    ask()
    wantsFlush()
  }

  /// The second GOAWAY: streams up to the last one that was begun go on.
  func sayGoodbye() {
    guard farewell != .said, phase == .open else { return }
    farewell = .said
    nghttp2_submit_goaway(
      session, 0, nghttp2_session_get_last_proc_stream_id(session), HTTP2Code.noError, nil, 0)
    wantsFlush()
  }

  func ask() {
    guard pingSent == 0 else { return }
    pingSent = loop.now
    nghttp2_submit_ping(session, 0, nil)
  }

  func pingAnswered() {
    pingSent = 0
    // After all that came with the answer.
    if farewell == .announced { wantsGoodbye = true }
  }

  /// The loop ends: what is written by now is all there will be.
  func finish() {
    flush()
    if phase == .open {
      nghttp2_session_terminate_session(session, HTTP2Code.noError)
      flush()
    }
    shut()
  }

  /// - Returns: what was in flight and is not any more.
  func cut(_ reason: CutReason) -> [(started: Int64, request: AbortedRequest)] {
    var aborted: [(started: Int64, request: AbortedRequest)] = []
    forEachStream { stream in
      if let one = stream.cut(reason) { aborted.append(one) }
    }
    return aborted
  }
}
