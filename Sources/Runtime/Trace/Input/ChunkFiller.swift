internal import Glibc

/// Where bytes come from.
protocol ByteSource {
  /// Reads some; 0 is the end. May wait.
  func read(into target: UnsafeMutableRawBufferPointer) throws(InputFault) -> Int
  /// Whether a read would bring something at once.
  var isReady: Bool { get }
}

/// Cuts an input into chunks of whole lines: what is behind a chunk's last line feed begins the next one.
/// A line that is too long is passed over, not kept.
struct ChunkFiller {
  private var carried: [UInt8] = []
  private var isSkipping = false

  /// Whether more may come behind the end: a part line is kept for then.
  private let follows: Bool

  init(follows: Bool = false) {
    self.follows = follows
    carried.reserveCapacity(Chunk.lineLimit)
  }

  /// Reads until there are enough lines, or none is to be had at once. The chunk is the input's last
  /// (`isLast`) when there is nothing more.
  /// - Throws: what ends the input early; what was read before is in the chunk.
  mutating func fill(_ chunk: Chunk, from input: some ByteSource) throws(InputFault) {
    chunk.storage.copyBytes(from: carried)
    var filled = carried.count
    carried.removeAll(keepingCapacity: true)
    chunk.count = 0
    chunk.skippedLines = 0
    chunk.isLast = false
    while true {
      let free = UnsafeMutableRawBufferPointer(
        rebasing: chunk.storage[filled..<min(chunk.storage.count, filled + Chunk.readBytes)])
      var count = 0
      do throws(InputFault) { count = try input.read(into: free) } catch {
        end(chunk, filled)
        throw error
      }
      guard count > 0 else { return end(chunk, filled) }
      if isSkipping {
        let read = UnsafeRawBufferPointer(rebasing: free[..<count])
        guard let feed = firstLineFeed(read) else { continue }
        isSkipping = false
        chunk.skippedLines += 1
        let rest = read[(feed + 1)...]
        free.copyMemory(from: UnsafeRawBufferPointer(rebasing: rest))
        filled += rest.count
      } else {
        filled += count
      }
      if filled < Chunk.readBytes, input.isReady { continue }
      if let feed = lastLineFeed(chunk.storage, filled) {
        chunk.count = feed + 1
        let rest = filled - chunk.count
        if rest > Chunk.lineLimit {
          isSkipping = true
        } else {
          carried.append(contentsOf: chunk.storage[chunk.count..<filled])
        }
        return
      }
      if filled > Chunk.lineLimit {
        isSkipping = true
        filled = 0
      }
      // The rest of a part line may come much later.
      if follows, !input.isReady {
        carried.append(contentsOf: chunk.storage[..<filled])
        return
      }
    }
  }

  /// Hands out the part line that is kept while following: nothing will come behind it.
  mutating func finish(_ chunk: Chunk) {
    chunk.storage.copyBytes(from: carried)
    chunk.count = carried.count
    chunk.skippedLines = isSkipping ? 1 : 0
    chunk.isLast = true
    carried.removeAll(keepingCapacity: true)
    isSkipping = false
  }

  private mutating func end(_ chunk: Chunk, _ filled: Int) {
    chunk.isLast = true
    chunk.count = filled
    if follows {
      chunk.count = lastLineFeed(chunk.storage, filled).map { $0 + 1 } ?? 0
      if filled - chunk.count > Chunk.lineLimit { isSkipping = true }
      if isSkipping { return }
      carried.append(contentsOf: chunk.storage[chunk.count..<filled])
      return
    }
    if isSkipping { chunk.skippedLines += 1 }
    isSkipping = false
  }

  private func firstLineFeed(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard let start = bytes.baseAddress, let found = memchr(start, 0x0A, bytes.count) else {
      return nil
    }
    return UnsafeRawPointer(found) - start
  }

  private func lastLineFeed(_ bytes: UnsafeMutableRawBufferPointer, _ count: Int) -> Int? {
    var position = count
    while position > 0 {
      position -= 1
      if bytes[position] == 0x0A { return position }
    }
    return nil
  }
}
