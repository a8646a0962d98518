/// Frames of RFC 9113 by hand, as no library would send them.
enum Frames {
  static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

  static func frame(
    _ type: UInt8, _ flags: UInt8 = 0, _ stream: UInt32 = 0, _ payload: [UInt8] = []
  )
    -> [UInt8]
  {
    let count = UInt32(payload.count)
    return [16, 8, 0].map { UInt8(truncatingIfNeeded: count >> $0) } + [type, flags]
      + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: stream >> $0) } + payload
  }

  static func settings(_ payload: [UInt8] = []) -> [UInt8] { frame(4, 0, 0, payload) }
  static func ping() -> [UInt8] { frame(6, 0, 0, [UInt8](repeating: 1, count: 8)) }
  static func windowUpdate(_ stream: UInt32, _ increment: UInt32) -> [UInt8] {
    frame(8, 0, stream, [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: increment >> $0) })
  }
  static func reset(_ stream: UInt32, _ code: UInt8 = 8) -> [UInt8] {
    frame(3, 0, stream, [0, 0, 0, code])
  }

  /// A literal field without indexing (RFC 7541 section 6.2.2), at most 126 bytes each.
  static func field(_ name: String, _ value: String) -> [UInt8] {
    [0, UInt8(name.utf8.count)] + Array(name.utf8) + [UInt8(value.utf8.count)] + Array(value.utf8)
  }

  /// The header block of a gRPC call.
  static func call(_ path: String = "/t.T/Hang") -> [UInt8] {
    // Of the static table: POST is 3, http 6.
    [0x83, 0x86] + field(":path", path) + field(":authority", "x")
      + field("content-type", "application/grpc") + field("te", "trailers")
  }

  /// HEADERS with END_HEADERS; `ends`: END_STREAM too.
  static func headers(_ stream: UInt32, _ block: [UInt8], ends: Bool = false) -> [UInt8] {
    frame(1, ends ? 5 : 4, stream, block)
  }
}

struct Frame {
  let type: UInt8
  let flags: UInt8
  let stream: UInt32
  let payload: [UInt8]
}

extension TestClient {
  /// The next frame; nil when the connection ended.
  func frame() -> Frame? {
    guard let head = take(9) else { return nil }
    let count = head[..<3].reduce(0) { $0 << 8 | Int($1) }
    guard let payload = take(count) else { return nil }
    return Frame(
      type: head[3], flags: head[4], stream: head[5...].reduce(0) { $0 << 8 | UInt32($1) },
      payload: payload)
  }

  /// Everything up to the first frame that fits; nil when the connection ended before.
  func frames(until fits: (Frame) -> Bool) -> [Frame]? {
    var found: [Frame] = []
    while let next = frame() {
      found.append(next)
      if fits(next) { return found }
    }
    return nil
  }

  /// The two GOAWAYs of a connection that ends without a mistake, and its end; the PING between them
  /// is answered.
  func isToldToGo(last: UInt8 = 0) -> Bool {
    let first = frames { $0.type == 7 }
    guard first?.last?.payload.prefix(4) == [0x7F, 0xFF, 0xFF, 0xFF],
      first?.contains(where: { $0.type == 6 }) == true
    else { return false }
    send(Frames.frame(6, 1, 0, [UInt8](repeating: 0, count: 8)))
    guard frames(until: { $0.type == 7 })?.last?.payload == [0, 0, 0, last, 0, 0, 0, 0] else {
      return false
    }
    return isClosed()
  }

  /// The error code of the GOAWAY that ends the connection.
  func goawayCode() -> UInt32? {
    let last = frames { $0.type == 7 && $0.payload.dropFirst(4).prefix(4) != [0, 0, 0, 0] }?.last
    return last?.payload.dropFirst(4).prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
  }
}
