import CPlatform
import Glibc
public import LinuxSystem
import Synchronization

/// A worker's side of the memory that it shares with its supervisor, a `WorkerMemory`: here it marks
/// each of the supervisor's requests before the agent gets it. What is not marked when the worker has
/// ended was never begun, and the supervisor gives it to the next one.
///
/// Unchecked, because the compiler cannot see that all access to the mapping is atomic, but for words
/// that the supervisor wrote before this process began.
public final class SupervisorMarks: @unchecked Sendable {
  private let base: UnsafeMutableRawPointer
  /// What the supervisor says with a number, so that nobody else's requests are marked.
  private let token: [UInt8]

  /// Maps the memory and says so in it. The descriptor stays the caller's.
  /// - Throws: `SystemError` when it is no such memory.
  public init(descriptor: Int32) throws(SystemError) {
    // Whoever made it smaller would end this program with the next mark (SIGBUS).
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw SystemError("fstat") }
    guard status.st_size == off_t(WorkerMemory.size), par_has_sealed_size(descriptor) else {
      throw SystemError("mmap", number: EINVAL)
    }
    guard
      let base = mmap(
        nil, WorkerMemory.size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
      base != MAP_FAILED
    else { throw SystemError("mmap") }
    self.base = base
    token = WorkerMemory.text(
      ofToken: base.load(fromByteOffset: WorkerMemory.tokenOffset, as: UInt64.self))
    (base + WorkerMemory.attachedOffset).assumingMemoryBound(to: Atomic<UInt64>.self).pointee
      .store(1, ordering: .relaxed)
  }

  deinit { munmap(base, WorkerMemory.size) }

  /// The agent may have what was sent under this number from here on.
  /// - Parameter slot: of `slot(_:)`.
  @inline(__always)
  func mark(_ slot: Int) { cell(slot).pointee.store(1, ordering: .relaxed) }

  /// The agent has ended and had not begun it.
  func unmark(_ slot: Int) { cell(slot).pointee.store(0, ordering: .relaxed) }

  private func cell(_ slot: Int) -> UnsafeMutablePointer<Atomic<UInt8>> {
    (base + WorkerMemory.slotsOffset + slot).assumingMemoryBound(to: Atomic<UInt8>.self)
  }

  /// The number in the value of an `X-PAR-Slot` field, when the supervisor wrote it.
  func slot(_ value: UnsafeRawBufferPointer) -> Int? {
    var (slot, position) = (0, 0)
    while position < value.count, Byte.isDigit(value[position]), position < 5 {
      slot = slot * 10 + Int(value[position] &- Byte.zero)
      position += 1
    }
    guard position > 0, slot < WorkerMemory.slots, value.count == position + 1 + token.count,
      value[position] == Byte.space
    else { return nil }
    var difference: UInt8 = 0
    for index in token.indices { difference |= value[position + 1 + index] ^ token[index] }
    return difference == 0 ? slot : nil
  }
}
