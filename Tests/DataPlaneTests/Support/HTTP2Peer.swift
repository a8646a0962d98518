import CNghttp2
import CPlatform
import Glibc

/// One end of an HTTP/2 connection for tests: a session over a blocking socket, with everything that
/// it heard. Used from one thread.
final class HTTP2Peer {
  struct Stream {
    var head: [String: String] = [:]
    var trailers: [String: String] = [:]
    var body: [UInt8] = []
    var hasHead = false
    var hasEnded = false
    var closed: UInt32?

    /// The messages of a gRPC body.
    var messages: [[UInt8]] {
      var rest = body[...]
      var found: [[UInt8]] = []
      while rest.count >= 5 {
        let length = rest.dropFirst().prefix(4).reduce(0) { $0 << 8 | Int($1) }
        found.append(Array(rest.dropFirst(5).prefix(length)))
        rest = rest.dropFirst(5 + length)
      }
      return found
    }
    /// The status, wherever it stands.
    var grpcStatus: String? { trailers["grpc-status"] ?? head["grpc-status"] }
    var grpcMessage: String? { trailers["grpc-message"] ?? head["grpc-message"] }
  }

  private final class Outgoing {
    var bytes: [UInt8] = []
    var sent = 0
    var ends = false
    var trailers: [(String, String)]?
  }

  let descriptor: Int32
  private let owns: Bool
  private var session: OpaquePointer?
  private(set) var streams: [Int32: Stream] = [:]
  /// Identifiers in the order of their heads.
  private(set) var heads: [Int32] = []
  private(set) var goaways: [(last: Int32, code: UInt32)] = []
  private(set) var hasEnded = false
  private var outgoing: [Int32: Outgoing] = [:]
  /// Streams whose bytes open no window.
  var unread: Set<Int32> = []
  var onHead: ((HTTP2Peer, Int32) -> Void)?
  var onData: ((HTTP2Peer, Int32, [UInt8]) -> Void)?
  var onEnd: ((HTTP2Peer, Int32) -> Void)?

  /// Connects; closes with the object.
  convenience init(port: UInt16, window: UInt32? = nil) {
    self.init(
      descriptor: par_connect_tcp_blocking("127.0.0.1", port, 10_000), isClient: true, owns: true,
      window: window)
  }

  init(
    descriptor: Int32, isClient: Bool, owns: Bool = false, window: UInt32? = nil,
    maxStreams: UInt32? = nil
  ) {
    self.descriptor = descriptor
    self.owns = owns
    var callbacks: OpaquePointer?
    nghttp2_session_callbacks_new(&callbacks)
    Self.set(callbacks)
    var option: OpaquePointer?
    nghttp2_option_new(&option)
    nghttp2_option_set_no_auto_window_update(option, 1)
    nghttp2_option_set_max_send_header_block_length(option, 1 << 20)
    if isClient {
      nghttp2_session_client_new2(&session, callbacks, nil, option)
    } else {
      nghttp2_session_server_new2(&session, callbacks, nil, option)
    }
    nghttp2_option_del(option)
    nghttp2_session_callbacks_del(callbacks)
    nghttp2_session_set_user_data(session, Unmanaged.passUnretained(self).toOpaque())
    var settings: [nghttp2_settings_entry] = []
    if let window {
      settings.append(
        nghttp2_settings_entry(
          settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue), value: window))
    }
    if let maxStreams {
      settings.append(
        nghttp2_settings_entry(
          settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue), value: maxStreams))
    }
    nghttp2_submit_settings(session, 0, settings, settings.count)
    flush()
  }

  deinit {
    nghttp2_session_del(session)
    if owns { close(descriptor) }
  }

  private static func of(_ user: UnsafeMutableRawPointer?) -> HTTP2Peer? {
    user.map { Unmanaged<HTTP2Peer>.fromOpaque($0).takeUnretainedValue() }
  }

  private static func text(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> String {
    String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
  }

  private static func set(_ callbacks: OpaquePointer?) {
    nghttp2_session_callbacks_set_on_header_callback(callbacks) {
      _, frame, name, nameCount, value, valueCount, _, user in
      guard let peer = HTTP2Peer.of(user), let id = frame?.pointee.hd.stream_id else { return 0 }
      peer.field(
        id, HTTP2Peer.text(name, nameCount), HTTP2Peer.text(value, valueCount))
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, user in
      if let peer = HTTP2Peer.of(user), let frame { peer.received(frame.pointee) }
      return 0
    }
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) {
      _, _, id, data, count, user in
      guard let peer = HTTP2Peer.of(user) else { return 0 }
      let bytes = Array(UnsafeBufferPointer(start: data, count: count))
      peer.streams[id, default: Stream()].body += bytes
      nghttp2_session_consume_connection(peer.session, count)
      if !peer.unread.contains(id) { nghttp2_session_consume_stream(peer.session, id, count) }
      peer.onData?(peer, id, bytes)
      return 0
    }
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, id, code, user in
      HTTP2Peer.of(user)?.streams[id, default: Stream()].closed = code
      return 0
    }
  }

  private func field(_ id: Int32, _ name: String, _ value: String) {
    if streams[id]?.hasHead ?? false {
      streams[id]?.trailers[name] = value
    } else {
      streams[id, default: Stream()].head[name] = value
    }
  }

  private func received(_ frame: nghttp2_frame) {
    let id = frame.hd.stream_id
    switch UInt32(frame.hd.type) {
    case NGHTTP2_HEADERS.rawValue:
      if streams[id]?.hasHead != true {
        streams[id, default: Stream()].hasHead = true
        heads.append(id)
        onHead?(self, id)
      }
    case NGHTTP2_GOAWAY.rawValue:
      goaways.append((frame.goaway.last_stream_id, frame.goaway.error_code))
    default: break
    }
    let isMessage =
      UInt32(frame.hd.type) == NGHTTP2_HEADERS.rawValue
      || UInt32(frame.hd.type) == NGHTTP2_DATA.rawValue
    if isMessage, frame.hd.flags & 1 != 0 {
      streams[id]?.hasEnded = true
      onEnd?(self, id)
    }
  }

  // MARK: Sending

  private func withFields<Result>(
    _ fields: [(String, String)], _ body: (UnsafePointer<nghttp2_nv>?, Int) -> Result
  ) -> Result {
    var storage: [UInt8] = []
    var places: [(Int, Int, Int)] = []
    for (name, value) in fields {
      places.append((storage.count, name.utf8.count, value.utf8.count))
      storage += Array(name.utf8) + Array(value.utf8)
    }
    storage.append(0)
    return storage.withUnsafeMutableBufferPointer { bytes in
      // The array is never empty: a byte was added.
      guard let base = bytes.baseAddress else { return body(nil, 0) }
      let list = places.map {
        nghttp2_nv(
          name: base + $0.0, value: base + $0.0 + $0.1, namelen: $0.1, valuelen: $0.2, flags: 0)
      }
      return body(list, list.count)
    }
  }

  private func provider(_ id: Int32) -> nghttp2_data_provider {
    var provider = nghttp2_data_provider()
    provider.read_callback = { session, id, buffer, most, flags, _, user in
      guard let peer = HTTP2Peer.of(user), let buffer, let flags, let out = peer.outgoing[id] else {
        return Int(NGHTTP2_ERR_DEFERRED.rawValue)
      }
      let count = min(most, out.bytes.count - out.sent)
      if count == 0, !out.ends { return Int(NGHTTP2_ERR_DEFERRED.rawValue) }
      for index in 0..<count { buffer[index] = out.bytes[out.sent + index] }
      out.sent += count
      if out.sent == out.bytes.count, out.ends {
        flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
        if let trailers = out.trailers {
          flags.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
          peer.withFields(trailers) { _ = nghttp2_submit_trailer(session, id, $0, $1) }
        }
      }
      return count
    }
    return provider
  }

  /// Begins a gRPC call. With a body it is complete; without, `send` goes on.
  @discardableResult
  func call(_ path: String, _ body: [UInt8]? = nil, _ more: [(String, String)] = []) -> Int32 {
    request(
      [
        (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "test"),
        ("content-type", "application/grpc"), ("te", "trailers"),
      ] + more, body: body, ends: body != nil)
  }

  @discardableResult
  func request(_ fields: [(String, String)], body: [UInt8]?, ends: Bool) -> Int32 {
    var provider = provider(0)
    let out = Outgoing()
    out.bytes = body ?? []
    out.ends = ends
    let id = withFields(fields) { nghttp2_submit_request(session, nil, $0, $1, &provider, nil) }
    outgoing[id] = out
    streams[id] = Stream()
    flush()
    return id
  }

  func send(_ id: Int32, _ bytes: [UInt8], ends: Bool = false) {
    outgoing[id]?.bytes += bytes
    if ends { outgoing[id]?.ends = true }
    nghttp2_session_resume_data(session, id)
    flush()
  }

  /// A response's head; its body follows by `send`, its end by `finish`.
  func respond(_ id: Int32, _ more: [(String, String)] = []) {
    var provider = provider(id)
    outgoing[id] = Outgoing()
    let fields = [(":status", "200"), ("content-type", "application/grpc")] + more
    withFields(fields) { _ = nghttp2_submit_response(session, id, $0, $1, &provider) }
  }

  func finish(_ id: Int32, trailers: [(String, String)]) {
    outgoing[id]?.ends = true
    outgoing[id]?.trailers = trailers
    nghttp2_session_resume_data(session, id)
    flush()
  }

  func reset(_ id: Int32, _ code: UInt32) {
    nghttp2_submit_rst_stream(session, 0, id, code)
    flush()
  }

  func goaway(last: Int32) {
    nghttp2_submit_goaway(session, 0, last, 0, nil, 0)
    flush()
  }

  /// Bytes of ours that wait for a window.
  func unsent(_ id: Int32) -> Int { outgoing[id].map { $0.bytes.count - $0.sent } ?? 0 }

  func openWindow(_ id: Int32, _ count: Int) {
    nghttp2_session_consume_stream(session, id, count)
    flush()
  }

  func flush() {
    while true {
      var bytes: UnsafePointer<UInt8>?
      let count = nghttp2_session_mem_send(session, &bytes)
      guard count > 0 else { return }
      var sent = 0
      while sent < count {
        let moved = Glibc.send(
          descriptor, bytes.map { $0 + sent }, count - sent, Int32(MSG_NOSIGNAL))
        guard moved > 0 else { return }
        sent += moved
      }
    }
  }

  // MARK: Waiting

  /// Reads once what comes within `milliseconds`.
  /// - Returns: false when nothing came, or the connection ended.
  @discardableResult
  func read(within milliseconds: Int32) -> Bool {
    var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&poller, 1, milliseconds) > 0 else { return false }
    var space = [UInt8](repeating: 0, count: 65536)
    let count = recv(descriptor, &space, space.count, 0)
    guard count > 0 else {
      hasEnded = true
      return false
    }
    nghttp2_session_mem_recv(session, space, count)
    flush()
    return true
  }

  /// Reads until it is so, at most ten seconds.
  func waits(_ condition: () -> Bool) -> Bool {
    let end = par_monotonic_ns() + 10_000_000_000
    while !condition() {
      guard !hasEnded, par_monotonic_ns() < end else { return condition() }
      read(within: 100)
    }
    return true
  }

  /// The stream when it has ended.
  func result(_ id: Int32) -> Stream? {
    _ = waits { streams[id]?.closed != nil }
    return streams[id]
  }

  /// Serves until the connection ends.
  func serve() { while !hasEnded { read(within: 1000) } }
}

/// A message as gRPC frames it.
func grpcMessage(_ bytes: [UInt8], compressed: UInt8 = 0) -> [UInt8] {
  let count = UInt32(bytes.count)
  return [compressed] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: count >> $0) } + bytes
}

func grpcMessage(_ text: String) -> [UInt8] { grpcMessage(Array(text.utf8)) }
