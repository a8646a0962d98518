import CNghttp2
import CPlatform
import Glibc

/// A client of HTTP/2 by prior knowledge, with a blocking socket; every wait ends after ten seconds.
/// What a stream's answer came to is in `answers`. Used by one thread.
final class PriorKnowledgeClient {
  final class Answer {
    var interim: [Int] = []
    var status = 0
    var fields: [(name: String, value: String)] = []
    var body: [UInt8] = []
    var trailers: [(name: String, value: String)] = []
    /// END_STREAM came.
    var isComplete = false
    /// The code of the RST_STREAM that came.
    var reset: UInt32?
    fileprivate var isOver: Bool { isComplete || reset != nil }
    fileprivate var outgoing: [UInt8] = []
    fileprivate var endsRequest = true
    fileprivate var hasStatus = false
    fileprivate var isHeadDone = false

    subscript(name: String) -> String? { fields.first { $0.name == name }?.value }
    var text: String { String(decoding: body, as: UTF8.self) }
  }

  /// Gives the windows back as it reads; otherwise nothing is ever given back.
  let reads: Bool
  private(set) var answers: [Int32: Answer] = [:]
  /// The last stream and code of each GOAWAY.
  private(set) var goaways: [(last: Int32, code: UInt32)] = []
  private let descriptor: Int32
  private var session: OpaquePointer?

  /// - Parameter window: of each stream, in bytes.
  init(_ port: UInt16, window: UInt32 = 65_535, reads: Bool = true) {
    self.reads = reads
    descriptor = par_connect_tcp_blocking("127.0.0.1", port, 10_000)
    var callbacks: OpaquePointer?
    nghttp2_session_callbacks_new(&callbacks)
    defer { nghttp2_session_callbacks_del(callbacks) }
    nghttp2_session_callbacks_set_on_header_callback(callbacks) {
      _, frame, name, nameCount, value, valueCount, _, user in
      guard let frame, let client = PriorKnowledgeClient.from(user) else { return 0 }
      client.field(
        frame.pointee.hd.stream_id,
        String(decoding: UnsafeBufferPointer(start: name, count: nameCount), as: UTF8.self),
        String(decoding: UnsafeBufferPointer(start: value, count: valueCount), as: UTF8.self))
      return 0
    }
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) {
      session, _, stream, data, count, user in
      guard let client = PriorKnowledgeClient.from(user) else { return 0 }
      client.answers[stream]?.body += UnsafeBufferPointer(start: data, count: count)
      if client.reads { nghttp2_session_consume(session, stream, count) }
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, user in
      guard let frame, let client = PriorKnowledgeClient.from(user) else { return 0 }
      client.received(frame.pointee)
      return 0
    }
    var option: OpaquePointer?
    nghttp2_option_new(&option)
    defer { nghttp2_option_del(option) }
    nghttp2_option_set_no_auto_window_update(option, 1)
    // What is wrong with an answer is for the test to see, with a request for the server.
    nghttp2_option_set_no_http_messaging(option, 1)
    nghttp2_option_set_max_send_header_block_length(option, 1 << 20)
    nghttp2_session_client_new2(
      &session, callbacks, Unmanaged.passUnretained(self).toOpaque(), option)
    var entry = nghttp2_settings_entry(
      settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue), value: window)
    nghttp2_submit_settings(session, 0, &entry, 1)
  }

  deinit {
    nghttp2_session_del(session)
    close()
  }

  func close() { if descriptor >= 0 { shutdown(descriptor, Int32(SHUT_RDWR)) } }

  private static func from(_ user: UnsafeMutableRawPointer?) -> PriorKnowledgeClient? {
    user.map { Unmanaged<PriorKnowledgeClient>.fromOpaque($0).takeUnretainedValue() }
  }

  private func field(_ stream: Int32, _ name: String, _ value: String) {
    guard let answer = answers[stream] else { return }
    if name == ":status" {
      let status = Int(value) ?? 0
      if status < 200 {
        answer.interim.append(status)
      } else {
        answer.status = status
        answer.hasStatus = true
      }
    } else if answer.hasStatus, answer.isHeadDone {
      answer.trailers.append((name, value))
    } else if answer.hasStatus {
      answer.fields.append((name, value))
    }
  }

  private func received(_ frame: nghttp2_frame) {
    let answer = answers[frame.hd.stream_id]
    switch UInt32(frame.hd.type) {
    case NGHTTP2_HEADERS.rawValue:
      if answer?.hasStatus ?? false { answer?.isHeadDone = true }
      if frame.hd.flags & 1 != 0 { answer?.isComplete = true }
    case NGHTTP2_DATA.rawValue: if frame.hd.flags & 1 != 0 { answer?.isComplete = true }
    case NGHTTP2_RST_STREAM.rawValue: answer?.reset = frame.rst_stream.error_code
    case NGHTTP2_GOAWAY.rawValue:
      goaways.append((frame.goaway.last_stream_id, frame.goaway.error_code))
    default: break
    }
  }

  // MARK: Requests

  /// - Parameters:
  ///   - body: nil: none, the head ends the stream.
  ///   - ends: nothing follows `body`.
  func request(
    _ path: String, method: String = "GET", _ fields: [(String, String)] = [],
    body: String? = nil, ends: Bool = true
  ) -> Int32 {
    let head =
      [(":method", method), (":scheme", "http"), (":authority", "example.org"), (":path", path)]
      + fields
    // One piece of memory for all names and values.
    var bytes: [UInt8] = []
    for (name, value) in head { bytes += Array(name.utf8) + Array(value.utf8) }
    let answer = Answer()
    answer.outgoing = Array((body ?? "").utf8)
    answer.endsRequest = ends
    var stream: Int32 = 0
    bytes.withUnsafeMutableBufferPointer { memory in
      var position = 0
      let list = head.map { name, value in
        defer { position += name.utf8.count + value.utf8.count }
        let start = memory.baseAddress.map { $0 + position }
        return nghttp2_nv(
          name: start, value: start.map { $0 + name.utf8.count }, namelen: name.utf8.count,
          valuelen: value.utf8.count, flags: 0)
      }
      guard body != nil || !ends else {
        stream = nghttp2_submit_request(session, nil, list, list.count, nil, nil)
        return
      }
      var provider = nghttp2_data_provider()
      provider.source.ptr = Unmanaged.passUnretained(answer).toOpaque()
      provider.read_callback = { _, _, space, most, flags, source, _ in
        guard let space, let flags, let pointer = source?.pointee.ptr else { return 0 }
        let answer = Unmanaged<Answer>.fromOpaque(pointer).takeUnretainedValue()
        let count = min(most, answer.outgoing.count)
        if count == answer.outgoing.count, answer.endsRequest {
          flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
        } else if count == 0 {
          return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        }
        for index in 0..<count { space[index] = answer.outgoing[index] }
        answer.outgoing.removeFirst(count)
        return count
      }
      stream = nghttp2_submit_request(session, nil, list, list.count, &provider, nil)
    }
    answers[stream] = answer
    flush()
    return stream
  }

  /// More of a body that `request` began.
  func send(_ stream: Int32, _ text: String, ends: Bool = false) {
    guard let answer = answers[stream] else { return }
    answer.outgoing += Array(text.utf8)
    answer.endsRequest = ends
    nghttp2_session_resume_data(session, stream)
    flush()
  }

  /// Bytes of a stream's body that the server does not take yet.
  func unsent(_ stream: Int32) -> Int { answers[stream]?.outgoing.count ?? 0 }

  func reset(_ stream: Int32) {
    nghttp2_submit_rst_stream(session, 0, stream, NGHTTP2_CANCEL.rawValue)
    flush()
  }

  /// Lets the server send so many bytes more on a stream.
  func open(_ stream: Int32, by count: Int32) {
    nghttp2_submit_window_update(session, 0, stream, count)
    flush()
  }

  func flush() {
    while true {
      var data: UnsafePointer<UInt8>?
      let count = nghttp2_session_mem_send(session, &data)
      guard count > 0, let data else { return }
      var sent = 0
      while sent < count {
        let moved = Glibc.send(descriptor, data + sent, count - sent, Int32(MSG_NOSIGNAL))
        guard moved > 0 else { return }
        sent += moved
      }
    }
  }

  // MARK: Answers

  /// Takes in what comes; false when the connection ended or nothing came for ten seconds.
  func pump() -> Bool {
    var space = [UInt8](repeating: 0, count: 65536)
    let count = recv(descriptor, &space, space.count, 0)
    guard count > 0, nghttp2_session_mem_recv(session, space, count) >= 0 else { return false }
    flush()
    return true
  }

  func waits(_ condition: () -> Bool) -> Bool {
    while !condition() { guard pump() else { return condition() } }
    return true
  }

  /// The whole answer, or what there is when it ended otherwise.
  func answer(_ stream: Int32) -> Answer {
    let answer = answers[stream] ?? Answer()
    _ = waits { answer.isOver }
    return answer
  }

  func get(_ path: String, _ fields: [(String, String)] = []) -> Answer {
    answer(request(path, fields))
  }

  /// Whether the server closes the connection.
  func isClosed() -> Bool {
    while pump() {}
    return true
  }
}
