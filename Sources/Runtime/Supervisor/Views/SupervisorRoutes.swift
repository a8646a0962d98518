package import DataPlane
internal import Lifecycle

/// The routes of the supervisor that change nothing: the page, what it shows, and the log.
package final class SupervisorRoutes: ControlHandler {
  /// Whether a request has the token; when it has not, it has been answered.
  package typealias Authorization = (ControlRequest, any ControlReply) -> Bool

  private unowned let fleet: any Fleet
  private let hub: EventHub?
  private let isAuthorized: Authorization
  private let hasToken: (ControlRequest) -> Bool
  private let page = SupervisorPage()
  private var usage = UsageCache()

  /// - Parameters:
  ///   - fleet: outlives this.
  ///   - hub: has every line of the log; nil: nobody may read it.
  ///   - isAuthorized: asked before anything of the log is shown.
  ///   - hasToken: asked where everybody is answered, and told more who has it.
  package init(
    fleet: any Fleet, hub: EventHub?, hasToken: @escaping (ControlRequest) -> Bool,
    isAuthorized: @escaping Authorization
  ) {
    self.fleet = fleet
    self.hub = hub
    self.hasToken = hasToken
    self.isAuthorized = isAuthorized
  }

  package func take(_ request: ControlRequest, _ reply: any ControlReply) -> Bool {
    guard let route = Route(rawValue: request.path) else { return false }
    guard request.method == "GET" || request.method == "HEAD" else {
      refuse(
        405, "\(request.path) is read with GET", request, reply,
        fields: [("Allow", "GET, HEAD")])
      return true
    }
    switch route {
    // Relative, so that it is right behind a proxy that serves this under another path.
    case .folder:
      reply.answer(308, fields: [("Location", "supervisor/")], contentType: "", body: [])
    case .page: answerPage(request, reply)
    case .status:
      answer(FleetBody.status(fleet.view(usage: false), isWhole: hasToken(request)), reply)
    case .processes: answer(FleetBody.processes(usage.view(of: fleet)), reply)
    case .fleet:
      answer(FleetBody.fleet(usage.view(of: fleet), isWhole: hasToken(request)), reply)
    case .events: answerEvents(request, reply)
    }
    return true
  }

  private enum Route: String {
    case folder = "/supervisor"
    case page = "/supervisor/"
    case status = "/supervisor/status"
    case processes = "/supervisor/processes"
    case fleet = "/supervisor/fleet"
    case events = "/supervisor/events"
  }

  private func answer(_ body: JSONValue, _ reply: any ControlReply) {
    reply.answer(
      200, fields: [("Cache-Control", "no-store")], contentType: "application/json",
      body: JSONWriter.encode(body))
  }

  private func answerPage(_ request: ControlRequest, _ reply: any ControlReply) {
    if let tags = request.ifNoneMatch, tags == "*" || tags.contains(page.tag) {
      return reply.answer(304, fields: [("ETag", page.tag)], contentType: "", body: [])
    }
    reply.answer(
      200, fields: page.fields, contentType: "text/html; charset=utf-8", body: page.body)
  }

  private func answerEvents(_ request: ControlRequest, _ reply: any ControlReply) {
    guard isAuthorized(request, reply), let hub else { return }
    let query: EventsQuery
    do { query = try EventsQuery(request.query) } catch {
      return refuse(400, error.sentence, request, reply)
    }
    if let agent = query.agent, fleet.view(usage: false).agent(agent) == nil {
      return refuse(404, FleetRefusal.unknownAgent(agent).sentence, request, reply)
    }
    var lastID: Int64?
    if let field = request.lastEventID, !field.isEmpty {
      guard let number = Int64(field), number >= 0 else {
        return refuse(400, "Last-Event-ID is no id of an event", request, reply)
      }
      lastID = number
    }
    guard request.method == "GET" else {
      return reply.answer(200, fields: [], contentType: "text/event-stream", body: [])
    }
    guard hub.open(agent: query.agent, lastID: lastID, tail: query.tail, reply: reply) else {
      return refuse(
        503, "as many read the log as may (\(hub.limits.readers))", request, reply,
        fields: [("Retry-After", "5")])
    }
  }

  private func refuse(
    _ status: Int, _ sentence: String, _ request: ControlRequest, _ reply: any ControlReply,
    fields: [(name: String, value: String)] = []
  ) {
    reply.answer(
      status, fields: fields, contentType: "application/json",
      body: JSONWriter.encode(
        .members([
          "error": .string(sentence),
          "state": .string(fleet.phase.rawValue),
          "request_id": .string(request.requestID),
        ])))
  }
}
