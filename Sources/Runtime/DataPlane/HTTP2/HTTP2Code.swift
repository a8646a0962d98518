import CNghttp2

/// Error codes of RFC 9113 section 7.
enum HTTP2Code {
  static let noError: UInt32 = 0x0
  static let protocolError: UInt32 = 0x1
  static let internalError: UInt32 = 0x2
  static let refusedStream: UInt32 = 0x7
  static let cancel: UInt32 = 0x8
  static let enhanceYourCalm: UInt32 = 0xB

  static func name(_ code: UInt32) -> String { String(cString: nghttp2_http2_strerror(code)) }
}

/// Frame types and flags of RFC 9113 section 6, as the frame header has them.
enum HTTP2Frame {
  static let data: UInt8 = 0x0
  static let headers: UInt8 = 0x1
  static let resetStream: UInt8 = 0x3
  static let settings: UInt8 = 0x4
  static let ping: UInt8 = 0x6
  static let goaway: UInt8 = 0x7
  static let continuation: UInt8 = 0x9

  static let endStream: UInt8 = 0x1
  static let ack: UInt8 = 0x1

  /// Bytes of a frame's header.
  static let headerBytes = 9
}
