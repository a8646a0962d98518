import Glibc
import LinuxSystem
import Synchronization

@testable import DataPlane

/// A worker's side of its memory, as the agent host writes it: a mapping of its own of the descriptor.
/// Unchecked, because the compiler cannot see that all access to the mapping is atomic.
final class WorkerMarks: @unchecked Sendable {
  let memory: WorkerMemory
  private let base: UnsafeMutableRawPointer

  init() throws {
    memory = try WorkerMemory()
    let mapped = mmap(
      nil, WorkerMemory.size, PROT_READ | PROT_WRITE, MAP_SHARED, memory.descriptor, 0)
    guard let mapped, mapped != MAP_FAILED else { throw SystemError("mmap") }
    base = mapped
  }

  deinit { munmap(base, WorkerMemory.size) }

  /// The number that a head's last field has.
  static func slot(_ head: [String]) -> Int? {
    guard let last = head.last, last.hasPrefix("X-PAR-Slot: ") else { return nil }
    return Int(last.dropFirst("X-PAR-Slot: ".count))
  }

  /// The agent's code runs for this request from here on.
  func begin(_ head: [String]) {
    guard let slot = Self.slot(head), (0..<WorkerMemory.slots).contains(slot) else { return }
    (base + 64 + slot).assumingMemoryBound(to: Atomic<UInt8>.self).pointee
      .store(1, ordering: .relaxed)
  }
}

extension TestServer {
  /// A server whose first worker marks what it begins.
  convenience init(
    _ marks: WorkerMarks, gate: Gate = .ready,
    _ change: (inout DataPlaneOptions, inout Snapshot) -> Void = { _, _ in }
  ) throws {
    try self.init(gate: gate) { options, snapshot, folder in
      options.loopCount = 1
      snapshot.worker = Worker(
        restSocket: folder.path + "/rest.sock", a2a: .unix(folder.path + "/a2a.sock"),
        memory: marks.memory)
      change(&options, &snapshot)
    }
  }
}
