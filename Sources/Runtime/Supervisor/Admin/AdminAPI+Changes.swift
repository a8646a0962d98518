import DataPlane
import Lifecycle

extension AdminAPI {
  /// Bodies that are read.
  private static let contentTypes: Set<String> = [
    "application/json", "application/yaml", "application/x-yaml", "text/yaml",
  ]

  /// - Parameter agent: whom it is about, once that is known.
  func change(
    _ route: AdminRoute, _ request: ControlRequest, _ agent: inout String?
  ) throws(AdminRefusal) -> AdminAnswer {
    // Until the config is read nobody knows which agents are its own.
    guard keeper.isLoaded else {
      throw AdminRefusal(
        503, "the config is still being read", fields: [("Retry-After", "1")])
    }
    switch route {
    case .agents:
      let spec = try spec(request, agentAppID: nil)
      agent = spec.agentAppID
      return try create(spec, request)
    case .agent(let id):
      if request.method == "DELETE" { return try delete(id, request) }
      let spec = try spec(request, agentAppID: id)
      return try put(spec, request)
    case .restart(let id): return try restart(id, request)
    case .rollback(let id): return try rollBack(id, request)
    }
  }

  private func spec(
    _ request: ControlRequest, agentAppID: String?
  ) throws(AdminRefusal) -> AgentSpec {
    let type = request.contentType?.prefix { $0 != ";" }.filter { $0 != " " }.lowercased() ?? ""
    guard Self.contentTypes.contains(type) else {
      throw AdminRefusal(
        415,
        "an agent is described in application/json or application/yaml, and the request is "
          + (type.isEmpty ? "without a Content-Type" : "of another Content-Type"),
        fields: [("Accept", "application/json, application/yaml")])
    }
    let limit = keeper.document.limits.documentBytes
    guard request.body.count <= limit else {
      throw AdminRefusal(413, "the body is larger than \(limit) bytes")
    }
    do throws(DesiredProblems) {
      return try keeper.document.readOne(request.body, agentAppID: agentAppID)
    } catch {
      throw AdminRefusal(error)
    }
  }

  // MARK: - Rules

  /// RFC 9110 section 13.2: asked after everything but what the change itself may meet.
  private func checkConditions(
    _ request: ControlRequest, _ current: DesiredAgent?
  ) throws(AdminRefusal) {
    let tag = current?.spec.revision
    if let wanted = request.listed("if-match"), !EntityTags(wanted).permitsChange(of: tag) {
      throw AdminRefusal(
        412,
        tag.map { "the agent's revision is \($0) now: read it again" } ?? "there is no such agent")
    }
    if let unwanted = request.listed("if-none-match"), EntityTags(unwanted).names(tag) {
      throw AdminRefusal(412, "there is such an agent already")
    }
  }

  private func checkSource(_ agent: DesiredAgent?) throws(AdminRefusal) {
    guard let agent, agent.source == .config else { return }
    throw AdminRefusal(
      409,
      "agent \(agent.spec.agentAppID) is listed in SUPERVISOR_CONFIG, which alone decides on it: "
        + "change it there")
  }

  private func check(_ command: FleetCommand) throws(AdminRefusal) {
    if let refusal = keeper.fleet?.refusal(of: command) { throw AdminRefusal(refusal) }
  }

  private func keep(_ next: DesiredState) throws(AdminRefusal) {
    if let problem = keeper.fileProblem {
      throw AdminRefusal(500, problem.error, hint: problem.hint)
    }
    do throws(StateFile.Failure) { try keeper.commit(next) } catch { throw AdminRefusal(error) }
  }

  private func accepted(_ id: String, revision: String?, changed: Bool = true) -> AdminAnswer {
    var members = [JSONMember("agent_app_id", .string(id))]
    var fields: [(name: String, value: String)] = []
    if let revision {
      members.append(JSONMember("revision", .string(revision)))
      fields = [("Location", AdminRoute.location(id)), ("ETag", "\"\(revision)\"")]
    }
    members.append(JSONMember("changed", .bool(changed)))
    return AdminAnswer(202, .object(members), fields: fields)
  }

  // MARK: - Changes

  private func create(
    _ spec: AgentSpec, _ request: ControlRequest
  ) throws(AdminRefusal) -> AdminAnswer {
    let id = spec.agentAppID
    let current = keeper.state.agents[id]
    try checkSource(current)
    guard current == nil else {
      throw AdminRefusal(
        409, "there is an agent \(id) already: PUT \(AdminRoute.location(id)) changes it")
    }
    return try deploy(spec, DesiredState.Changes(added: [id]))
  }

  private func put(
    _ spec: AgentSpec, _ request: ControlRequest
  ) throws(AdminRefusal) -> AdminAnswer {
    let id = spec.agentAppID
    let current = keeper.state.agents[id]
    try checkConditions(request, current)
    try checkSource(current)
    guard let current else { return try deploy(spec, DesiredState.Changes(added: [id])) }
    // Also while the change to it runs: who did not hear the first answer asks again.
    guard current.spec.revision != spec.revision else {
      return accepted(id, revision: spec.revision, changed: false)
    }
    return try deploy(spec, DesiredState.Changes(changed: [id]))
  }

  private func deploy(
    _ spec: AgentSpec, _ changes: DesiredState.Changes
  ) throws(AdminRefusal) -> AdminAnswer {
    try check(.deploy(spec.agentAppID, .api))
    var next = keeper.state
    next.put(spec)
    try keep(next)
    keeper.carryOut(changes, from: .api, revision: spec.revision)
    return accepted(spec.agentAppID, revision: spec.revision)
  }

  private func delete(_ id: String, _ request: ControlRequest) throws(AdminRefusal) -> AdminAnswer {
    let current = keeper.state.agents[id]
    try checkSource(current)
    guard current != nil else {
      // Asked for already, and on its way.
      if case .changing(_, to: nil) = keeper.fleet?.refusal(of: .remove(id, .api)) {
        return accepted(id, revision: nil, changed: false)
      }
      throw AdminRefusal(FleetRefusal.unknownAgent(id))
    }
    try checkConditions(request, current)
    if let refusal = keeper.fleet?.refusal(of: .remove(id, .api)), refusal != .unknownAgent(id) {
      throw AdminRefusal(refusal)
    }
    var next = keeper.state
    next.remove(id)
    try keep(next)
    keeper.carryOut(DesiredState.Changes(removed: [id]), from: .api, revision: nil)
    return accepted(id, revision: nil)
  }

  private func restart(_ id: String, _ request: ControlRequest) throws(AdminRefusal) -> AdminAnswer
  {
    let agent = try known(id)
    try checkConditions(request, agent)
    do throws(FleetRefusal) { try keeper.restart(id) } catch { throw AdminRefusal(error) }
    return accepted(id, revision: agent.spec.revision)
  }

  private func rollBack(
    _ id: String, _ request: ControlRequest
  ) throws(AdminRefusal) -> AdminAnswer {
    let agent = try known(id)
    try checkConditions(request, agent)
    try check(.deploy(id, .rollback))
    var next = keeper.state
    guard let previous = next.rollBack(id) else {
      throw AdminRefusal(
        409, "no other version of agent \(id) has served: there is nothing to roll back to")
    }
    try keep(next)
    keeper.rolledBack(id, to: previous)
    return accepted(id, revision: previous.revision)
  }
}

extension ControlRequest {
  /// All values of a field that is a list; nil: it is absent.
  fileprivate func listed(_ name: String) -> String? {
    let values = fields.filter { $0.name.lowercased() == name }.map(\.value)
    return values.isEmpty ? nil : values.joined(separator: ", ")
  }
}
