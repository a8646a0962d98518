internal import Lifecycle

/// Reads the lines of chunks. Each thread has one of its own.
struct ChunkScanner {
  private let options: TraceOptions
  private var locator = LineLocator()
  private var decoder: LineDecoder
  /// Of the line before: most often the next one's too.
  private var last = (runID: "", key: RunKey(""))

  init(_ options: TraceOptions) {
    self.options = options
    decoder = LineDecoder(texts: .shown)
  }

  /// Fills in what the chunk's lines say.
  mutating func scan(_ chunk: Chunk) {
    chunk.marks.removeAll(keepingCapacity: true)
    chunk.lines.removeAll(keepingCapacity: true)
    chunk.corrupt.removeAll()
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
        addCutOff(to: chunk)
      } else if !bytes.isBlank {
        chunk.foreign += 1
      }
    }
  }

  private mutating func decode(
    _ bytes: Span<UInt8>, _ isTerminated: Bool, into chunk: Chunk
  ) {
    do throws(LogLine.DecodingError) {
      chunk.lines.append(try decoder.decode(bytes))
    } catch {
      return refuse(bytes, error.description, isTerminated, into: chunk)
    }
    let runID = chunk.lines[chunk.lines.count - 1].runID
    if runID != last.runID {
      guard options.wants(runID) else {
        chunk.lines.removeLast()
        return
      }
      last = (runID, RunKey(runID))
    }
    let hash = bytes.withUnsafeBytes(lineHash)
    chunk.marks.append(
      Chunk.Mark(number: chunk.lineCount, kind: .line, hash: hash, key: last.key))
  }

  private func refuse(
    _ bytes: Span<UInt8>, _ why: String, _ isTerminated: Bool, into chunk: Chunk
  ) {
    guard isTerminated else { return addCutOff(to: chunk) }
    let runID = LineLocator.runID(in: bytes)
    guard runID != nil || LineLocator.hasOurNames(bytes) else {
      chunk.foreign += 1
      return
    }
    guard runID.map(options.wants) ?? true else { return }
    chunk.corrupt.append(Chunk.Corrupt(runID: runID, why: why))
    chunk.marks.append(
      Chunk.Mark(number: chunk.lineCount, kind: .corrupt, hash: 0, key: RunKey(runID ?? "")))
  }

  private func addCutOff(to chunk: Chunk) {
    chunk.marks.append(
      Chunk.Mark(number: chunk.lineCount, kind: .cutOff, hash: 0, key: last.key))
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
