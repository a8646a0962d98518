import Glibc
import Lifecycle
import Synchronization

/// Requests for `/supervisor` and below: collected as a whole, answered by somebody else.
extension ClientConnection {
  /// Begins to collect a control request.
  /// - Parameter query: with its question mark, or empty.
  @inline(never)
  func collect(_ head: UnsafeRawBufferPointer, query: UnsafeRawBufferPointer) {
    let limits = loop.shared.options.agents
    if let length = body.remaining, length > limits.controlBody {
      return answerError(413, Self.controlBodyTooLarge(limits))
    }
    guard loop.shared.enterControl() else {
      return answerError(503, "Too many control requests are being answered now")
    }
    let request = loop.requestHead
    let exchange = ControlExchange(
      ControlRequest(
        method: methodText, path: String(decoding: path, as: UTF8.self),
        query: String(decoding: query.dropFirst(), as: UTF8.self),
        fields: request.lines.fields.map {
          (
            String(decoding: $0.nameBytes(head), as: UTF8.self),
            String(decoding: $0.valueBytes(head), as: UTF8.self)
          )
        }, peer: String(decoding: knownPeer().text, as: UTF8.self),
        requestID: String(decoding: knownRequestID(), as: UTF8.self)))
    control = exchange
    phase = .control
    if request.expectsContinue, !body.isDone {
      outputBuffer().append("HTTP/1.1 100 Continue\r\n\r\n")
    }
  }

  private static func controlBodyTooLarge(_ limits: AgentsLimits) -> String {
    "The body is larger than \(limits.controlBody) bytes"
  }

  /// - Returns: whether to go on.
  func advanceControl() -> Bool {
    guard let control else {
      gone()
      return false
    }
    if let reply = control.reply { return advanceReply(control, reply) }
    if flush() == .failed {
      gone()
      return false
    }
    do {
      guard try collectBody(control) else { return phase != .control && phase != .closed }
    } catch {
      endControl()
      refuse(error)
      return true
    }
    let reply = PlaneReply(self)
    control.reply = reply
    loop.shared.observer.controlRequest(control.request, reply: ControlPromise(reply))
    setDeadline(Pollable.never)
    return true
  }

  /// - Returns: whether the body is there.
  private func collectBody(_ control: ControlExchange) throws(HTTPProblem) -> Bool {
    while !body.isDone {
      if let source = input, !source.isEmpty {
        let step = try body.decode(source.readable, most: .max, limits: loop.limits)
        let data = UnsafeRawBufferPointer(rebasing: source.readable[step.data])
        guard control.request.body.count + data.count <= loop.shared.options.agents.controlBody
        else {
          throw HTTPProblem(status: 413, text: Self.controlBodyTooLarge(loop.shared.options.agents))
        }
        control.request.body += data
        source.consume(step.consumed)
        if step.consumed > 0 { continue }
      }
      switch readInput() {
      case .moved: continue
      case .wouldBlock:
        setDeadline(lastMoved + loop.shared.options.bodyIdleTimeout.nanoseconds)
        return false
      case .ended:
        gone()
        return false
      }
    }
    dropInputIfEmpty()
    return true
  }

  /// Writes what there is of the answer.
  private func advanceReply(_ control: ControlExchange, _ reply: PlaneReply) -> Bool {
    var moved = false
    while true {
      // Whatever waits for such a reader, it is not waited for.
      if reply.isCut {
        ended(.slowReader)
        cutResponse()
        return false
      }
      switch flush() {
      case .failed:
        gone()
        return false
      case .waiting:
        setDeadline(lastMoved + loop.shared.options.bodyIdleTimeout.nanoseconds)
        return false
      case .empty: setDeadline(Pollable.never)
      }
      guard let step = reply.next() else { break }
      moved = true
      switch step {
      case .answer(let status, let fields, let contentType, let content):
        endControl()
        writeControlHead(status, fields, contentType, length: content.count)
        // What these have no body for would be the next answer's beginning.
        if exchange.method != .head, status != 204, status != 304 {
          outputBuffer().append(content)
        }
        phase = .answering
        return true
      case .begin(let status, let fields, let contentType):
        beginStream(control, status, fields, contentType)
        guard control.isStream else { return true }
      case .bytes(let bytes): writeStream(bytes)
      case .end:
        if exchange.responseFraming == .chunked { outputBuffer().append("0\r\n\r\n") }
        endControl()
        phase = .answering
        return true
      }
    }
    if hungUp {
      // Who waits for an answer may only have finished sending; who reads a stream is gone.
      if control.isStream {
        gone()
        return false
      }
      setDeadline(max(hungUpAt, lastMoved) + loop.limits.halfClosedPatience.nanoseconds)
    }
    return moved
  }

  private func beginStream(
    _ control: ControlExchange, _ status: Int, _ fields: [(name: String, value: String)],
    _ contentType: String
  ) {
    guard loop.shared.enterControlStream() else {
      endControl()
      return answerError(503, "Too many streams are open now")
    }
    // From here on it is a stream that counts.
    loop.shared.leaveControl()
    control.isStream = true
    if !exchange.isHTTP11 { exchange.closesAfter = true }
    exchange.isEventStream = true
    exchange.responseFraming = exchange.isHTTP11 ? .chunked : .untilClose
    writeControlHead(status, fields, contentType, length: nil)
    if exchange.method == .head {
      endControl()
      phase = .answering
    }
  }

  private func writeStream(_ bytes: [UInt8]) {
    let out = outputBuffer()
    bytes.withUnsafeBytes {
      if exchange.responseFraming == .chunked {
        Self.writeChunk($0, into: out)
      } else {
        out.append($0)
      }
    }
  }

  /// - Parameter length: nil: it is not known.
  private func writeControlHead(
    _ status: Int, _ fields: [(name: String, value: String)], _ contentType: String, length: Int?
  ) {
    let out = outputBuffer()
    exchange.status = status
    exchange.hasResponse = true
    writeStatusLine(status)
    out.append("\r\nDate: ")
    out.append(loop.dates.now())
    if !contentType.isEmpty { Self.line("Content-Type", contentType, out) }
    if let length {
      if status != 204, status != 304 { Self.line("Content-Length", "\(length)", out) }
    } else if exchange.isHTTP11 {
      out.append("\r\nTransfer-Encoding: chunked")
    }
    for (name, value) in fields { Self.line(name, value, out) }
    writeConnection()
    out.append("\r\n\r\n")
  }

  private static func line(_ name: String, _ value: String, _ out: ByteBuffer) {
    out.append("\r\n")
    out.append(text: name)
    out.append(": ")
    // What could end the line would be another field, or another answer.
    out.append(
      text: String(String.UnicodeScalarView(value.unicodeScalars.filter { $0.value >= 0x20 })))
  }

  func expiredControl() {
    let idle = loop.shared.options.bodyIdleTimeout.nanoseconds
    if output != nil {
      guard loop.now - lastMoved >= idle else { return }
      ended(.slowReader)
      gone()
    } else if control?.reply == nil {
      guard loop.now - lastMoved >= idle else { return }
      ended(.bodyTime)
      endControl()
      exchange.closesAfter = true
      answerError(408, "The request's body stopped arriving")
    } else if hungUp {
      ended(.halfClosed)
      gone()
    }
  }

  /// Nobody answers any more, whatever becomes of the response.
  func endControl() {
    guard let control else { return }
    self.control = nil
    control.reply?.close()
    if control.isStream { loop.shared.leaveControlStream() } else { loop.shared.leaveControl() }
  }
}
