import DataPlane
import Lifecycle

/// Requests for `/supervisor` and what is below it.
extension SupervisorRun {
  func answer(_ request: ControlRequest, _ reply: any ControlReply) {
    for handler in handlers where handler.take(request, reply) { return }
    reply.answer(
      404,
      body: JSONWriter.encode(
        .members([
          "error": .string("Nothing is served at this path"),
          "state": .string(supervision.phase.name.rawValue),
          "request_id": .string(request.requestID),
        ])))
  }
}
