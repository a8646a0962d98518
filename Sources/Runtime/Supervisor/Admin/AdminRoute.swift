import RunConfiguration

/// What a path below `/supervisor/agents` means.
enum AdminRoute: Equatable {
  case agents
  case agent(String)
  case restart(String)
  case rollback(String)

  static let root = "/supervisor/agents"

  /// nil: it is none of these. An id that cannot be one leads nowhere.
  init?(path: String) {
    guard path.hasPrefix(Self.root) else { return nil }
    let rest = path.dropFirst(Self.root.count)
    guard !rest.isEmpty else {
      self = .agents
      return
    }
    guard rest.first == "/" else { return nil }
    let parts = rest.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    guard let id = parts.first.map(String.init), AgentAppID.isGood(id) else { return nil }
    switch parts.dropFirst() {
    case []: self = .agent(id)
    case ["restart"]: self = .restart(id)
    case ["rollback"]: self = .rollback(id)
    default: return nil
    }
  }

  var agent: String? {
    switch self {
    case .agents: nil
    case .agent(let id), .restart(let id), .rollback(let id): id
    }
  }

  /// For `Allow`.
  var methods: [String] {
    switch self {
    case .agents: ["GET", "HEAD", "POST"]
    case .agent: ["GET", "HEAD", "PUT", "DELETE"]
    case .restart, .rollback: ["POST"]
    }
  }

  static func location(_ id: String) -> String { "\(root)/\(id)" }
}
