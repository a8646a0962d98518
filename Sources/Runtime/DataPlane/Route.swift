/// Where a request goes. Offsets are into the normal path.
enum Route: Equatable {
  case health
  case livez
  case metrics
  case meta
  case surfaceHealth(Surface)
  /// `/agents/{id}/health` of another agent.
  case otherAgent
  /// A file beneath the UI folder; the path below `P/ui/` starts at the offset.
  case uiFile(from: Int)
  /// `P/ui`, and `/` on the UI port.
  case uiRedirect
  case uiConfig
  /// The agent's path starts at the offset, at its slash; at the end of the path it is `/`.
  case agent(from: Int, underBase: Bool)
  /// `/agents/{id}` and below, of a supervisor; the id begins behind `/agents/` and ends here.
  case agents(idEnd: Int)
  /// `/supervisor` and below, of a supervisor.
  case control
  case notFound
  /// `OPTIONS *`: about the server, not a path.
  case server

  enum Surface: Equatable { case a2a, ui }
}

/// Finds the route of a normal path: built-in routes first, on whole segments.
struct Router: Sendable {
  private let base: [UInt8]
  private let ownHealth: [UInt8]
  let multiplexed: Bool

  init(_ options: DataPlaneOptions) {
    base = Array(options.basePath.utf8)
    ownHealth = Array("/agents/\(options.agentAppID)/health".utf8)
    multiplexed = options.multiplexed
  }

  /// - Parameter hasUI: without a UI surface its paths are the agent's; on the UI port, nobody's.
  func route(_ path: [UInt8], port: Port, hasUI: Bool) -> Route {
    let underBase = isUnderBase(path)
    switch port {
    case .rest: return restRoute(path, underBase: underBase, hasUI: hasUI && multiplexed)
    case .ui: return uiRoute(path, underBase: underBase, hasUI: hasUI)
    case .a2a: return .notFound
    }
  }

  private func restRoute(_ path: [UInt8], underBase: Bool, hasUI: Bool) -> Route {
    if Self.ends(path, from: 0, "/health") || path == ownHealth { return .health }
    if Self.ends(path, from: 0, "/livez") { return .livez }
    if Self.ends(path, from: 0, "/metrics") { return .metrics }
    if let surface = surfaceHealth(path, from: 0) { return surface }
    if underBase {
      let rest = base.count
      if Self.ends(path, from: rest, "/health") { return .health }
      if Self.ends(path, from: rest, "/meta") { return .meta }
      if let surface = surfaceHealth(path, from: rest) { return surface }
      if hasUI, let route = underUI(path, from: rest) { return route }
    }
    if isAgentHealth(path) { return .otherAgent }
    return .agent(from: underBase ? base.count : 0, underBase: underBase)
  }

  /// Where an id begins.
  static let idStart = "/agents/".utf8.count

  /// A supervisor's routes.
  @inline(never)
  static func supervisorRoute(_ path: [UInt8], port: Port) -> Route {
    guard port == .rest else { return .notFound }
    if starts(path, from: 0, "/agents/") {
      let end = path[Self.idStart...].firstIndex(of: Byte.slash) ?? path.count
      return end > Self.idStart ? .agents(idEnd: end) : .notFound
    }
    if starts(path, from: 0, "/supervisor"),
      path.count == "/supervisor".utf8.count || path["/supervisor".utf8.count] == Byte.slash
    {
      return .control
    }
    if ends(path, from: 0, "/health") { return .health }
    if ends(path, from: 0, "/livez") { return .livez }
    if ends(path, from: 0, "/metrics") { return .metrics }
    return .notFound
  }

  /// Of an agent's path: what its worker answers from what it knows of itself, in every state.
  static func isAboutAgent(_ path: [UInt8], from start: Int) -> Bool {
    path[start...].elementsEqual("/health".utf8) || path[start...].elementsEqual("/meta".utf8)
      || path[start...].elementsEqual("/a2a/health".utf8)
      || path[start...].elementsEqual("/ui/health".utf8)
  }

  private func uiRoute(_ path: [UInt8], underBase: Bool, hasUI: Bool) -> Route {
    if Self.ends(path, from: 0, "/health") || path == ownHealth { return .health }
    if underBase {
      let rest = base.count
      if Self.ends(path, from: rest, "/health") { return .health }
      if hasUI, let route = underUI(path, from: rest) { return route }
      if Self.ends(path, from: rest, "/api") || Self.starts(path, from: rest, "/api/") {
        return .agent(from: rest, underBase: true)
      }
    }
    if hasUI, Self.ends(path, from: 0, "/") { return .uiRedirect }
    return isAgentHealth(path) ? .otherAgent : .notFound
  }

  private func underUI(_ path: [UInt8], from start: Int) -> Route? {
    if Self.starts(path, from: start, "/ui/") { return .uiFile(from: start + 4) }
    if Self.ends(path, from: start, "/ui") { return .uiRedirect }
    if Self.ends(path, from: start, "/ui-config.json") { return .uiConfig }
    return nil
  }

  private func surfaceHealth(_ path: [UInt8], from start: Int) -> Route? {
    if Self.ends(path, from: start, "/a2a/health") { return .surfaceHealth(.a2a) }
    if Self.ends(path, from: start, "/ui/health") { return .surfaceHealth(.ui) }
    return nil
  }

  private func isUnderBase(_ path: [UInt8]) -> Bool {
    guard path.count >= base.count else { return false }
    for index in base.indices where path[index] != base[index] { return false }
    return path.count == base.count || path[base.count] == Byte.slash
  }

  /// `/agents/{one segment}/health`.
  private func isAgentHealth(_ path: [UInt8]) -> Bool {
    let (head, tail) = ("/agents/".utf8.count, "/health".utf8.count)
    guard path.count > head + tail, Self.starts(path, from: 0, "/agents/"),
      Self.ends(path, from: path.count - tail, "/health")
    else { return false }
    return !path[head..<(path.count - tail)].contains(Byte.slash)
  }

  @inline(__always)
  private static func ends(_ path: [UInt8], from start: Int, _ text: StaticString) -> Bool {
    path.count - start == text.utf8CodeUnitCount && starts(path, from: start, text)
  }

  @inline(__always)
  private static func starts(_ path: [UInt8], from start: Int, _ text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    guard path.count - start >= count else { return false }
    for index in 0..<count where path[start + index] != text.utf8Start[index] { return false }
    return true
  }
}
