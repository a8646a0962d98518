internal import Lifecycle

/// Reads the lines of chunks. Each thread has one of its own.
struct ChunkScanner {
  private let options: TraceOptions
  private var locator = LineLocator()
  private var decoder: LineDecoder

  init(_ options: TraceOptions) {
    self.options = options
    decoder = LineDecoder(texts: .all)
  }

  /// Fills in what the chunk's lines say.
  mutating func scan(_ chunk: Chunk) {
    chunk.lines.removeAll(keepingCapacity: true)
    chunk.lineCount = chunk.skippedLines
    (chunk.foreign, chunk.tooLong) = (chunk.skippedLines, chunk.skippedLines)
    var splitter = LineSplitter(chunk.bytes)
    while let line = splitter.next() {
      chunk.lineCount += 1
      if line.count > Chunk.lineLimit {
        chunk.foreign += 1
        chunk.tooLong += 1
      } else {
        scan(line, isTerminated: splitter.isTerminated, into: chunk)
      }
    }
  }

  private mutating func scan(
    _ line: UnsafeRawBufferPointer, isTerminated: Bool, into chunk: Chunk
  ) {
    // The chunk's bytes stay where they are, and as they are, while it is scanned.
    let bytes = Span<UInt8>(_unsafeElements: line.assumingMemoryBound(to: UInt8.self))
    switch locator.locate(bytes) {
    case .plain(let range): decode(bytes.extracting(range), isTerminated, into: chunk)
    case .escaped:
      let unescaped = locator.unescaped
      decode(unescaped.span, isTerminated, into: chunk)
    case .unfinished(let start):
      refuse(bytes.extracting(start...), "it has no end", isTerminated, into: chunk)
    case .foreign:
      if !isTerminated, bytes.mayBecomeOurs {
        add(0, .cutOff, to: chunk)
      } else if !bytes.isBlank {
        chunk.foreign += 1
      }
    }
  }

  private mutating func decode(
    _ bytes: Span<UInt8>, _ isTerminated: Bool, into chunk: Chunk
  ) {
    do throws(LogLine.DecodingError) {
      let line = try decoder.decode(bytes)
      if options.wants(line.runID) {
        add(bytes.withUnsafeBytes(lineHash), .line(line), to: chunk)
      }
    } catch {
      refuse(bytes, error.description, isTerminated, into: chunk)
    }
  }

  private func refuse(
    _ bytes: Span<UInt8>, _ why: String, _ isTerminated: Bool, into chunk: Chunk
  ) {
    guard isTerminated else { return add(0, .cutOff, to: chunk) }
    let runID = LineLocator.runID(in: bytes)
    if runID.map(options.wants) ?? true {
      add(0, .corrupt(runID: runID, why: why), to: chunk)
    }
  }

  private func add(_ hash: UInt64, _ content: Chunk.Content, to chunk: Chunk) {
    chunk.lines.append(Chunk.Line(number: chunk.lineCount, hash: hash, content: content))
  }
}

extension Span<UInt8> {
  fileprivate var isBlank: Bool {
    for index in indices where self[index] > 0x20 { return false }
    return true
  }

  /// Whether it is the first bytes of a line of ours, too few to tell.
  fileprivate var mayBecomeOurs: Bool {
    let beginning: StaticString = "{\"timestamp\":\""
    guard !isEmpty, count < beginning.utf8CodeUnitCount else { return false }
    return beginning.withUTF8Buffer { mark in indices.allSatisfy { self[$0] == mark[$0] } }
  }
}
