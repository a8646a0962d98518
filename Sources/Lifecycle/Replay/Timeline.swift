/// A run's life as stretches of time: one for each stay in a state. What every picture of a run is drawn
/// from. All times are milliseconds since the process started.
public struct Timeline: Sendable, Equatable {
  /// Part of a stretch in which nothing was done but waited.
  public struct Wait: Sendable, Equatable {
    /// For what: `restart delay`, `retry of the download`, `lame duck`.
    public var what: String
    public var start: Int64
    public var end: Int64
  }

  public struct Stretch: Sendable, Equatable {
    public var state: StateName
    /// What led here, in the log's words.
    public var cause: String
    public var attempt: Int?
    public var start: Int64
    /// Nil: the log ends in it. The stretch of stopped ends where it begins.
    public var end: Int64?
    public var waits: [Wait] = []
    /// The line that began it.
    public var sequence: Int64

    public var length: Int64? { end.map { $0 - start } }
    public var waited: Int64 { waits.reduce(0) { $0 + $1.end - $1.start } }
    /// What the stretch took less what it waited.
    public var own: Int64? { length.map { max(0, $0 - waited) } }
  }

  public private(set) var stretches: [Stretch] = []
  /// When the last line was written.
  public private(set) var end: Int64 = 0

  public init(_ history: History) {
    for moment in history.moments {
      end = max(end, moment.uptimeMilliseconds)
      guard let transition = moment.event.transition else { continue }
      let now = moment.uptimeMilliseconds
      if let last = stretches.indices.last { stretches[last].end = now }
      stretches.append(
        Stretch(
          state: transition.to, cause: transition.cause, attempt: transition.attempt, start: now,
          end: transition.to == .stopped ? now : nil, sequence: moment.sequence))
    }
  }
}
