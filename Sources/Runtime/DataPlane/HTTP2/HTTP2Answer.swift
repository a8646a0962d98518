import Lifecycle

/// A request that is answered at once with a status and a sentence, whatever else it says.
final class HTTP2Answer: HTTP2Stream {
  private let status: Int
  private let text: String
  private let allow: StaticString?

  init(
    connection: HTTP2ClientConnection, id: Int32, status: Int, _ text: String,
    allow: StaticString? = nil
  ) {
    self.status = status
    self.text = text
    self.allow = allow
    super.init(connection: connection, id: id)
  }

  override func begin(_ head: HeaderBlock) {
    var requestID = head.first(.requestID).map(Array.init) ?? []
    if requestID.isEmpty { loop.identifiers.append(to: &requestID) }
    let body = ErrorAnswer.body(
      text, state: loop.state().snapshot.state, requestID: requestID)
    let answer = loop.http2.answer
    answer.clear()
    answer.add(":status", decimal: status)
    answer.add("content-type", "application/json")
    answer.add("content-length", decimal: body.count)
    answer.add("date", loop.dates.now())
    if let allow { answer.add("allow", allow) }
    loop.counters.request(.a2a, status: status)
    if head.first(.method).map({ HeaderName.equals($0, "HEAD") }) ?? false {
      return sendHead(answer, ends: true)
    }
    sendHead(answer, ends: false)
    body.withUnsafeBytes { send($0) }
    endOutput()
  }

  override func received(_ bytes: UnsafeRawBufferPointer) { consume(bytes.count) }
}
