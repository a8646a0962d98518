/// Where a gRPC call goes.
enum GRPCRoute: Equatable {
  /// `pixell.agent.AgentService/Health`.
  case agentHealth
  case check
  case watch
  /// Another method of `grpc.health.v1.Health`.
  case unknownHealth
  /// The agent knows it, or not.
  case agent
}

/// Finds the route of a `:path`.
struct GRPCRouter: Sendable {
  private let prefix: [UInt8]

  /// With one agent, calls beneath `/agents/{its id}/a2a` are served as if that were not there.
  init(_ options: DataPlaneOptions) { prefix = Array("/agents/\(options.agentAppID)/a2a".utf8) }

  /// How much of a path is the prefix: all of it before a slash, or nothing.
  @inline(__always)
  func prefixCount(_ path: UnsafeRawBufferPointer) -> Int {
    guard path.count > prefix.count, path[prefix.count] == Byte.slash else { return 0 }
    for index in prefix.indices where path[index] != prefix[index] { return 0 }
    return prefix.count
  }

  /// The id in a path beneath `/agents/{id}/a2a`, of a supervisor.
  /// - Returns: nil: the path is another one.
  static func agentID(_ path: UnsafeRawBufferPointer) -> Range<Int>? {
    let start = Router.idStart
    guard path.count > start,
      HeaderName.equals(UnsafeRawBufferPointer(rebasing: path[..<start]), "/agents/"),
      let end = path[start...].firstIndex(of: Byte.slash), end > start,
      path.count > end + 4,
      HeaderName.equals(UnsafeRawBufferPointer(rebasing: path[end..<(end + 5)]), "/a2a/")
    else { return nil }
    return start..<end
  }

  /// Whether a path can name a method: `/`, and characters of RFC 3986 section 3.3.
  @inline(__always)
  static func isPath(_ path: UnsafeRawBufferPointer) -> Bool {
    path.first == Byte.slash
      && path.allSatisfy { ByteSet.pathLiteral.contains($0) || $0 == Byte.percent }
  }

  /// - Parameter path: without the prefix.
  @inline(__always)
  func route(_ path: UnsafeRawBufferPointer) -> GRPCRoute {
    // Every method that is answered here is in one of two services, told apart by a character.
    guard path.count > 20 else { return .agent }
    if path[1] == UInt8(ascii: "p") {
      return HeaderName.equals(path, "/pixell.agent.AgentService/Health") ? .agentHealth : .agent
    }
    guard path[1] == UInt8(ascii: "g"),
      HeaderName.equals(UnsafeRawBufferPointer(rebasing: path[..<21]), "/grpc.health.v1.Healt"),
      path.count > 22, path[21] == UInt8(ascii: "h"), path[22] == Byte.slash
    else { return .agent }
    if HeaderName.equals(path, "/grpc.health.v1.Health/Check") { return .check }
    if HeaderName.equals(path, "/grpc.health.v1.Health/Watch") { return .watch }
    return .unknownHealth
  }
}

/// The media type of gRPC: `application/grpc`, alone or with a subtype of its own or parameters.
enum GRPCContentType {
  static func matches(_ value: UnsafeRawBufferPointer?) -> Bool {
    let name: StaticString = "application/grpc"
    guard let value, value.count >= name.utf8CodeUnitCount,
      FieldName.matches(
        UnsafeRawBufferPointer(rebasing: value[..<name.utf8CodeUnitCount]), name)
    else { return false }
    guard value.count > name.utf8CodeUnitCount else { return true }
    switch value[name.utf8CodeUnitCount] {
    case UInt8(ascii: "+"), Byte.semicolon, Byte.space: return true
    default: return false
    }
  }
}
