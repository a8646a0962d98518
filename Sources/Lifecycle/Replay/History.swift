/// What a run's log told, kept for a person: every line but the agent's output and the access log, which
/// are counted. Of a very long life the beginning and the end are kept.
public struct History: Sendable {
  /// One line.
  public struct Moment: Sendable, Equatable {
    public var sequence: Int64
    /// Monotonic, since the process started.
    public var uptimeMilliseconds: Int64
    public var wallNanoseconds: Int64
    public var event: LogEvent

    public init(_ line: LogLine) {
      sequence = line.sequence
      uptimeMilliseconds = line.uptimeMilliseconds
      wallNanoseconds = line.wallNanoseconds
      event = line.event
    }
  }

  /// How many moments are kept: half from the beginning, half from the end.
  public static let limit = 2000

  private var beginning: [Moment] = []
  /// The latest moments; a ring once it is full, whose oldest is at `oldest`.
  private var recent: [Moment] = []
  private var oldest = 0
  /// Moments that are not kept any more: they lie between the beginning and the end.
  public private(set) var leftOut = 0
  public private(set) var requests = 0
  public private(set) var outputLines = 0
  /// The wall clock's time of the first line, in nanoseconds since 1970.
  public private(set) var startedAt: Int64?

  public init() {}

  /// The latest one.
  public var last: Moment? {
    recent.isEmpty ? beginning.last : recent[(oldest + recent.count - 1) % recent.count]
  }

  /// In the order of the log.
  public var moments: [Moment] {
    beginning + recent[oldest...] + recent[..<oldest]
  }

  public var first: Moment? { beginning.first }
  /// Whether no moment of it was kept, nor any line counted.
  public var isEmpty: Bool { startedAt == nil }

  /// What last moved the run up to the line of that number, as far as it is kept. Searched from the end,
  /// where it mostly is.
  public func move(upTo sequence: Int64) -> Moment? {
    for back in recent.indices {
      let moment = recent[(oldest + recent.count - 1 - back) % recent.count]
      if moment.sequence <= sequence, moment.event.transition != nil { return moment }
    }
    guard leftOut == 0 else { return nil }
    return beginning.last { $0.sequence <= sequence && $0.event.transition != nil }
  }

  public mutating func take(_ line: LogLine) {
    if startedAt == nil { startedAt = line.wallNanoseconds }
    switch line.event {
    case .request: requests += 1
    case .agentOutput: outputLines += 1
    default: keep(Moment(line))
    }
  }

  /// Counts a line that is not the run's first.
  public mutating func take(_ line: CountedLine) {
    switch line.kind {
    case .request: requests += 1
    case .agentOutput: outputLines += 1
    }
  }

  private mutating func keep(_ moment: Moment) {
    let half = Self.limit / 2
    if beginning.count < half {
      beginning.append(moment)
    } else if recent.count < half {
      recent.append(moment)
    } else {
      recent[oldest] = moment
      oldest = (oldest + 1) % half
      leftOut += 1
    }
  }
}
