internal import Lifecycle

/// In which order the pieces of a run are judged, when several inputs hold it: rotated files may be given
/// in any order.
///
/// What an input holds of one run is a piece. A piece that does not go on where its run is, and lies ahead,
/// is put off: its lines are passed over, and its input is read once more when the others are through.
struct PieceOrder {
  /// Something that was put off.
  struct Piece: Sendable {
    let input: Int
    let key: RunKey
    /// Nil while no line of it could be read.
    var first: Int64?
    /// When its first line was written; inputs are read again in the order of time.
    let time: Int64
    /// To be judged though it does not fit.
    var isForced = false
  }

  private enum Decision: Equatable {
    case judged
    case putOff(piece: Int)
  }

  private(set) var pieces: [Piece] = []
  /// Of the runs in the input that is being read.
  private var decisions: [RunKey: Decision] = [:]
  private var last: (key: RunKey, decision: Decision)?
  private var input = 0
  /// Whether something can be put off, as there is more than this input and it can be read again.
  private var canPutOff = false
  /// When an input is read once more: the runs whose pieces are meant.
  private var meant: Set<RunKey>?

  /// An input is read for the first time.
  mutating func begin(_ input: Int, canPutOff: Bool) {
    self.input = input
    self.canPutOff = canPutOff
    (decisions, last, meant) = ([:], nil, nil)
  }

  /// Which pieces of an input can be judged now: those that go on where their runs are. They are no
  /// longer put off. False when there is none.
  mutating func beginAgain(_ input: Int, _ table: inout RunTable) -> Bool {
    var fitting: Set<RunKey> = []
    for piece in pieces where piece.input == input {
      if piece.isForced || fits(piece.first, table.standing(piece.key)) {
        fitting.insert(piece.key)
      }
    }
    guard !fitting.isEmpty else { return false }
    begin(input, canPutOff: false)
    meant = fitting
    pieces.removeAll { $0.input == input && fitting.contains($0.key) }
    return true
  }

  private func fits(_ first: Int64?, _ standing: RunTable.Standing) -> Bool {
    switch standing {
    case .unknown: first == 1
    case .open(let sequence, let isTroubled):
      isTroubled || first.map { $0 <= sequence &+ 1 } ?? true
    case .ended: true
    }
  }

  /// The inputs that hold something put off, in the order of its time.
  var inputs: [Int] {
    var earliest: [Int: Int64] = [:]
    for piece in pieces { earliest[piece.input] = min(earliest[piece.input] ?? .max, piece.time) }
    return earliest.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.map(\.key)
  }

  /// Nothing fits any more: of each run the piece with the lowest number is judged as it is.
  mutating func force() {
    var lowest: [RunKey: Int] = [:]
    for (index, piece) in pieces.enumerated() {
      if let other = lowest[piece.key], pieces[other].first ?? 0 <= piece.first ?? 0 { continue }
      lowest[piece.key] = index
    }
    for index in lowest.values { pieces[index].isForced = true }
  }

  /// Whether a line is judged now.
  /// - Parameters:
  ///   - sequence: nil for a line that cannot be read.
  ///   - time: nanoseconds since 1970; nil as well.
  mutating func admits(
    _ key: RunKey, _ sequence: Int64?, time: Int64?, _ table: inout RunTable
  ) -> Bool {
    if !canPutOff { return meant?.contains(key) ?? true }
    if let last, last.key == key { return admits(last.decision, sequence) }
    let decision: Decision
    if let known = decisions[key] {
      decision = known
    } else if fits(sequence, table.standing(key)) {
      decision = .judged
    } else {
      decision = .putOff(piece: pieces.count)
      pieces.append(Piece(input: input, key: key, first: sequence, time: time ?? 0))
    }
    decisions[key] = decision
    last = (key, decision)
    return admits(decision, sequence)
  }

  private mutating func admits(_ decision: Decision, _ sequence: Int64?) -> Bool {
    guard case .putOff(let piece) = decision else { return true }
    if pieces[piece].first == nil { pieces[piece].first = sequence }
    return false
  }
}
