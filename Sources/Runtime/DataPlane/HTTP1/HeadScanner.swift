import Glibc

/// Finds the end of a head in bytes that arrive piece by piece, without looking at any twice.
///
/// Lines end in CRLF and nothing else (RFC 9112 section 2.2 allows a bare LF; two parsers that
/// disagree about it are how requests are smuggled).
struct HeadScanner {
  private var scanned = 0
  private var lineStart = 0
  private var lines = 0
  /// Lines that the limit does not count.
  private let ownLines: Int

  /// - Parameter ownLines: what the program itself adds to a head that it writes anew.
  init(ownLines: Int = 0) { self.ownLines = ownLines }

  enum Progress: Equatable {
    case incomplete
    /// The head takes this many bytes, the empty line included.
    case complete(Int)
  }

  /// - Parameter bytes: everything from the head's first byte on; each call the same bytes or more.
  mutating func scan(
    _ bytes: UnsafeRawBufferPointer, limits: HTTPLimits
  ) throws(HTTPProblem) -> Progress {
    guard let base = bytes.baseAddress else { return .incomplete }
    let limit = min(bytes.count, limits.headBytes)
    while let found = memchr(base + scanned, 0x0A, limit - scanned) {
      let feed = UnsafeRawPointer(found) - base
      guard feed > 0, bytes[feed - 1] == Byte.carriageReturn else {
        throw .bad("A line of the request's head ends without a carriage return")
      }
      scanned = feed + 1
      if feed - 1 == lineStart {
        // Before the request line one empty line is forgiven (RFC 9112 section 2.2).
        guard lines == 0 else { return .complete(scanned) }
        guard lineStart == 0 else { throw .bad("The request starts with empty lines") }
      } else {
        lines += 1
        // The request line is not a field.
        if lines > limits.fields + ownLines + 1 { throw .tooManyFields }
      }
      lineStart = scanned
    }
    scanned = limit
    // Of a target that is too long, RFC 9112 section 3 wants to be told apart.
    if limit == limits.headBytes { throw lines == 0 ? .requestLineTooLong : .headTooLarge }
    return .incomplete
  }
}
