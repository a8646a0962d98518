/// The latest lines of a run, so that one that stands twice is known, and where it stood before.
struct RecentLines: Sendable {
  /// How many are remembered: to say where a line stood before; and where repeated ones are passed over,
  /// for then whole stretches may come again, as in two exports of one log.
  static let limit = 1 << 10
  static let repeatedLimit = 1 << 16

  private let limit: Int
  private struct Entry {
    let sequence: Int64
    let hash: UInt64
    let place: Place
  }

  /// In the order of their numbers; a ring once it is full, whose oldest is at `oldest`.
  private var entries: [Entry] = []
  private var oldest = 0

  init(limit: Int = limit) { self.limit = limit }

  var count: Int { entries.count }

  mutating func take(_ sequence: Int64, _ hash: UInt64, at place: Place) {
    let entry = Entry(sequence: sequence, hash: hash, place: place)
    if entries.count < limit {
      entries.append(entry)
    } else {
      entries[oldest] = entry
      oldest = (oldest + 1) % limit
    }
  }

  /// Where the same line stood before, word for word.
  func place(of sequence: Int64, _ hash: UInt64) -> Place? {
    guard let entry = entry(sequence), entry.hash == hash else { return nil }
    return entry.place
  }

  /// Where the line of that number stands.
  func place(of sequence: Int64) -> Place? { entry(sequence)?.place }

  private func entry(_ sequence: Int64) -> Entry? {
    guard !entries.isEmpty else { return nil }
    // Numbers have no gaps in a run that conforms, and where there is one its line is the trouble.
    let distance = sequence.subtractingReportingOverflow(entries[oldest].sequence)
    guard !distance.overflow, 0..<Int64(entries.count) ~= distance.partialValue else { return nil }
    let entry = entries[(oldest + Int(distance.partialValue)) % entries.count]
    return entry.sequence == sequence ? entry : nil
  }
}
