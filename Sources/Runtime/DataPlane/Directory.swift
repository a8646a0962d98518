/// The agents that a supervisor routes to, found by id and by deployment. Immutable, replaced as a
/// whole; a look-up allocates nothing.
final class Directory: Sendable {
  let generation: UInt64
  let entries: [BackendEntry]
  private let ids: NameTable
  private let deployments: NameTable

  init(_ entries: [BackendEntry], generation: UInt64) {
    self.generation = generation
    self.entries = entries
    ids = NameTable(entries.map { $0.backend.idBytes })
    deployments = NameTable(entries.map { Array(($0.deploymentID ?? "").utf8) })
  }

  /// - Returns: the place among `entries`.
  @inline(__always)
  func find(id: UnsafeRawBufferPointer) -> Int? { ids.find(id) }

  func find(deployment: UnsafeRawBufferPointer) -> Int? { deployments.find(deployment) }
}

/// Places in a list by name: a hash table with open addressing, at most half full.
struct NameTable: Sendable {
  private let names: [[UInt8]]
  /// A place and 1; 0: free. The count is a power of two.
  private var slots: [Int32]

  /// - Parameter names: by place; empty ones are not found, and neither are those that are there twice.
  init(_ names: [[UInt8]]) {
    self.names = names
    var size = 4
    while size < names.count * 2 { size *= 2 }
    slots = [Int32](repeating: 0, count: size)
    var seen: [[UInt8]: Int] = [:]
    for name in names { seen[name, default: 0] += 1 }
    for (place, name) in names.enumerated() where !name.isEmpty && seen[name] == 1 {
      var slot = name.withUnsafeBytes(Self.hash) & (size - 1)
      while slots[slot] != 0 { slot = (slot + 1) & (size - 1) }
      slots[slot] = Int32(truncatingIfNeeded: place + 1)
    }
  }

  func find(_ name: UnsafeRawBufferPointer) -> Int? {
    let mask = slots.count - 1
    var slot = Self.hash(name) & mask
    while slots[slot] != 0 {
      let place = Int(slots[slot]) - 1
      if Self.equals(names[place], name) { return place }
      slot = (slot + 1) & mask
    }
    return nil
  }

  private static func equals(_ one: [UInt8], _ other: UnsafeRawBufferPointer) -> Bool {
    guard one.count == other.count else { return false }
    for index in one.indices where one[index] != other[index] { return false }
    return true
  }

  /// FNV-1a (Fowler, Noll, Vo); names are the operator's, so nobody chooses collisions.
  private static func hash(_ name: UnsafeRawBufferPointer) -> Int {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in name { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    return Int(truncatingIfNeeded: (hash ^ hash >> 32) & 0x7FFF_FFFF)
  }
}
