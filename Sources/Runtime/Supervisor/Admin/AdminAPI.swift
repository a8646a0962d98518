package import DataPlane
import Lifecycle

/// `/supervisor/agents` and what is below it: which agents there are to be, for those who have the
/// token. On the main thread.
///
/// Whatever changes something is written to the disk first, then told to the log and the driver, then
/// answered with 202: what comes of it, `/supervisor/status` and the log say.
package final class AdminAPI: ControlHandler {
  let keeper: DesiredAgents
  private let gate: TokenGate

  package init(_ keeper: DesiredAgents, gate: TokenGate) {
    self.keeper = keeper
    self.gate = gate
  }

  package func take(_ request: ControlRequest, _ reply: any ControlReply) -> Bool {
    guard request.path == AdminRoute.root || request.path.hasPrefix(AdminRoute.root + "/") else {
      return false
    }
    answer(request).send(reply)
    return true
  }

  func answer(_ request: ControlRequest) -> AdminAnswer {
    if let refusal = TokenGate.refusal(gate.judge(request)) {
      return refusal.answer(state: keeper.phase.rawValue, requestID: request.requestID)
    }
    guard let route = AdminRoute(path: request.path) else {
      return AdminRefusal(404, "Nothing is served at this path")
        .answer(state: keeper.phase.rawValue, requestID: request.requestID)
    }
    let isReading = request.method == "GET" || request.method == "HEAD"
    var answer: AdminAnswer
    var agent = route.agent
    do throws(AdminRefusal) {
      guard route.methods.contains(request.method) else {
        throw AdminRefusal(
          405, "\(route.methods.joined(separator: ", ")) are what this path takes",
          fields: [("Allow", route.methods.joined(separator: ", "))])
      }
      if isReading {
        answer = try read(route, request)
      } else {
        answer = try change(route, request, &agent)
      }
    } catch {
      answer = error.answer(state: keeper.phase.rawValue, requestID: request.requestID)
    }
    if !isReading {
      keeper.tell(
        .supervisor(
          .adminRequest(
            AdminRequestFacts(
              method: request.method, path: request.path, status: answer.status, agent: agent,
              peer: request.peer))), about: agent)
    }
    return answer
  }

  // MARK: - Reading

  private func read(
    _ route: AdminRoute, _ request: ControlRequest
  ) throws(AdminRefusal) -> AdminAnswer {
    let body: JSONValue
    let tag: String
    switch route {
    case .agents:
      let agents = keeper.state.agents.sorted { $0.key < $1.key }
      let reasons = keeper.fleet?.view(usage: false).agents.reduce(into: [:]) {
        $0[$1.id] = $1.reason?.sentence
      }
      body = .members([
        "agents": .array(agents.map { $0.value.shown(with: reasons?[$0.key]) })
      ])
      tag = ConfigWatch.hash(JSONWriter.encode(body))
    case .agent(let id), .restart(let id), .rollback(let id):
      let agent = try known(id)
      body = agent.shown
      tag = agent.spec.revision
    }
    let fields = [("ETag", "\"\(tag)\""), ("Cache-Control", "no-cache")]
    if let known = request.ifNoneMatch, EntityTags(known).names(tag) {
      return AdminAnswer(304, nil, fields: fields)
    }
    return AdminAnswer(200, body, fields: fields)
  }

  func known(_ id: String) throws(AdminRefusal) -> DesiredAgent {
    guard let agent = keeper.state.agents[id] else {
      throw AdminRefusal(FleetRefusal.unknownAgent(id))
    }
    return agent
  }
}

extension DesiredAgent {
  /// For those who have the token; still without secrets.
  var shown: JSONValue { .object(members) }

  /// With why it, or the change of it, failed; nil: it did not.
  func shown(with reason: String?) -> JSONValue {
    .object(members + [JSONMember("reason", reason.map { .string($0) } ?? .null)])
  }

  private var members: [JSONMember] {
    [
      JSONMember("agent_app_id", .string(spec.agentAppID)),
      JSONMember("revision", .string(spec.revision)),
      JSONMember("source", .string(source.rawValue)), JSONMember("spec", spec.shown),
    ]
  }
}
