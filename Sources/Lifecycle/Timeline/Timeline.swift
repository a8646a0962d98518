/// A run's life as stretches of time: one for each stay in a state. What every picture of a run is drawn
/// from. All times are milliseconds since the process started; they never go back, whatever the lines
/// say.
public struct Timeline: Sendable, Equatable {
  /// Part of a stretch in which nothing was done but waited.
  public struct Wait: Sendable, Equatable {
    /// For what, in words.
    public enum Reason: String, Sendable, CaseIterable {
      /// Between an attempt to download and the next.
      case retry = "retry of the download"
      /// Another boot installs the same environment. From the first line that says so to the last: it
      /// was at least as long.
      case lock = "another boot's installation"
      /// Until the process that takes the place of a lost one is started.
      case restartDelay = "restart delay"
      /// The time in which a drain still serves new work, until the load balancer knows.
      case lameDuck = "lame duck"
      /// Requests in flight that did not end before the deadline.
      case requests = "requests in flight"
    }

    public var what: Reason
    public var start: Int64
    public var end: Int64

    public var length: Int64 { end - start }
  }

  public struct Stretch: Sendable, Equatable {
    public var state: StateName
    /// What led here, in the log's words.
    public var cause: String
    public var attempt: Int?
    public var start: Int64
    /// Nil: the log ends in it. The stretch of stopped ends where it begins.
    public var end: Int64?
    /// In their order; they do not overlap.
    public var waits: [Wait] = []
    /// What its line says beyond that, in a few words; it comes from the log, and may hold anything.
    public var label = ""
    /// The line that began it.
    public var sequence: Int64
    /// Whether lines within it are not kept any more: it may stand for several.
    public var hasGap = false

    public var length: Int64? { end.map { $0 - start } }
    public var waited: Int64 { waits.reduce(0) { $0 + $1.length } }
    /// What the stretch took less what it waited.
    public var own: Int64? { length.map { max(0, $0 - waited) } }
  }

  /// An end of the agent's process, or of the time it had to load, that nobody asked for.
  public struct Loss: Sendable, Equatable {
    public var at: Int64
    /// How it ended, as the end of a sentence: `ended by SIGKILL`.
    public var why: String
    public var pid: Int?
    /// Requests that were in flight, at most 20.
    public var inFlight: Int
    /// Restarts within the window so far.
    public var restarts: Int
    public var willRestart: Bool
    /// When the agent was ready again; nil: never.
    public var readyAt: Int64?

    /// How long nobody served, as far as the log tells; nil: the agent was not ready again.
    public var outage: Int64? { readyAt.map { $0 - at } }
  }

  /// One process of the agent takes the place of another, within ready.
  public struct Reload: Sendable, Equatable {
    public enum Outcome: Sendable, Equatable {
      case finished(loadMilliseconds: Int64)
      /// The process before serves on, and why.
      case failed(String)
    }

    public var start: Int64
    /// Nil with `outcome`: the log ends in it.
    public var end: Int64?
    public var outcome: Outcome?
  }

  /// Something worth a mark on a picture.
  public struct Mark: Sendable, Equatable {
    public enum Kind: String, Sendable, CaseIterable {
      case workerStarted = "worker_started"
      case workerEnded = "worker_ended"
      case loss, retry, progress, budget
      case hardLimit = "hard_limit"
      case configError = "config_error"
      case bootFailed = "boot_failed"
      case reloadStarted = "reload_started"
      case reloadFinished = "reload_finished"
      case reloadFailed = "reload_failed"
      case warning
      case slowRequest = "slow_request"
      case aborted = "request_aborted"
      case logDropped = "log_dropped"
      case illegalEvent = "illegal_event"
    }

    public var at: Int64
    public var kind: Kind
    /// One line. What stands in it comes from the log: it may hold anything.
    public var label: String
    public var level: LogLevel
    public var sequence: Int64
  }

  public internal(set) var stretches: [Stretch] = []
  public internal(set) var losses: [Loss] = []
  public internal(set) var reloads: [Reload] = []
  /// In the order of the log.
  public internal(set) var marks: [Mark] = []
  /// When the last line was written.
  public internal(set) var end: Int64 = 0
  /// The first boot's time, from the start of the process to ready.
  public internal(set) var boot: Int64?

  public init(_ history: History) {
    var builder = TimelineBuilder()
    builder.take(history)
    self = builder.finished()
  }

  init() {}

  /// How long the agent served: the time in ready.
  public var served: Int64 { total { $0.state == .ready } }

  /// How long nobody served between the first ready and the drain.
  public var unserved: Int64 {
    guard let first = stretches.firstIndex(where: { $0.state == .ready }) else { return 0 }
    let start = stretches[first].start
    return total { $0.start >= start && $0.state == .loading }
  }

  private func total(_ counts: (Stretch) -> Bool) -> Int64 {
    stretches.reduce(0) { $0 + (counts($1) ? ($1.end ?? end) - $1.start : 0) }
  }
}
