/// Why a connection, or a stream, was ended before its time; each is counted.
enum HTTP2End: Int, CaseIterable {
  /// A frame that RFC 9113 or RFC 7541 forbids.
  case protocolError
  /// HTTP/1.x where only HTTP/2 is spoken.
  case http1
  /// No preface and SETTINGS in time.
  case preface
  /// A header list that took too long.
  case headerTime
  /// A header list that is packed to do harm.
  case headerBomb
  /// Frames that move nothing, too many.
  case flood
  /// Streams reset, too many.
  case resets
  /// It makes us write and reads nothing.
  case unread
  /// No answer to PING.
  case silent
  case idle
  /// One stream: its reader took nothing.
  case stalled
  /// One stream: more header fields, or bytes of them, than there may be.
  case headerTooLarge
  /// One stream: more than there may be at once.
  case streams

  /// As it stands in `/metrics`.
  var name: StaticString {
    switch self {
    case .protocolError: "protocol_error"
    case .http1: "http1"
    case .preface: "preface_timeout"
    case .headerTime: "header_timeout"
    case .headerBomb: "header_bomb"
    case .flood: "flood"
    case .resets: "resets"
    case .unread: "unread"
    case .silent: "silent"
    case .idle: "idle"
    case .stalled: "stalled"
    case .headerTooLarge: "header_too_large"
    case .streams: "streams"
    }
  }
}
