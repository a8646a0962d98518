import DataPlane
import Lifecycle

/// What a request of the admin API is answered with.
struct AdminAnswer: Equatable {
  var status: Int
  var fields: [(name: String, value: String)] = []
  /// nil: no body.
  var body: JSONValue?

  init(_ status: Int, _ body: JSONValue?, fields: [(name: String, value: String)] = []) {
    self.status = status
    self.body = body
    self.fields = fields
  }

  static func == (left: AdminAnswer, right: AdminAnswer) -> Bool {
    left.status == right.status && left.body == right.body
      && left.fields.elementsEqual(right.fields, by: ==)
  }

  func send(_ reply: any ControlReply) {
    reply.answer(
      status, fields: fields, contentType: body == nil ? "" : "application/json",
      body: body.map { JSONWriter.encode($0) } ?? [])
  }
}

/// Why a request was not done.
struct AdminRefusal: Error, Equatable {
  var status: Int
  var error: String
  var problems: [DesiredProblem] = []
  var hint: String?
  var fields: [(name: String, value: String)] = []

  init(
    _ status: Int, _ error: String, problems: [DesiredProblem] = [], hint: String? = nil,
    fields: [(name: String, value: String)] = []
  ) {
    self.status = status
    self.error = error
    self.problems = problems
    self.hint = hint
    self.fields = fields
  }

  static func == (left: AdminRefusal, right: AdminRefusal) -> Bool {
    left.status == right.status && left.error == right.error && left.problems == right.problems
      && left.hint == right.hint && left.fields.elementsEqual(right.fields, by: ==)
  }

  init(_ problems: DesiredProblems) {
    let found = problems.problems
    self.init(
      422, found.count == 1 ? found[0].description : "The agent's specification has mistakes",
      problems: found)
  }

  init(_ refusal: FleetRefusal) {
    switch refusal {
    case .unknownAgent: self.init(404, refusal.sentence)
    case .changing, .tooManyAgents: self.init(409, refusal.sentence)
    case .draining: self.init(503, refusal.sentence, fields: [("Retry-After", "1")])
    }
  }

  init(_ failure: StateFile.Failure) {
    let explanation = failure.explanation
    let status =
      switch failure {
      case .full, .tooLong: 507
      case .taken, .folder, .stuck, .unwritten: 500
      }
    self.init(status, explanation.error, hint: explanation.hint)
  }

  func answer(state: String, requestID: String) -> AdminAnswer {
    var members = [JSONMember("error", .string(error))]
    if !problems.isEmpty {
      members.append(
        JSONMember(
          "problems",
          .array(
            problems.map { .members(["path": .string($0.path), "error": .string($0.error)]) })))
    }
    if let hint { members.append(JSONMember("hint", .string(hint))) }
    members += [
      JSONMember("state", .string(state)), JSONMember("request_id", .string(requestID)),
    ]
    return AdminAnswer(status, .object(members), fields: fields)
  }
}
