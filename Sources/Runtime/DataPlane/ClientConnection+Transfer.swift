import CPlatform
import Glibc
import Lifecycle
import Synchronization

/// Reading into and writing from buffers of the loop's pool.
extension ClientConnection {
  enum Reading {
    case moved, wouldBlock, ended
  }

  /// Reads what there is room for into `input`.
  func readInput() -> Reading {
    guard canRead else { return .wouldBlock }
    let buffer = loop.inputBuffer(&input)
    let space = buffer.writable
    switch receive(space) {
    case .moved(let count):
      buffer.commit(count)
      // A short read emptied the socket (epoll(7)); but not when the end is still to be read.
      if count < space.count, !hungUp { canRead = false }
      lastMoved = loop.now
      loop.counters.bytesReceived.bump(count)
      return .moved
    case .wouldBlock:
      canRead = false
      dropInputIfEmpty()
      return .wouldBlock
    case .ended, .failed:
      canRead = false
      dropInputIfEmpty()
      return .ended
    }
  }

  func dropInputIfEmpty() {
    guard let buffer = input, buffer.isEmpty else { return }
    input = nil
    loop.buffers.give(buffer)
  }

  // MARK: Writing

  /// The buffer that the response is written to.
  func outputBuffer() -> ByteBuffer {
    if let output { return output }
    let buffer = loop.buffers.take()
    output = buffer
    return buffer
  }

  enum Flushing {
    /// Nothing is left.
    case empty
    case waiting
    case failed
  }

  func flush() -> Flushing {
    guard let buffer = output else { return .empty }
    while !buffer.isEmpty {
      guard canWrite else { return .waiting }
      switch transmit(buffer.readable) {
      case .moved(let count):
        if count < buffer.count { canWrite = false }
        buffer.consume(count)
        wrote(count)
      case .wouldBlock, .ended: canWrite = false
      case .failed: return .failed
      }
    }
    output = nil
    loop.buffers.give(buffer)
    return .empty
  }

  func wrote(_ count: Int) {
    lastMoved = loop.now
    exchange.bytesSent += Int64(count)
    loop.counters.bytesSent.bump(count)
  }
}
