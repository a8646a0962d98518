internal import Lifecycle

/// Reads the lines of chunks. Each thread has one of its own.
struct ChunkScanner {
  private let options: TraceOptions
  private var locator = LineLocator()
  private var decoder: LineDecoder
  /// Whether lines of the access log and of output are only counted.
  private let counts: Bool
  private var counted = CountedLine()
  /// Of the full line before: most often the next one's too.
  private var last: (run: Int, runID: String)?

  init(_ options: TraceOptions, counts: Bool = false) {
    self.options = options
    self.counts = counts
    decoder = LineDecoder(texts: .shown)
  }

  /// Fills in what the chunk's lines say.
  mutating func scan(_ chunk: Chunk) {
    chunk.marks.removeAll(keepingCapacity: true)
    chunk.lines.removeAll(keepingCapacity: true)
    chunk.counted.removeAll(keepingCapacity: true)
    chunk.corrupt.removeAll()
    chunk.keys.removeAll(keepingCapacity: true)
    decoder.forgetOwners()
    last = nil
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
    chunk.owners = decoder.owners
    chunk.keys.append(contentsOf: chunk.owners.map { RunKey($0.runID) })
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
      if counts {
        guard try !decoder.decode(bytes, into: &counted) else {
          let runID = options.runID == nil ? "" : decoder.owners[counted.owner].runID
          guard options.wants(runID) else { return }
          mark(.counted, of: counted.owner, bytes, in: chunk)
          chunk.counted.append(counted)
          return
        }
        take(try decoder.decodeScanned(bytes), bytes, into: chunk)
      } else {
        take(try decoder.decode(bytes), bytes, into: chunk)
      }
    } catch { refuse(bytes, error.description, isTerminated, into: chunk) }
  }

  private mutating func take(_ line: LogLine, _ bytes: Span<UInt8>, into chunk: Chunk) {
    var run = last?.run
    if last?.runID != line.runID {
      guard options.wants(line.runID) else { return }
      run = nil
    }
    let owner = run ?? add(line.runID)
    mark(.line, of: owner, bytes, in: chunk)
    chunk.lines.append(line)
  }

  private mutating func add(_ runID: String) -> Int {
    let run = decoder.add(LineOwner(runID: runID, agentAppID: nil, deploymentID: nil))
    last = (run, runID)
    return run
  }

  private func mark(
    _ kind: Chunk.Kind, of run: Int, _ bytes: Span<UInt8>, in chunk: Chunk
  ) {
    add(kind, of: run, hash: bytes.withUnsafeBytes(lineHash), to: chunk)
  }

  private func add(_ kind: Chunk.Kind, of run: Int, hash: UInt64 = 0, to chunk: Chunk) {
    // A chunk has no more lines than bytes.
    chunk.marks.append(
      Chunk.Mark(
        number: Int32(truncatingIfNeeded: chunk.lineCount), run: Int32(truncatingIfNeeded: run),
        hash: hash, kind: kind))
  }

  private mutating func refuse(
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
    add(.corrupt, of: add(runID ?? ""), to: chunk)
  }

  private func addCutOff(to chunk: Chunk) { add(.cutOff, of: 0, to: chunk) }
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
