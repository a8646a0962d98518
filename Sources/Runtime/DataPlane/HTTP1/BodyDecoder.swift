import Glibc

/// Takes a body out of its framing (RFC 9112 sections 6 and 7), with no I/O and no copy.
struct BodyDecoder {
  private enum State {
    case fixed(Int64)
    case untilClose
    case chunkSize
    case chunkExtension
    case chunkSizeLineFeed
    case chunkData(Int64)
    case chunkEndReturn
    case chunkEndLineFeed
    case trailers
    case done
  }

  /// What one call found at the front of its bytes.
  struct Step {
    /// Bytes that need not be presented again.
    var consumed = 0
    /// Body bytes among the consumed ones.
    var data = 0..<0
    /// The whole trailer section among the consumed ones, its empty line included.
    var trailers = 0..<0
  }

  private var state: State
  private var size: Int64 = 0
  private var sizeDigits = 0
  private var lineBytes = 0
  private var scanned = 0
  private var lineStart = 0
  private var trailerLines = 0

  init(_ framing: BodyFraming) {
    state =
      switch framing {
      case .none: .done
      case .length(let count): count == 0 ? .done : .fixed(count)
      case .chunked: .chunkSize
      case .untilClose: .untilClose
      }
  }

  var isDone: Bool { if case .done = state { true } else { false } }

  /// The end of the input is the end of the body.
  var endsWithInput: Bool { if case .untilClose = state { true } else { false } }

  /// Body bytes still to come when that is known.
  var remaining: Int64? { if case .fixed(let count) = state { count } else { nil } }

  /// More is known to come than a buffer of the usual size takes.
  func isLong(_ limits: HTTPLimits) -> Bool { remaining ?? 0 > Int64(limits.bufferBytes) }

  /// Whether so many bytes that come next are body and nothing else.
  func isData(_ count: Int) -> Bool {
    switch state {
    case .fixed(let left): Int64(count) <= left
    case .untilClose: true
    case .chunkSize, .chunkExtension, .chunkSizeLineFeed, .chunkData, .chunkEndReturn,
      .chunkEndLineFeed, .trailers, .done:
      false
    }
  }

  /// Goes past body bytes, as many as `isData` agreed to.
  mutating func pass(_ count: Int) {
    guard case .fixed(let left) = state else { return }
    state = left == Int64(count) ? .done : .fixed(left - Int64(count))
  }

  /// Decodes up to the end of the first piece of body data, of at most `most` bytes.
  ///
  /// A step that consumes nothing and leaves the decoder not done needs more bytes after the
  /// same ones.
  mutating func decode(
    _ bytes: UnsafeRawBufferPointer, most: Int, limits: HTTPLimits
  ) throws(HTTPProblem) -> Step {
    var step = Step()
    while step.consumed < bytes.count {
      let position = step.consumed
      switch state {
      case .done: return step
      case .fixed(let left):
        let count = min(Int64(min(bytes.count - position, most)), left)
        step.data = position..<(position + Int(count))
        step.consumed += Int(count)
        state = left == count ? .done : .fixed(left - count)
        return step
      case .untilClose:
        let count = min(bytes.count - position, most)
        step.data = position..<(position + count)
        step.consumed += count
        return step
      case .chunkData(let left):
        let count = min(Int64(min(bytes.count - position, most)), left)
        step.data = position..<(position + Int(count))
        step.consumed += Int(count)
        state = left == count ? .chunkEndReturn : .chunkData(left - count)
        return step
      case .trailers:
        try scanTrailers(bytes, &step, limits)
        return step
      case .chunkSize, .chunkExtension, .chunkSizeLineFeed, .chunkEndReturn, .chunkEndLineFeed:
        try frame(bytes[position], limits)
        step.consumed += 1
      }
    }
    return step
  }

  /// One byte of the framing between pieces of data.
  private mutating func frame(_ byte: UInt8, _ limits: HTTPLimits) throws(HTTPProblem) {
    switch state {
    case .chunkSize:
      lineBytes += 1
      if let digit = Byte.hexadecimal(byte) {
        sizeDigits += 1
        // 15 digits cannot overflow.
        guard sizeDigits <= 15 else { throw .bad("A chunk's size is too large") }
        size = size << 4 | Int64(digit)
      } else if sizeDigits > 0, byte == Byte.carriageReturn {
        state = .chunkSizeLineFeed
      } else if sizeDigits > 0, byte == Byte.semicolon {
        state = .chunkExtension
      } else {
        throw .bad("A chunk's size is not a hexadecimal number")
      }
    case .chunkExtension:
      if byte == Byte.carriageReturn {
        state = .chunkSizeLineFeed
        return
      }
      lineBytes += 1
      guard lineBytes <= limits.chunkLineBytes else {
        throw .bad("A chunk's extension is too long")
      }
      if byte < 0x20 && byte != Byte.tab || byte == 0x7F {
        throw .bad("A chunk's extension has a control character")
      }
    case .chunkSizeLineFeed:
      guard byte == Byte.lineFeed else {
        throw .bad("A chunk's size line ends without a line feed")
      }
      state = size == 0 ? .trailers : .chunkData(size)
      size = 0
      sizeDigits = 0
      lineBytes = 0
    case .chunkEndReturn:
      guard byte == Byte.carriageReturn else { throw .bad("A chunk is longer than its size says") }
      state = .chunkEndLineFeed
    case .chunkEndLineFeed:
      guard byte == Byte.lineFeed else { throw .bad("A chunk is longer than its size says") }
      state = .chunkSize
    case .fixed, .untilClose, .chunkData, .trailers, .done:
      break
    }
  }

  /// Consumes nothing until the section is complete, so that it can be parsed in place.
  private mutating func scanTrailers(
    _ bytes: UnsafeRawBufferPointer, _ step: inout Step, _ limits: HTTPLimits
  ) throws(HTTPProblem) {
    guard let base = bytes.baseAddress else { return }
    let section = step.consumed
    let limit = min(bytes.count, section + limits.trailerBytes)
    while let found = memchr(base + section + scanned, 0x0A, limit - section - scanned) {
      let feed = UnsafeRawPointer(found) - base - section
      guard feed > 0, bytes[section + feed - 1] == Byte.carriageReturn else {
        throw .bad("A trailer line ends without a carriage return")
      }
      scanned = feed + 1
      if feed - 1 == lineStart {
        step.trailers = section..<(section + scanned)
        step.consumed = section + scanned
        state = .done
        return
      }
      trailerLines += 1
      guard trailerLines <= limits.fields else { throw .tooManyFields }
      lineStart = scanned
    }
    scanned = limit - section
    guard scanned < limits.trailerBytes else {
      throw HTTPProblem(status: 431, text: "The trailer section is too large")
    }
  }
}
