/// A run's first trouble with the lines around it: what a search for repairs works on.
///
/// Numbers of lines are compacted: output and access lines move nothing, so those that stand in order
/// are left out and the lines after them count on. `told` keeps what the log calls a line.
public struct Aftermath: Sendable {
  struct Entry: Sendable {
    var line: LogLine
    /// The line's own number.
    var told: Int64
  }

  /// The lines before the trouble, numbered from 1.
  private(set) var before: [Entry] = []
  /// Nil: the line cannot be read.
  private(set) var trouble: Entry?
  private(set) var after: [Entry] = []
  /// Whether all lines until the run's end are here.
  private(set) var isWhole = true
  /// Whether the lines before the trouble were too many to be kept.
  let isBlind: Bool
  private let limits: RepairLimits
  private var lastTold: Int64
  private var leftOut: Int64

  /// `history` ends before the trouble; `lastSequence` is the number of the last legal line.
  ///
  /// - Parameters:
  ///   - trouble: nil: it cannot be read.
  public init(
    trouble: LogLine?, after history: History, lastSequence: Int64,
    runID: String, agentAppID: String?, deploymentID: String?,
    limits: RepairLimits = RepairLimits()
  ) {
    self.limits = limits
    isBlind = history.leftOut > 0
    if !isBlind {
      before = history.moments.enumerated().map { index, moment in
        Entry(
          line: LogLine(
            wallNanoseconds: moment.wallNanoseconds, sequence: Int64(index + 1), runID: runID,
            agentAppID: agentAppID, deploymentID: deploymentID,
            uptimeMilliseconds: moment.uptimeMilliseconds,
            event: moment.event),
          told: moment.sequence)
      }
    }
    leftOut = lastSequence &- Int64(before.count)
    lastTold = lastSequence
    if let trouble {
      self.trouble = Entry(trouble, less: leftOut)
      lastTold = trouble.sequence
    } else {
      lastTold &+= 1
    }
  }

  public var linesBefore: Int { before.count }

  public mutating func take(_ line: LogLine) {
    guard isWhole else { return }
    if line.event.isChatter, line.sequence == lastTold &+ 1 {
      leftOut &+= 1
    } else if after.count < limits.linesAfter {
      after.append(Entry(line, less: leftOut))
    } else {
      isWhole = false
    }
    lastTold = line.sequence
  }

  /// Another line of the run cannot be read: nothing is known from here on.
  public mutating func takeCorrupt() { isWhole = false }
}

extension Aftermath.Entry {
  fileprivate init(_ line: LogLine, less leftOut: Int64) {
    self.init(line: line, told: line.sequence)
    self.line.sequence &-= leftOut
  }
}

extension LogEvent {
  /// Lines that a history counts and does not keep.
  fileprivate var isChatter: Bool {
    switch self {
    case .agentOutput, .request: true
    default: false
    }
  }
}
