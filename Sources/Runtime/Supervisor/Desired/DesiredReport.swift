/// What is to stand in the log of the desired state and its changes.
package enum DesiredReport: Sendable, Equatable {
  /// Where agents came from.
  package enum Source: String, Sendable { case config, state, api }

  /// `desired_state`. `revision` is the document's, or the agent's.
  case desired(Source, revision: String?, DesiredState.Changes)
  /// `desired_refused`: what was found is not in force. Once for each thing found, not at every look.
  case refused(Source, errors: [String])
  /// `warning`.
  case warning(code: String, message: String)
  /// `admin_request`.
  case adminRequest(AdminRequestFacts)
}

/// A request of the admin API that changed something, or wanted to.
package struct AdminRequestFacts: Sendable, Equatable {
  package var method: String
  package var path: String
  package var status: Int
  package var agent: String?
  /// The client's address, without the port.
  package var peer: String

  package init(method: String, path: String, status: Int, agent: String?, peer: String) {
    self.method = method
    self.path = path
    self.status = status
    self.agent = agent
    self.peer = peer
  }
}
