/// The deadlines of one loop: a binary heap with one entry per owner.
///
/// A deadline that moves to later is not moved in the heap; it is when its old time comes. That
/// makes the usual case, a deadline pushed back by each request, free.
struct DeadlineHeap {
  private struct Entry {
    var time: Int64
    var owner: Pollable
  }

  private var entries: [Entry] = []

  var isEmpty: Bool { entries.isEmpty }
  var count: Int { entries.count }
  /// When the loop has to look, in nanoseconds of the monotonic clock.
  var next: Int64? { entries.first?.time }

  /// Makes the heap know `owner.deadline`.
  mutating func update(_ owner: Pollable) {
    if owner.heapIndex < 0 {
      guard owner.deadline != Pollable.never else { return }
      owner.heapIndex = entries.count
      entries.append(Entry(time: owner.deadline, owner: owner))
      siftUp(entries.count - 1)
    } else if owner.deadline < entries[owner.heapIndex].time {
      entries[owner.heapIndex].time = owner.deadline
      siftUp(owner.heapIndex)
    }
  }

  mutating func remove(_ owner: Pollable) {
    let index = owner.heapIndex
    guard index >= 0 else { return }
    owner.heapIndex = -1
    let last = entries.removeLast()
    guard index < entries.count else { return }
    entries[index] = last
    last.owner.heapIndex = index
    siftUp(index)
    siftDown(last.owner.heapIndex)
  }

  /// Takes an owner whose deadline has passed; nil when none is left.
  mutating func takeExpired(at now: Int64) -> Pollable? {
    while let first = entries.first, first.time <= now {
      let owner = first.owner
      if owner.deadline <= now {
        remove(owner)
        owner.deadline = Pollable.never
        return owner
      }
      if owner.deadline == Pollable.never {
        remove(owner)
      } else {
        entries[0].time = owner.deadline
        siftDown(0)
      }
    }
    return nil
  }

  private mutating func siftUp(_ start: Int) {
    var index = start
    while index > 0 {
      let parent = (index - 1) / 2
      guard entries[index].time < entries[parent].time else { return }
      exchange(index, parent)
      index = parent
    }
  }

  private mutating func siftDown(_ start: Int) {
    var index = start
    while true {
      var least = index
      let left = index * 2 + 1
      if left < entries.count, entries[left].time < entries[least].time { least = left }
      if left + 1 < entries.count, entries[left + 1].time < entries[least].time {
        least = left + 1
      }
      guard least != index else { return }
      exchange(index, least)
      index = least
    }
  }

  private mutating func exchange(_ one: Int, _ other: Int) {
    entries.swapAt(one, other)
    entries[one].owner.heapIndex = one
    entries[other].owner.heapIndex = other
  }
}
