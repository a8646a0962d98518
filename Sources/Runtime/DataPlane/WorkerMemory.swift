import CPlatform
import Glibc
public import LinuxSystem
import Synchronization

/// Memory that the program and one worker's process have in common: the beat of the agent's event
/// loop, and a mark for each request that the worker has begun. It outlives the worker, so that its
/// last words are certain.
///
/// Three words of 64 bits (the time of the last beat by CLOCK_MONOTONIC, how late it was, both in
/// nanoseconds, and the number of beats), written by the worker; for a worker that is a `run`, a word in
/// which it says that it marks, and one by which it knows whose requests to mark; from byte 64 on a
/// byte for each slot.
///
/// Unchecked, because the compiler cannot see that all access to the mapping is atomic. The
/// descriptor and the mapping are its own and end with it.
public final class WorkerMemory: @unchecked Sendable {
  /// Requests that can be marked at the same time.
  public static let slots = 8192
  static let slotsOffset = 64
  static let attachedOffset = 24
  static let tokenOffset = 32
  /// In bytes.
  public static let size = slotsOffset + slots

  /// A file in memory (memfd_create(2)), close-on-exec: what the worker maps.
  public let descriptor: Int32
  private let base: UnsafeMutableRawPointer

  /// - Throws: `SystemError` when the process or system is out of descriptors or memory.
  public init() throws(SystemError) {
    descriptor = par_memory_file("par-worker")
    guard descriptor >= 0 else { throw SystemError("memfd_create") }
    // Whoever made it smaller would end this program with the next look at a mark (SIGBUS).
    guard ftruncate(descriptor, off_t(Self.size)) == 0, par_seal_size(descriptor) == 0,
      let base = mmap(nil, Self.size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
      base != MAP_FAILED
    else {
      let error = SystemError("mmap")
      close(descriptor)
      throw error
    }
    self.base = base
    var number: UInt64 = 0
    // Secret from other processes, so the kernel's. It fails only before there is a random pool.
    _ = getentropy(&number, 8)
    base.storeBytes(of: number, toByteOffset: Self.tokenOffset, as: UInt64.self)
    token = Self.text(ofToken: number)
  }

  /// What goes with the number of a request to a `run`: 16 hexadecimal digits.
  let token: [UInt8]

  static func text(ofToken number: UInt64) -> [UInt8] {
    withUnsafeBytes(
      of: (Identifiers.digits(number >> 32), Identifiers.digits(number & 0xFFFF_FFFF))
    ) { Array($0) }
  }

  /// A worker that is a `run` has mapped it and marks what it hands over.
  var isAttached: Bool { word(Self.attachedOffset) != 0 }

  deinit {
    munmap(base, Self.size)
    close(descriptor)
  }

  /// When the agent's event loop last came round, by CLOCK_MONOTONIC in nanoseconds; 0: never yet.
  public var lastBeat: UInt64 { word(0) }
  /// How much later than asked that was, in nanoseconds.
  public var lateness: UInt64 { word(8) }
  public var beats: UInt64 { word(16) }

  private func word(_ offset: Int) -> UInt64 {
    // Page-aligned, and the offsets are multiples of 8.
    (base + offset).assumingMemoryBound(to: Atomic<UInt64>.self).pointee.load(ordering: .relaxed)
  }

  private func mark(_ slot: Int) -> UnsafeMutablePointer<Atomic<UInt8>> {
    (base + Self.slotsOffset + slot).assumingMemoryBound(to: Atomic<UInt8>.self)
  }

  /// Before a request is handed over under this number.
  /// - Parameter slot: 0 ..< `slots`; one request at a time has it.
  @inline(__always)
  func clear(_ slot: Int) { mark(slot).pointee.store(0, ordering: .relaxed) }

  /// Whether code of the agent may have run for the request that was handed over under this number.
  @inline(__always)
  func hasBegun(_ slot: Int) -> Bool { mark(slot).pointee.load(ordering: .relaxed) != 0 }
}
