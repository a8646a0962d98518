import CPlatform
import Glibc

/// A descriptor that a loop watches, edge-triggered, with at most one deadline. Subclassed by what
/// the descriptor is; confined to its loop's thread.
class Pollable {
  static let never = Int64.max

  /// Owned; -1 once closed.
  final var descriptor: Int32
  /// Strong, because that is what costs nothing to use: a constant that its owner keeps alive needs
  /// no counting. The loop lets go of all it watches before it ends.
  final let loop: EventLoop
  /// The place in the loop's table; -1 when not watched.
  final var slot = -1
  final var deadline = Pollable.never
  /// What the loop's timer wheel knows of it.
  final var timer = TimerWheel.Entry()
  /// The loop has it on the list of those that have more to do without a new event.
  final var isQueued = false

  init(descriptor: Int32, loop: EventLoop) {
    self.descriptor = descriptor
    self.loop = loop
  }

  /// Events came in, as epoll(7) names them.
  func ready(_ events: UInt32) {}
  /// The deadline passed; it has been taken off.
  func expired() {}
  /// The turn that `EventLoop.again` promised.
  func resume() {}

  final func setDeadline(_ time: Int64) {
    deadline = time
    if time < timer.time { loop.deadlines.update(self) }
  }

  /// Takes it off the loop and closes the descriptor.
  final func closeDescriptor() {
    guard descriptor >= 0 else { return }
    loop.deadlines.remove(self)
    deadline = Pollable.never
    loop.unwatch(self)
    close(descriptor)
    descriptor = -1
  }
}

/// What one non-blocking read or write came to.
enum Transfer: Equatable {
  case moved(Int)
  /// Nothing now; an event will come.
  case wouldBlock
  /// The peer ended its side (reads only).
  case ended
  /// errno(3).
  case failed(Int32)
}

extension Pollable {
  @inline(__always)
  final func receive(_ space: UnsafeMutableRawBufferPointer) -> Transfer {
    while true {
      let count = par_receive(descriptor, space.baseAddress, space.count)
      if count > 0 { return .moved(count) }
      if count == 0 { return .ended }
      if errno == EINTR { continue }
      return errno == EAGAIN ? .wouldBlock : .failed(errno)
    }
  }

  @inline(__always)
  final func transmit(_ bytes: UnsafeRawBufferPointer) -> Transfer {
    while true {
      let count = par_transmit(descriptor, bytes.baseAddress, bytes.count)
      if count >= 0 { return .moved(count) }
      if errno == EINTR { continue }
      return errno == EAGAIN ? .wouldBlock : .failed(errno)
    }
  }
}
