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
    let buffer = loop.inputBuffer(&input, much: body.isLong(loop.limits))
    let space = buffer.writable
    switch read(into: space) {
    case .moved(let count):
      buffer.commit(count)
      lastMoved = loop.now
      return .moved
    case .wouldBlock:
      dropInputIfEmpty()
      return .wouldBlock
    case .ended, .failed:
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
    guard let buffer = output else { return isDelivered ? .empty : .waiting }
    while !buffer.isEmpty {
      guard canWrite else { return .waiting }
      switch write(buffer.readable) {
      case .moved(let count):
        buffer.consume(count)
        wrote(count)
      case .wouldBlock, .ended: break
      case .failed: return .failed
      }
    }
    output = nil
    loop.buffers.give(buffer)
    return isDelivered ? .empty : .waiting
  }

  func wrote(_ count: Int) {
    lastMoved = loop.now
    exchange.bytesSent += Int64(count)
  }
}
