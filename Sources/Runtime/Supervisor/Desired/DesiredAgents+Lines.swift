import Lifecycle

extension DesiredAgents {
  /// Bytes of texts in one line of the log: a longer line would lose some of them.
  static let lineBytes = LogLine.maximumLength / 2

  func tell(_ event: LogEvent, about agent: String? = nil) { listener.log(event, agent) }

  /// Tells the log and the driver what changes, in pieces that fit a line: what a line says is done
  /// before the next one.
  func carryOut(
    _ changes: DesiredState.Changes, from source: DesiredSource, revision: String?
  ) {
    for piece in Self.pieces(changes) {
      tell(
        .supervisor(
          .desiredState(
            DesiredStateFacts(
              source: source, revision: revision, added: piece.added, changed: piece.changed,
              removed: piece.removed))))
      let cause = isLoaded ? source.cause : .start
      for id in piece.removed { remove(id, cause: source.cause) }
      for id in piece.changed { deploy(id, cause: source.cause) }
      for id in piece.added { deploy(id, cause: cause, isStart: !isLoaded) }
    }
  }

  /// A former version is desired again.
  func rolledBack(_ id: String, to spec: AgentSpec) {
    tell(
      .supervisor(
        .desiredState(
          DesiredStateFacts(
            source: .api, revision: spec.revision, added: [], changed: [id], removed: []))))
    deploy(id, cause: .rollback)
  }

  static func pieces(_ changes: DesiredState.Changes) -> [DesiredState.Changes] {
    var pieces = [DesiredState.Changes()]
    var bytes = 0
    func add(_ ids: [String], _ list: WritableKeyPath<DesiredState.Changes, [String]>) {
      for id in ids {
        // With quotation marks and comma.
        let more = id.utf8.count + 3
        if bytes + more > lineBytes {
          pieces.append(DesiredState.Changes())
          bytes = 0
        }
        bytes += more
        pieces[pieces.count - 1][keyPath: list].append(id)
      }
    }
    // What goes makes room for what comes.
    add(changes.removed, \.removed)
    add(changes.changed, \.changed)
    add(changes.added, \.added)
    return pieces
  }

  /// As many sentences as fit a line, and how many more there are.
  static func fitting(_ errors: [String]) -> [String] {
    var bytes = 0
    let kept = errors.prefix {
      bytes += $0.utf8.count + 3
      return bytes <= lineBytes
    }
    let more = errors.count - kept.count
    return kept + (more > 0 ? ["and \(more) more"] : [])
  }
}

extension DesiredSource {
  fileprivate var cause: DeploymentCause {
    switch self {
    case .config: .config
    case .api: .api
    // What the state alone knows was deployed at the start.
    case .state: .start
    }
  }
}
