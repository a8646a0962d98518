import CNghttp2

/// What the HTTP/2 connections of one loop share, so that an idle one holds next to nothing.
final class HTTP2Resources {
  /// Bytes of one read.
  static let inputBytes = 64 * 1024
  /// Header lists kept for reuse; grown ones are freed.
  static let pooledBlocks = 64
  static let pooledBlockBytes = 8192

  /// Where every connection reads into: what is read is used up before the next one's turn.
  let input = UnsafeMutableRawBufferPointer.allocate(byteCount: inputBytes, alignment: 64)
  /// Where every connection's frames are gathered; what the kernel does not take, it keeps.
  let output: ByteBuffer
  /// A list that is written and sent at once.
  let answer = HeaderBlock()
  private var blocks: [HeaderBlock] = []

  init(limits: HTTP2Limits) {
    // Room for the last frame that still begins within the limit.
    output = ByteBuffer(capacity: limits.outputBytes + 32 * 1024)
  }

  deinit { input.deallocate() }

  func takeBlock() -> HeaderBlock { blocks.popLast() ?? HeaderBlock() }

  func give(_ block: HeaderBlock) {
    guard blocks.count < Self.pooledBlocks, block.capacity <= Self.pooledBlockBytes else { return }
    block.clear()
    blocks.append(block)
  }
}
