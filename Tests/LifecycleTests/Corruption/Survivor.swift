/// A damage that no promise can notice, and why: the log could have been written by a machine with
/// another life. The reasons are for a reader; docs/trace.md has them in short.
struct Survivor {
  /// The beginning of what is done.
  let what: String
  let why: String

  static let all: [Survivor] = [
    Survivor(
      what: "pid of worker_started",
      why: "a second signal or the deadline ends a run before it can tell that its processes ended"),
    Survivor(
      what: "uptime_ms of run_started", why: "nothing is counted from the first line"),
    Survivor(
      what: "uptime_ms of fetch",
      why: "nothing is counted from it: the boot began with the process"),
    Survivor(
      what: "uptime_ms of install",
      why: "of a run that was never ready: what its phases took is told nowhere else"),
    Survivor(
      what: "uptime_ms of load",
      why: "of a run that was never ready, or of a restart that waits: its delay is drawn"),
    Survivor(
      what: "uptime_ms of runtime_ready",
      why: "of a restart that waited: between the end of its delay and the start of its process"),
    Survivor(
      what: "uptime_ms of ",
      why: "a line that moves nothing may come at any instant between its neighbours"),
    Survivor(
      what: "load_ms of reload_finished",
      why: "within the milliseconds between the reload and the start of its process"),
    Survivor(
      what: "load_ms of runtime_ready",
      why: "of a restart that waited: between the end of its delay and the start of its process"),
    Survivor(
      what: "delay_ms of worker_exited",
      why: "its fifth more or less is drawn, and the start of the process may be a little late"),
    Survivor(
      what: "aborted of stopped",
      why: "a run that cut requests off may have cut off more than the 20 that have lines"),
    Survivor(
      what: "cause of drain",
      why:
        "a drain after SIGTERM that takes as long as DRAIN_MIN_SEC may have been one after SIGINT"),
    Survivor(
      what: "cause of stopped", why: "a second signal may come at any time in a drain"),
    Survivor(
      what: "surfaces of load", why: "of a run that was never ready: no other line names them"),
    Survivor(
      what: "package.", why: "of a run that ended before its load: no other line names it"),
    Survivor(
      what: "environment.cache of install",
      why: "of an installation without a limit that would tell a cold one"),
    Survivor(
      what: "fetch: a line is missing",
      why: "what fails while fetching could have failed before: a port in use, a folder"),
    Survivor(
      what: "worker_exited: a line is missing",
      why: "a second signal or the deadline ends a run whether or not its processes ended"),
    Survivor(
      what: "config_error: a line stands twice", why: "a variable may have two mistakes"),
    Survivor(
      what: "desired_state: a line", why: "what is added or changed is told by agent_deploy too"),
    Survivor(
      what: "agent_deploy: a line stands twice",
      why: "what is wanted already may be wanted once more, and nothing comes of it"),
    Survivor(
      what: "cause of agent_deploy", why: "who wanted a version leads to the same, but for restarts"
    ),
    Survivor(
      what: "cause of supervisor_draining",
      why: "a supervisor's drain is the same after either signal"),
    Survivor(
      what: "revision of desired_state", why: "the revision of a document is told once"),
    Survivor(
      what: "revision of agent_deploy",
      why: "of a worker that could not be started no other line names it"),
    Survivor(
      what: "restarts of agent_worker_exited",
      why: "of a worker that is not started again nobody counts them"),
    Survivor(
      what: "delay_ms of agent_worker_exited",
      why: "it is drawn, and the next worker may be started a little late, or never"),
    Survivor(
      what: "drain_ms of supervisor_stopped",
      why: "by one millisecond: between the end and its line"),
    Survivor(
      what: "worker_seq of agent_state",
      why: "the worker is in that state at each of its lines until it moves again"),
    Survivor(
      what: "worker_run of agent_worker_stop",
      why: "of a worker of which no other line names the run"),
  ]

  static func reason(of what: String) -> String? {
    if let known = all.first(where: { what.hasPrefix($0.what) }) { return known.why }
    if what.contains("swapped") || what.contains("somewhere else") {
      return "one of the two moves nothing, or both are told in the same instant"
    }
    if what.hasPrefix("a bit in ") {
      return "a text, a name that nothing reads, the wall clock, or a number that is told once"
    }
    return toldOnce.contains { what.hasPrefix($0) } ? "no other line tells of it" : nil
  }

  private static let toldOnce = CorruptionKind.toldOnce.fields ?? []
}
