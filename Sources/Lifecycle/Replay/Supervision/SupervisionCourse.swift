/// What a supervisor's log tells, as a picture has it: a row an agent, in it a stretch for each stay in a
/// state, and below it the lives of its workers. All times are milliseconds since the supervisor's process
/// started; they never go back, whatever the lines say.
public struct SupervisionCourse: Sendable, Equatable {
  /// A stay of an agent in a state with one worker that serves: a change of version begins another.
  public struct Stretch: Sendable, Equatable {
    public var state: AgentStateName
    /// What led here, in the log's words.
    public var cause: String
    public var reason: String?
    public var start: Int64
    /// Nil: the log ends in it.
    public var end: Int64?
    /// Which worker the state is that of; nil where the log does not tell.
    public var worker: Int?
    /// Of that worker.
    public var revision: String?
    /// The line that began it.
    public var sequence: Int64
    /// Whether lines within it are not kept any more: it may stand for several.
    public var hasGap = false

    public func length(until now: Int64) -> Int64 { (end ?? now) - start }
  }

  /// A worker's process, from its start to its end.
  public struct Life: Sendable, Equatable {
    public var worker: Int
    public var revision: String
    public var pid: Int
    /// The run that its own log is.
    public var runID: String?
    public var start: Int64
    /// When the agent's traffic was first sent to it.
    public var serves: Int64?
    /// Nil: the log does not tell of it.
    public var end: Int64?
    /// How it ended, as the end of a sentence.
    public var how: String?
    /// Whether it ended by itself, against what was wanted.
    public var wasLost = false
    /// The first lane, from 0, in which it overlaps no other of its agent.
    public var lane = 0
    public var sequence: Int64
  }

  /// A version of an agent in the order in which it was first asked for.
  public struct Version: Sendable, Equatable {
    /// Twelve hex digits.
    public var revision: String
    public var deployment: String?
    /// `A` for the first, then `B` …
    public var name: String
  }

  public struct Agent: Sendable, Equatable {
    public var id: String
    public var stretches: [Stretch] = []
    public var lives: [Life] = []
    public var versions: [Version] = []
    /// Changes of the version that came through, and those that failed.
    public var changes = 0
    public var failedChanges = 0
    /// Ends of workers that nobody asked for, and starts after them.
    public var losses = 0
    public var restarts = 0

    public init(id: String) { self.id = id }

    /// What a revision is called; nil: it was never asked for, as far as the log is kept.
    public func version(_ revision: String?) -> Version? {
      versions.first { $0.revision == revision }
    }

    /// How long the agent served.
    public func served(until now: Int64) -> Int64 {
      stretches.reduce(0) { $0 + ($1.state == .ready ? $1.length(until: now) : 0) }
    }

    /// How long it was down after it had served and before it was to end.
    public func down(until now: Int64) -> Int64 {
      guard let first = stretches.firstIndex(where: { $0.state == .ready }) else { return 0 }
      return stretches[first...].reduce(0) {
        $0 + ($1.state == .restarting || $1.state == .failed ? $1.length(until: now) : 0)
      }
    }
  }

  /// A stay of the supervisor in a phase.
  public struct Phase: Sendable, Equatable {
    public var name: SupervisionPhase.Name
    public var cause: String
    public var start: Int64
    public var end: Int64?
    public var sequence: Int64
  }

  /// Something worth a mark on a picture.
  public struct Mark: Sendable, Equatable {
    public var at: Int64
    /// The name of the line's event.
    public var kind: String
    /// Nil: it is about all of them.
    public var agent: String?
    /// One line. What stands in it comes from the log: it may hold anything.
    public var label: String
    public var level: LogLevel
    public var sequence: Int64
  }

  /// In the order of their ids.
  public internal(set) var agents: [Agent] = []
  public internal(set) var phases: [Phase] = []
  /// In the order of the log.
  public internal(set) var marks: [Mark] = []
  /// How long it took until every agent that was desired at the start had settled.
  public internal(set) var settle: Int64?
  /// When the last line was written.
  public internal(set) var end: Int64 = 0

  /// How its life ended; nil: the log does not tell.
  public internal(set) var ending: StoppedFacts?

  init() {}
}
