import LinuxSystem

@testable import DataPlane

/// Responses of an agent. What was read is the same however it arrived; and what a client gets is read
/// by the same strict reader as the same response, or cut off.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let input = Pieces(bytes, count) else { return 0 }
  let toHEAD = input.bytes.last == 0
  let reading = Reader.readBothWays(input) { try parse($0, toHEAD: toHEAD) }
  let (written, ended) = deliver(input, toHEAD: toHEAD)
  check(written, ended, against: reading, toHEAD: toHEAD)
  return 0
}

private func parse(_ head: UnsafeRawBufferPointer, toHEAD: Bool) throws -> Message {
  let response = ResponseHead(limits: Reader.limits)
  try response.parse(head, toHEAD: toHEAD)
  return Message(
    start: [Array(String(response.status).utf8), Array(head[response.reasonRange])],
    fields: response.lines.all(head), framing: response.framing)
}

/// What a client of HTTP/1.1 is sent of it, and whether the response came to its end.
private func deliver(_ input: Pieces, toHEAD: Bool) -> ([UInt8], Bool) {
  let stage = Stage.current(limits: Reader.limits)
  let client = stage.client()
  let agent = UpstreamConnection(
    descriptor: -1, loop: stage.loop,
    worker: LoopWorker(Worker(restSocket: nil), loop: 0, of: 1))
  client.exchange.method = toHEAD ? .head : .get
  client.exchange.started = 1
  client.count()
  client.attach(agent)
  client.phase = .proxying
  var pieces = input
  var position = 0
  while position < input.bytes.count, client.phase == .proxying, !client.exchange.responseDone {
    let end = min(position + pieces.next(), input.bytes.count)
    let source = stage.loop.inputBuffer(&agent.input)
    Array(input.bytes[position..<end]).withUnsafeBytes { source.append($0) }
    position = end
    client.advance()
  }
  let ended = client.exchange.responseDone || client.isFinished
  client.shut()
  return (client.written, ended)
}

private func check(_ written: [UInt8], _ ended: Bool, against reading: Reading, toHEAD: Bool) {
  var limits = Reader.limits
  limits.headBytes *= 4
  limits.fields += 10
  let got = Reader.read(written, size: { .max >> 1 }) { try parse($0, toHEAD: toHEAD) }
  if let problem = got.problem { fail("sent is refused (\(problem)): \(written.shown)") }
  let finals = got.messages.filter { $0.start[0].first != UInt8(ascii: "1") }
  if finals.count > 1 { fail("\(finals.count) responses were sent: \(written.shown)") }
  let wanted = reading.messages.first { $0.start[0].first != UInt8(ascii: "1") }
  guard let one = finals.first else { return }
  if one.start[0] == Array("502".utf8), wanted?.start[0] != one.start[0] { return }
  guard let wanted else { fail("a response that the agent did not send: \(written.shown)") }
  if one.start != wanted.start { fail("another status or reason: \(written.shown)") }
  if !wanted.body.starts(with: one.body) { fail("another content: \(written.shown)") }
  if ended, wanted.isWhole, one.body != wanted.body { fail("less content: \(written.shown)") }
  if one.isWhole, !wanted.isWhole, wanted.framing != .untilClose {
    fail("a response that was cut off looks whole: \(written.shown)")
  }
}
