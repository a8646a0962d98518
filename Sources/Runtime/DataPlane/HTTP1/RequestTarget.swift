/// What a request line asks for (RFC 9112 section 3.2): a path and query, or the server itself.
///
/// The form with an authority, `http://name/path`, which every server must accept, is taken when it
/// names what `Host` names; whoever routed the request by the one and reads the other would
/// otherwise be led elsewhere. What is left of it is treated as the plain form.
struct RequestTarget {
  /// Starts with a slash; as it was sent.
  private(set) var path: UnsafeRawBufferPointer
  /// With its question mark, or empty.
  private(set) var query: UnsafeRawBufferPointer
  /// `OPTIONS *`
  private(set) var isServer = false

  private static let root: StaticString = "/"

  init(_ request: RequestHead, _ head: UnsafeRawBufferPointer) throws(HTTPProblem) {
    var target = UnsafeRawBufferPointer(rebasing: head[request.targetRange])
    guard !target.contains(Byte.hash) else {
      throw .bad("The request's target has a fragment")
    }
    let isAbsolute = target[0] != Byte.slash
    if isAbsolute, target.count > 1 || target[0] != Byte.asterisk {
      target = try Self.afterAuthority(target, request, head)
      isServer = target.isEmpty && request.method == .options
    } else if isAbsolute {
      guard request.method == .options else { throw .bad("The target * is for OPTIONS alone") }
      isServer = true
    }
    let pathEnd = target.firstIndex(of: Byte.question) ?? target.count
    path = UnsafeRawBufferPointer(rebasing: target[..<pathEnd])
    query = UnsafeRawBufferPointer(rebasing: target[pathEnd...])
    // Of constant storage, which outlives everything.
    if path.isEmpty { path = UnsafeRawBufferPointer(start: Self.root.utf8Start, count: 1) }
  }

  /// What follows `http://` and the authority.
  private static func afterAuthority(
    _ target: UnsafeRawBufferPointer, _ request: RequestHead, _ head: UnsafeRawBufferPointer
  ) throws(HTTPProblem) -> UnsafeRawBufferPointer {
    let scheme: StaticString = "http://"
    let start = scheme.utf8CodeUnitCount
    // The letters in any case, the rest as it is.
    guard target.count > start,
      (0..<4).allSatisfy({ target[$0] | 0x20 == scheme.utf8Start[$0] }),
      (4..<start).allSatisfy({ target[$0] == scheme.utf8Start[$0] })
    else { throw .bad("The request's target is neither a path nor an http URL") }
    var end = start
    while end < target.count, target[end] != Byte.slash, target[end] != Byte.question {
      end &+= 1
    }
    let authority = UnsafeRawBufferPointer(rebasing: target[start..<end])
    guard !authority.isEmpty, let host = request.lines.single(.host, head),
      host.count == authority.count,
      zip(host, authority).allSatisfy({ Byte.lowercase($0) == Byte.lowercase($1) })
    else { throw .bad("The request's target names another server than Host") }
    return UnsafeRawBufferPointer(rebasing: target[end...])
  }
}
