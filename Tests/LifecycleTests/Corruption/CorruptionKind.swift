/// A kind of damage to a log.
enum CorruptionKind: String, CaseIterable {
  case drop = "a line is missing"
  case dropRenumbered = "a line is missing, and seq counts on"
  case duplicate = "a line stands twice"
  case duplicateRenumbered = "a line stands twice, and seq counts on"
  case swap = "two neighbours are swapped"
  case swapRenumbered = "two neighbours are swapped, and seq counts on"
  case move = "a line stands somewhere else, and seq counts on"
  case truncate = "the end is missing"
  case sequence = "another seq"
  case state = "another state"
  case cause = "another cause"
  case attempt = "another attempt"
  case uptime = "another uptime_ms of a transition"
  case time = "another time"
  case counter = "another counter"
  case flag = "another flag or outcome"
  case surface = "another surface, socket or package"
  // What follows is not in the sum: one line alone may tell of it.
  case process = "another process"
  case report = "another uptime_ms of a line between transitions"
  case toldOnce = "another value of a field that is told once"
  case bit = "a flipped bit"

  /// Whether promises are to notice nearly all of it.
  var counts: Bool {
    switch self {
    case .process, .report, .toldOnce, .bit: false
    default: true
    }
  }

  /// Whether the log still numbers its lines without a gap: then only what the lines say can tell. Those
  /// that tell of nothing the machine does may be missing unseen.
  var countsOn: Bool {
    switch self {
    case .dropRenumbered, .duplicateRenumbered, .swapRenumbered, .move: true
    default: false
    }
  }

  /// The fields that it changes, by the last part of their path; nil: it changes no field.
  var fields: Set<String>? {
    switch self {
    case .drop, .dropRenumbered, .duplicate, .duplicateRenumbered, .swap, .swapRenumbered, .move,
      .truncate, .bit:
      nil
    case .sequence: ["seq"]
    case .state: ["from", "to", "state", "phase", "in"]
    case .cause: ["cause"]
    case .attempt: ["attempt"]
    case .uptime, .report: ["uptime_ms"]
    case .time:
      [
        "fetch_ms", "boot_ms", "load_ms", "drain_ms", "deadline_ms", "counted_ms", "budget_ms",
        "hard_limit_ms", "delay_ms", "phases_ms.fetch", "phases_ms.verify", "phases_ms.install",
        "phases_ms.load", "settle_ms",
      ]
    case .counter:
      [
        "restarts", "exit_code", "count", "aborted", "agents", "ready", "failed", "worker",
        "from_worker", "to_worker", "worker_seq",
      ]
    case .flag: ["will_restart", "asked", "outcome", "level", "forced", "end"]
    case .surface:
      [
        "surfaces", "sockets.rest", "sockets.a2a", "package.name", "package.version",
        "environment.cache", "agent", "revision", "worker_run", "reason", "removed",
      ]
    case .process: ["pid", "replaced"]
    case .toldOnce:
      [
        "in_flight", "completed", "status", "signal", "rest_port", "a2a_port", "ui_port",
        "environment.key", "installer", "python", "bytes", "source", "port", "deployment", "oom",
        "restart.max",
        "restart.window_ms", "surge", "added", "changed",
      ]
    }
  }
}
