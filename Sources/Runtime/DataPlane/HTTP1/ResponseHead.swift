/// The head of an agent's response, parsed in place (RFC 9112 section 4). One per loop, refilled for
/// each response.
final class ResponseHead {
  private(set) var status = 0
  private(set) var reasonRange = 0..<0
  private(set) var framing = BodyFraming.none
  /// The agent keeps the connection open after this response.
  private(set) var keepAlive = true
  private(set) var isEventStream = false
  private(set) var hasDate = false
  /// Of 101: the connection is a WebSocket's from here on. Of 426: it could be.
  private(set) var namesWebSocket = false
  /// The length that was declared, also where no body follows (HEAD, 304).
  private(set) var declaredLength: Int64?
  /// The fields announce a body that such a response cannot have: what the agent sends next may be
  /// anything.
  private(set) var promisesMore = false
  let lines: FieldLines

  init(limits: HTTPLimits) { lines = FieldLines(limits: limits) }

  var isInterim: Bool { (100..<200).contains(status) }

  /// - Parameters:
  ///   - head: exactly what `HeadScanner` found.
  ///   - toHEAD: the request's method was HEAD.
  func parse(_ head: UnsafeRawBufferPointer, toHEAD: Bool) throws(HTTPProblem) {
    let expected: StaticString = "HTTP/1."
    for index in 0..<7 where index >= head.count || head[index] != expected.utf8Start[index] {
      throw .bad("no status line")
    }
    guard head.count > 14, head[7] == UInt8(ascii: "0") || head[7] == UInt8(ascii: "1"),
      head[8] == Byte.space, Byte.isDigit(head[9]), Byte.isDigit(head[10]),
      Byte.isDigit(head[11])
    else { throw .bad("no status line") }
    status = Int(head[9] &- 0x30) * 100 + Int(head[10] &- 0x30) * 10 + Int(head[11] &- 0x30)
    guard status >= 100 else { throw .bad("no status") }
    // A blank, also where no reason follows; some servers leave it out then.
    guard head[12] == Byte.space || head[12] == Byte.carriageReturn else {
      throw .bad("no status line")
    }
    var position = head[12] == Byte.space ? 13 : 12
    let reasonStart = position
    position = Byte.endOfText(head, from: position)
    guard head[position] == Byte.carriageReturn, head[position + 1] == Byte.lineFeed else {
      throw .bad("no status line")
    }
    reasonRange = reasonStart..<position
    try lines.parse(head, from: position + 2)
    let options = lines.connectionOptions(head)
    keepAlive = head[7] == UInt8(ascii: "1") ? !options.close : options.keepAlive
    let declared = try lines.framing(head)
    // RFC 9112 section 6.1: such framing is faulty.
    if declared == .chunked, head[7] == UInt8(ascii: "0") {
      throw .bad("HTTP/1.0 has no Transfer-Encoding")
    }
    declaredLength = nil
    if case .length(let count) = declared { declaredLength = count }
    promisesMore = false
    if toHEAD || isInterim || status == 204 || status == 304 {
      framing = .none
      if !toHEAD {
        promisesMore = declared == .chunked || status == 204 && declaredLength ?? 0 > 0
      }
    } else {
      framing = declared ?? .untilClose
    }
    namesWebSocket =
      (status == 101 || status == 426) && head[7] == UInt8(ascii: "1") && options.upgrade
      && lines.lists(.upgrade, "websocket", head)
    isEventStream = false
    hasDate = false
    for field in lines.fields {
      if field.name == .contentType {
        let value = field.valueBytes(head)
        let type: StaticString = "text/event-stream"
        if value.count >= type.utf8CodeUnitCount {
          isEventStream = FieldName.matches(
            UnsafeRawBufferPointer(rebasing: value[..<type.utf8CodeUnitCount]), type)
        }
      } else if field.name == .date {
        hasDate = true
      }
    }
  }
}
