/// Free buffers of one loop, so that a request allocates none and an idle connection holds none.
///
/// Of two sizes: the usual one, and a large one for bodies of which more is known to come, where the
/// number of system calls counts. Large ones are few; who gets none uses the usual size.
final class BufferPool {
  /// A stack in raw memory, which owns what is on it: to put a buffer there and to take it back moves
  /// one reference and counts nothing.
  private struct Stack {
    private let places: UnsafeMutablePointer<Unmanaged<ByteBuffer>>
    private let capacity: Int
    private(set) var count = 0

    init(capacity: Int) {
      self.capacity = capacity
      places = .allocate(capacity: capacity)
    }

    var isFull: Bool { count == capacity }

    @inline(__always)
    mutating func pop() -> ByteBuffer? {
      guard count > 0 else { return nil }
      count &-= 1
      return places[count].takeRetainedValue()
    }

    @inline(__always)
    mutating func push(_ buffer: consuming ByteBuffer) {
      buffer.clear()
      (places + count).initialize(to: Unmanaged.passRetained(buffer))
      count &+= 1
    }

    mutating func free() {
      while pop() != nil {}
      places.deallocate()
    }
  }

  private var usual: Stack
  private var large: Stack
  /// Large buffers that somebody has.
  private var largeInUse = 0
  private let bufferBytes: Int
  private let largeBytes: Int
  private let largeLimit: Int

  init(_ limits: HTTPLimits) {
    bufferBytes = limits.bufferBytes
    largeBytes = limits.largeBufferBytes
    largeLimit = limits.largeBuffers
    usual = Stack(capacity: limits.pooledBuffers)
    large = Stack(capacity: largeLimit / 4)
  }

  deinit {
    usual.free()
    large.free()
  }

  var count: Int { usual.count }

  func take() -> ByteBuffer { usual.pop() ?? ByteBuffer(capacity: bufferBytes) }

  func takeLarge() -> ByteBuffer {
    guard largeInUse < largeLimit else { return take() }
    largeInUse += 1
    return large.pop() ?? ByteBuffer(capacity: largeBytes, isLarge: true)
  }

  /// Grown buffers, and those beyond the limits, are freed instead.
  func give(_ buffer: consuming ByteBuffer) {
    if buffer.isLarge {
      largeInUse -= 1
      if buffer.capacity == largeBytes, !large.isFull { large.push(buffer) }
    } else if buffer.capacity == bufferBytes, !usual.isFull {
      usual.push(buffer)
    }
  }
}
