/// Why a client's connection of HTTP/1.1 was ended before its time; each is counted.
enum HTTP1End: Int, CaseIterable {
  /// A request that could be read in two ways, or is none.
  case malformed
  /// A method, version or expectation that is not served.
  case unsupported
  case headTooLarge
  case tooManyFields
  case trailersTooLarge
  /// A head that took too long.
  case headerTime
  /// A body of which nothing more came.
  case bodyTime
  /// A response of which the client took nothing more.
  case slowReader
  /// Between requests for too long.
  case idle
  /// The client finished sending and then was not heard of.
  case halfClosed
  /// The client's host answers no more.
  case vanished
  /// It kept sending after the last response.
  case unwanted
  /// There were as many connections as there may be.
  case connections
  /// Not accepted for now: no descriptors, or no memory. Counts the listeners' rests.
  case noDescriptors

  /// As it stands in `/metrics`.
  var name: StaticString {
    switch self {
    case .malformed: "malformed"
    case .unsupported: "unsupported"
    case .headTooLarge: "head_too_large"
    case .tooManyFields: "too_many_fields"
    case .trailersTooLarge: "trailers_too_large"
    case .headerTime: "header_timeout"
    case .bodyTime: "body_timeout"
    case .slowReader: "slow_reader"
    case .idle: "idle"
    case .halfClosed: "half_closed"
    case .vanished: "vanished"
    case .unwanted: "unwanted"
    case .connections: "connections"
    case .noDescriptors: "no_descriptors"
    }
  }

  /// What a refusal counts as.
  init(_ problem: HTTPProblem) {
    self =
      switch problem.status {
      case 408: .headerTime
      case 414: .headTooLarge
      case 417, 501, 505: .unsupported
      case 414: .headTooLarge
      case 431 where problem == .headTooLarge: .headTooLarge
      case 431 where problem == .tooManyFields: .tooManyFields
      case 431: .trailersTooLarge
      default: .malformed
      }
  }
}
