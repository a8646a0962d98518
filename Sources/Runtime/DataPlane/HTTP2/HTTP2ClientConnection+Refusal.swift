import CNghttp2
import Glibc
import Lifecycle

/// Connections that are ended because of what their client does.
extension HTTP2ClientConnection {
  func heard(_ frame: nghttp2_frame) {
    switch frame.hd.type {
    case HTTP2Frame.settings:
      if frame.hd.flags & HTTP2Frame.ack == 0, !isEstablished { establish() }
    case HTTP2Frame.resetStream:
      resetStream = frame.hd.stream_id
      if !resets.take(at: loop.now) { calm(.resets) }
    case HTTP2Frame.ping:
      if frame.hd.flags & HTTP2Frame.ack != 0 { pingAnswered() }
    default: break
    }
    // Answers, windows and resets of streams are written with the turn's rest.
    wantsFlushIfNeeded()
  }

  private func establish() {
    isEstablished = true
    idleSince = loop.now
  }

  /// Ends the connection of a client that keeps us busy with nothing.
  func calm(_ end: HTTP2End) {
    guard phase == .open, !isReported, !isMute else { return }
    report(end, HTTP2Code.enhanceYourCalm)
    nghttp2_session_terminate_session(session, HTTP2Code.enhanceYourCalm)
    isBroken = true
    wantsFlush()
  }

  /// Ends the connection; streams are told by GOAWAY.
  func refuse(_ end: HTTP2End) {
    guard phase == .open else { return }
    report(end, HTTP2Code.enhanceYourCalm)
    if end == .silent || !isEstablished { return shut() }
    nghttp2_session_terminate_session(session, HTTP2Code.enhanceYourCalm)
    isBroken = true
    wantsFlush()
  }

  /// Once a connection: counts it and says so.
  func report(_ end: HTTP2End, _ code: UInt32, _ text: String? = nil) {
    guard !isReported else { return }
    isReported = true
    loop.counters.http2Ended(end)
    loop.refused(
      "\(end.name): \(text ?? HTTP2Code.name(code))",
      peer: String(decoding: knownPeer().text, as: UTF8.self))
  }

  func goawaySent(_ frame: nghttp2_goaway) {
    guard frame.error_code != HTTP2Code.noError else { return }
    isBroken = true
    var text = HTTP2Code.name(frame.error_code)
    if let data = frame.opaque_data, frame.opaque_data_len > 0 {
      text += ", "
      text += String(
        decoding: UnsafeBufferPointer(start: data, count: frame.opaque_data_len), as: UTF8.self)
    }
    report(.protocolError, frame.error_code, text)
  }

  func sessionFailed(_ error: Int32) {
    switch error {
    case NGHTTP2_ERR_CALLBACK_FAILURE.rawValue where phase == .open:
      // One of the refusals above, with its GOAWAY queued.
      phase = .ending
      wantsFlush()
    case NGHTTP2_ERR_BAD_CLIENT_MAGIC.rawValue: refuseOther()
    case NGHTTP2_ERR_FLOODED.rawValue:
      report(.unread, HTTP2Code.enhanceYourCalm)
      shut()
    default:
      report(.protocolError, HTTP2Code.internalError, String(cString: nghttp2_strerror(error)))
      shut()
    }
  }

  /// Something else than HTTP/2 came: HTTP/1.x is told so in its own words.
  private func refuseOther() {
    guard firstByte &- UInt8(ascii: "A") < 26 else {
      // The content type of a TLS handshake (RFC 8446 section 5.1), as of a `secure_channel`.
      let text = firstByte == 0x16 ? "TLS, which this port does not speak" : "no HTTP/2 preface"
      report(.protocolError, HTTP2Code.protocolError, text)
      nghttp2_session_terminate_session(session, HTTP2Code.protocolError)
      isMute = false
      phase = .ending
      return wantsFlush()
    }
    report(.http1, HTTP2Code.protocolError, "HTTP/1.x on the A2A port")
    phase = .ending
    let rest = loop.buffers.take()
    rest.append(ErrorAnswer.versionRefusal(state: loop.state().snapshot.state))
    _ = transmit(rest.readable)
    loop.buffers.give(rest)
    linger()
  }
}
