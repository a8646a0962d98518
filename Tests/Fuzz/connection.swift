import Synchronization

@testable import DataPlane

/// A client's whole connection, to a program that has no agent: whatever comes, what is sent are whole
/// responses, each connection ends, and nothing stays in flight.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard var input = Pieces(bytes, count) else { return 0 }
  let stage = Stage.current(limits: Reader.limits)
  let client = stage.client()
  client.peer = ClientConnection.Peer(text: Array("10.0.0.1".utf8), isTrusted: true)
  var position = 0
  while position < input.bytes.count, client.phase != .closed {
    let end = min(position + input.next(), input.bytes.count)
    client.arrives(input.bytes[position..<end])
    position = end
    // It asks for another turn when it has had its share.
    for _ in 0..<1000 where client.phase != .closed && !client.isIdle { client.advance() }
  }
  client.ends()
  for _ in 0..<1000 where client.phase != .closed { client.advance() }
  if client.phase != .closed { fail("the connection does not end: \(input.bytes.shown)") }
  if stage.loop.shared.inFlight.load(ordering: .relaxed) != 0 {
    fail("a request stays in flight: \(input.bytes.shown)")
  }
  check(client.written)
  return 0
}

private func check(_ written: [UInt8]) {
  var rest = written[...]
  while !rest.isEmpty {
    var scanner = HeadScanner()
    let response = ResponseHead(limits: HTTPLimits())
    let length: Int? = exactly(rest) { bytes in
      guard case .complete(let length)? = try? scanner.scan(bytes, limits: HTTPLimits()) else {
        return nil
      }
      let head = UnsafeRawBufferPointer(rebasing: bytes[..<length])
      guard (try? response.parse(head, toHEAD: false)) != nil else { return nil }
      // To HEAD no content follows, and the next response does.
      let follows = bytes[length...].starts(with: Array("HTTP/1.1 ".utf8))
      guard case .length(let count) = response.framing, !follows else { return length }
      return length + min(Int(count), bytes.count - length)
    }
    guard let length else { fail("sent is no response: \(Array(rest).shown)") }
    rest = rest.dropFirst(length)
  }
}
