/// The deadlines of one loop: a hierarchical timer wheel (Varghese and Lauck, 1987), so that to set
/// and to cancel one takes the same time however many there are.
///
/// Five levels of 64 slots; a slot of one level is as long as all of the level below. Whoever waits
/// stands in a slot of the lowest level at which its time differs from the wheel's, and moves down
/// when the wheel comes to that slot. Nothing ticks: a bit for each slot says whether anybody is in
/// it, and so when the loop has to look next.
///
/// A deadline that moves to later is not moved in the wheel; it is when its old time comes. That
/// makes the usual case, a deadline pushed back by each request, free.
struct TimerWheel {
  /// What an owner keeps for the wheel.
  struct Entry {
    /// The deadline that the wheel knows; `Pollable.never` while it knows none.
    fileprivate(set) var time = Pollable.never
    /// Which list it is in: level times 64 and slot, or `due`.
    fileprivate var list = 0
    fileprivate var next: Pollable?
    fileprivate unowned(unsafe) var previous: Pollable?
  }

  /// Nanoseconds of a slot of the lowest level, as a power of two: 131 µs. Deadlines within one are
  /// told apart, but not slept for: they are told together, at its end.
  static let slotBits: Int64 = 17
  private static let levels = 5
  private static let levelBits: Int64 = 6
  private static let slots = 64
  /// How far the wheel reaches, in slots of the lowest level: 38 hours, which is all slots of the
  /// highest level but the present one. A later deadline is looked at there and goes on.
  private static let reach = Int64(slots - 1) << (levelBits * Int64(levels - 1))
  /// The list of those whose time had come when they were set.
  private static let due = levels * slots

  private var lists: [Pollable?]
  /// A bit for each slot that somebody is in, by level.
  private var taken: [UInt64]
  /// All slots of the lowest level before this one are empty.
  private var current: Int64 = 0
  private(set) var count = 0

  init() {
    lists = Array(repeating: nil, count: Self.due + 1)
    taken = Array(repeating: 0, count: Self.levels)
  }

  var isEmpty: Bool { count == 0 }

  /// When the loop has to look, in nanoseconds of the monotonic clock; nil: never. Now, when
  /// something is due; never later than 131 µs after the first deadline.
  func next(after now: Int64) -> Int64? {
    guard count > 0 else { return nil }
    guard lists[Self.due] == nil else { return now }
    guard let slot = nextSlot() else { return nil }
    // The lowest level's slots are looked at when they are over, others when they begin.
    return (slot.start + (slot.level == 0 ? 1 : 0)) << Self.slotBits
  }

  private static func rotated(_ bits: UInt64, by count: Int64) -> UInt64 {
    let count = UInt64(count)
    return bits >> count | bits << ((64 - count) & 63)
  }

  /// Makes the wheel know `owner.deadline`.
  mutating func update(_ owner: Pollable) {
    guard owner.deadline < owner.timer.time else { return }
    unlink(owner)
    link(owner, owner.deadline)
  }

  mutating func remove(_ owner: Pollable) { unlink(owner) }

  /// Takes an owner whose deadline has passed; nil when none is left.
  mutating func takeExpired(at now: Int64) -> Pollable? {
    let target = now >> Self.slotBits
    while count > 0 {
      if let owner = lists[Self.due] {
        if let owner = take(owner, at: now) { return owner }
        continue
      }
      // In the slot of the present, some may be due and some not.
      if current == target { return takeDue(at: now) }
      advance(to: target)
    }
    current = max(current, target)
    return nil
  }

  /// From the wheel; and back into it when its deadline has moved to later.
  private mutating func take(_ owner: Pollable, at now: Int64) -> Pollable? {
    unlink(owner)
    if owner.deadline <= now {
      owner.deadline = Pollable.never
      return owner
    }
    if owner.deadline != Pollable.never { link(owner, owner.deadline) }
    return nil
  }

  /// One of the present slot whose time has come.
  private mutating func takeDue(at now: Int64) -> Pollable? {
    var next = lists[Int(current & 63)]
    while let owner = next {
      next = owner.timer.next
      if owner.timer.time <= now, let owner = take(owner, at: now) { return owner }
    }
    return nil
  }

  /// Goes to the next slot that has somebody in it, at most to `target`; who is in it comes a level
  /// down, or onto the list of those that are due.
  private mutating func advance(to target: Int64) {
    guard let slot = nextSlot(), slot.start <= target else {
      current = target
      return
    }
    current = max(current, slot.start)
    // The present slot is not over; who is in it is looked at one by one.
    if slot.level == 0, slot.start == target { return }
    let place = Int((slot.start >> (Self.levelBits * Int64(slot.level))) & 63)
    let list = slot.level * Self.slots + place
    var next = lists[list]
    while let owner = next {
      next = owner.timer.next
      let time = owner.timer.time
      unlink(owner)
      link(owner, time, isOver: true)
    }
  }

  /// The first slot that somebody is in: where it begins, in slots of the lowest level.
  private func nextSlot() -> (start: Int64, level: Int)? {
    for level in 0..<Self.levels where taken[level] != 0 {
      let shift = Self.levelBits * Int64(level)
      // Slots before the present one belong to the level's next turn.
      let ahead = Self.rotated(taken[level], by: (current >> shift) & 63)
      return (((current >> shift) + Int64(ahead.trailingZeroBitCount)) << shift, level)
    }
    return nil
  }

  // MARK: Lists

  /// - Parameter isOver: from a slot that the wheel has come to; who belongs there is due.
  private mutating func link(_ owner: Pollable, _ time: Int64, isOver: Bool = false) {
    let slot = min(time >> Self.slotBits, current + Self.reach)
    let list: Int
    if slot < current || isOver && slot == current {
      list = Self.due
    } else {
      let different = UInt64(slot ^ current)
      let highest = different == 0 ? 0 : (63 - different.leadingZeroBitCount) / Int(Self.levelBits)
      // Beyond the last level's turn its slots are those of the next one.
      let level = min(highest, Self.levels - 1)
      let place = Int((slot >> (Self.levelBits * Int64(level))) & 63)
      list = level * Self.slots + place
      taken[level] |= 1 << UInt64(place)
    }
    owner.timer = Entry(time: time, list: list, next: lists[list], previous: nil)
    lists[list]?.timer.previous = owner
    lists[list] = owner
    count += 1
  }

  private mutating func unlink(_ owner: Pollable) {
    guard owner.timer.time != Pollable.never else { return }
    let entry = owner.timer
    owner.timer = Entry()
    entry.next?.timer.previous = entry.previous
    if let previous = entry.previous {
      previous.timer.next = entry.next
    } else {
      lists[entry.list] = entry.next
      if entry.next == nil, entry.list < Self.due {
        taken[entry.list / Self.slots] &= ~(1 << UInt64(entry.list % Self.slots))
      }
    }
    count -= 1
  }
}
