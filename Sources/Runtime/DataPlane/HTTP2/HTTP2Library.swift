import CNghttp2

/// The callbacks that nghttp2 gets, the same for every session: each finds its connection in the
/// user data and tells it.
///
/// Unchecked, because the compiler does not know that nghttp2 only reads what the pointers point
/// at once it is set up.
final class HTTP2Library: @unchecked Sendable {
  static let shared = HTTP2Library()

  private let callbacks: OpaquePointer?

  private init() {
    var made: OpaquePointer?
    // Out of memory is the only way to fail; a session without callbacks is then refused too.
    nghttp2_session_callbacks_new(&made)
    callbacks = made
    guard let made else { return }
    nghttp2_session_callbacks_set_on_begin_headers_callback(made) { _, frame, user in
      guard let frame else { return 0 }
      return HTTP2Library.connection(user) { $0.headersBegin(frame.pointee) }
    }
    nghttp2_session_callbacks_set_on_header_callback(made) {
      _, _, name, nameCount, value, valueCount, flags, user in
      HTTP2Library.connection(user) {
        $0.fieldReceived(
          UnsafeRawBufferPointer(start: name, count: nameCount),
          UnsafeRawBufferPointer(start: value, count: valueCount),
          neverIndexed: flags & UInt8(NGHTTP2_NV_FLAG_NO_INDEX.rawValue) != 0)
      }
    }
    nghttp2_session_callbacks_set_on_frame_recv_callback(made) { _, frame, user in
      guard let frame else { return 0 }
      return HTTP2Library.connection(user) { $0.frameReceived(frame.pointee) }
    }
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(made) { _, frame, error, user in
      HTTP2Library.connection(user) { $0.invalidFrameReceived(error) }
    }
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made) {
      session, _, stream, data, count, user in
      let source = nghttp2_session_get_stream_user_data(session, stream)
      return HTTP2Library.connection(user) {
        $0.dataReceived(stream, source, UnsafeRawBufferPointer(start: data, count: count))
      }
    }
    nghttp2_session_callbacks_set_on_stream_close_callback(made) { session, stream, code, user in
      let source = nghttp2_session_get_stream_user_data(session, stream)
      return HTTP2Library.connection(user) { $0.streamClosed(stream, source, code) }
    }
    nghttp2_session_callbacks_set_on_frame_send_callback(made) { _, frame, user in
      guard let frame else { return 0 }
      return HTTP2Library.connection(user) { $0.frameSent(frame.pointee) }
    }
    nghttp2_session_callbacks_set_send_data_callback(made) {
      _, frame, head, count, source, user in
      guard let head, let source else { return 0 }
      let pointer = source.pointee.ptr
      return HTTP2Library.connection(user) { $0.dataLeaves(head, count, pointer) }
    }
  }

  deinit { nghttp2_session_callbacks_del(callbacks) }

  /// The connection behind a session's user data, which outlives the session.
  @inline(__always)
  private static func connection(
    _ user: UnsafeMutableRawPointer?, _ body: (HTTP2Connection) -> Void
  ) -> Int32 {
    guard let user else { return 0 }
    return Unmanaged<HTTP2Connection>.fromOpaque(user)._withUnsafeGuaranteedRef {
      body($0)
      return $0.isBroken && $0.isReceiving ? NGHTTP2_ERR_CALLBACK_FAILURE.rawValue : 0
    }
  }

  /// A new session; nil when there is no memory.
  func session(client: Bool, limits: HTTP2Limits) -> OpaquePointer? {
    var option: OpaquePointer?
    guard callbacks != nil, nghttp2_option_new(&option) == 0 else { return nil }
    defer { nghttp2_option_del(option) }
    // Windows open as bytes are passed on, not as they arrive.
    nghttp2_option_set_no_auto_window_update(option, 1)
    nghttp2_option_set_no_closed_streams(option, 1)
    nghttp2_option_set_max_outbound_ack(option, limits.waitingAnswers)
    nghttp2_option_set_max_settings(option, limits.settings)
    nghttp2_option_set_max_continuations(option, limits.continuations)
    // Resets are counted here, together with those that a client makes us send.
    let never = UInt64(UInt32.max)
    nghttp2_option_set_stream_reset_rate_limit(option, never, never)
    // One that reaches the limit of header bytes is passed on with the fields added to it.
    nghttp2_option_set_max_send_header_block_length(option, limits.headerBytes * 2)
    // Until the agent's SETTINGS say how many calls it takes at once, one: the others wait in the
    // session. More would be reset by an agent that takes fewer.
    if client { nghttp2_option_set_peer_max_concurrent_streams(option, 1) }
    var session: OpaquePointer?
    let result =
      client
      ? nghttp2_session_client_new2(&session, callbacks, nil, option)
      : nghttp2_session_server_new2(&session, callbacks, nil, option)
    return result == 0 ? session : nil
  }
}
