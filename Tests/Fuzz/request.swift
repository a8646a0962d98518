@testable import DataPlane

/// Requests. What was read is the same however it arrived; and what goes to the agent is read by the
/// same strict reader as the same request, in one form only.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let input = Pieces(bytes, count) else { return 0 }
  _ = Reader.readBothWays(input) { head in
    let message = try RequestReading(head, limits: Reader.limits)
    message.checkForwarded(head)
    return message.message
  }
  return 0
}

/// A request's head as a connection takes it.
struct RequestReading {
  let request: RequestHead
  let path: [UInt8]
  let query: [UInt8]
  let message: Message

  init(_ head: UnsafeRawBufferPointer, limits: HTTPLimits) throws {
    let request = RequestHead(limits: limits)
    try request.parse(head)
    let target = try RequestTarget(request, head)
    var path: [UInt8] = []
    if target.isServer {
      path = [Byte.asterisk]
    } else {
      try NormalPath.write(target.path, into: &path)
    }
    self.request = request
    self.path = path
    query = Array(target.query)
    message = Message(
      start: [Array(head[request.methodRange]), path, Array(target.query)],
      fields: request.lines.all(head), framing: request.framing)
  }

  private static var identifiers: Identifiers { Identifiers() }
  private static let identifier = Array("an-id".utf8)
  /// The program's own fields, and long ids and paths.
  private static let forwardedLimits = {
    var limits = HTTPLimits()
    limits.headBytes = 1 << 20
    return limits
  }()

  private func forwarded(_ head: UnsafeRawBufferPointer, peer: String) -> [UInt8] {
    let out = ByteBuffer(capacity: 64)
    var identifiers = Self.identifiers
    path.withUnsafeBytes { path in
      query.withUnsafeBytes { query in
        _ = ForwardedHead.write(
          request, head, path: path, query: query, prefix: "",
          peer: ClientConnection.Peer(text: Array(peer.utf8), isTrusted: true),
          requestID: Self.identifier, identifiers: &identifiers, into: out)
      }
    }
    return Array(out.readable)
  }

  func checkForwarded(_ head: UnsafeRawBufferPointer) {
    guard path != [Byte.asterisk], request.method != .connect else { return }
    let first = forwarded(head, peer: "10.0.0.1")
    exactly(first[...]) { bytes in
      var scanner = HeadScanner()
      guard
        case .complete(let length)? = try? scanner.scan(bytes, limits: Self.forwardedLimits),
        length == bytes.count
      else { fail("forwarded is no whole head: \(first.shown)") }
      let again: RequestReading
      do { again = try RequestReading(bytes, limits: Self.forwardedLimits) } catch {
        fail("forwarded is refused (\(error)): \(first.shown)")
      }
      if again.path != path { fail("another path: \(first.shown)") }
      if again.message.start[0] != message.start[0] { fail("another method: \(first.shown)") }
      if again.request.framing != request.framing { fail("another framing: \(first.shown)") }
      if again.request.hasLength != request.hasLength { fail("another length: \(first.shown)") }
      if again.request.expectsContinue != request.expectsContinue {
        fail("another expectation: \(first.shown)")
      }
      if again.request.asksForWebSocket != request.asksForWebSocket {
        fail("another wish for a WebSocket: \(first.shown)")
      }
      for field in again.request.lines.fields where field.name.isHopByHop {
        switch field.name {
        case .transferEncoding: break
        case .connection where request.asksForWebSocket: break
        case .upgrade where request.asksForWebSocket: break
        default: fail("a field of one hop: \(first.shown)")
        }
      }
      for byte in first where byte < 0x20 && byte != 9 && byte != 10 && byte != 13 || byte == 0x7F {
        fail("the byte \(byte) was forwarded: \(first.shown)")
      }
      // What was written anew is written the same again.
      let second = again.forwarded(bytes, peer: "")
      exactly(second[...]) { bytes in
        guard let last = try? RequestReading(bytes, limits: Self.forwardedLimits) else {
          fail("forwarded twice is refused: \(second.shown)")
        }
        // Where no host was named there is one now, which is forwarded from then on.
        let named = request.lines.fields.contains { $0.name == .host }
        if Self.sorted(last, withHost: named) != Self.sorted(again, withHost: named) {
          fail("forwarded twice is another: \(first.shown)\n\(second.shown)")
        }
      }
    }
  }

  private static func sorted(_ reading: RequestReading, withHost: Bool) -> [String] {
    let fields = reading.message.fields
    let lines = stride(from: 0, to: fields.count - 1, by: 2).map {
      String(decoding: fields[$0], as: UTF8.self) + ":"
        + fields[$0 + 1].map { String($0) }.joined(separator: " ")
    }
    .filter { withHost || !$0.hasPrefix("x-forwarded-host:") }
    return lines.sorted() + [String(decoding: reading.path + reading.query, as: UTF8.self)]
  }
}
