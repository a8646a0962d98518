internal import Lifecycle

/// Reads the lines of chunks. Each thread has one of its own.
struct LineScanner {
  private let options: TraceOptions

  init(_ options: TraceOptions) { self.options = options }

  /// Fills in what the chunk's lines say.
  mutating func scan(_ chunk: Chunk) {
    chunk.lines.removeAll(keepingCapacity: true)
    chunk.lineCount = chunk.skippedLines
    (chunk.foreign, chunk.tooLong) = (chunk.skippedLines, chunk.skippedLines)
    var splitter = LineSplitter(chunk.bytes)
    while let line = splitter.next() {
      chunk.lineCount += 1
      guard line.count <= Chunk.lineLimit else {
        chunk.foreign += 1
        chunk.tooLong += 1
        continue
      }
      scan(line, isTerminated: splitter.isTerminated, into: chunk)
    }
  }

  private mutating func scan(
    _ line: UnsafeRawBufferPointer, isTerminated: Bool, into chunk: Chunk
  ) {
    guard let first = line.first(where: { $0 > 0x20 }) else { return }
    guard first == UInt8(ascii: "{") else {
      chunk.foreign += 1
      return
    }
    let content: Chunk.Content
    do {
      let decoded = try LogLine.decode(line)
      guard options.wants(decoded.runID) else { return }
      content = .line(decoded)
    } catch {
      content = isTerminated ? .corrupt(runID: nil, why: error.sentence) : .cutOff
    }
    chunk.lines.append(
      Chunk.Line(number: chunk.lineCount, hash: lineHash(line), content: content))
  }
}

extension LogLine.DecodingError {
  fileprivate var sentence: String {
    switch self {
    case .notJSON(let error): "it is no JSON (\(error))"
    case .missingField(let name): "it has no usable \(name)"
    case .unknownEvent(let name): "no event is called \(name)"
    case .malformedEvent(let name): "a field of \(name) is missing or of another kind"
    }
  }
}
