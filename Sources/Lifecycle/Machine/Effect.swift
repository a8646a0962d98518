/// What a driver has to do, in order. Timers are no effects: they follow from the state.
public enum Effect: Sendable, Equatable {
  case fetch
  case verify
  /// Install the environment when the preparation says `miss`, else go on with what is there.
  case install(Preparation)
  /// Start the worker, or, without one, check what is to be served and report ready.
  case startWorker(attempt: Int)
  /// Stop a running fetch, verification or installation at once; nothing partial stays.
  case cancelStep
  /// Answer 502 to what was in flight at the worker and count it aborted.
  case failInFlight
  /// Tell the agent and the open streams that a drain began.
  case announceDrain
  /// Cut streams that are still open.
  case cutStreams
  /// Cut everything that is in flight.
  case cutInFlight
  /// Ask the agent host to stop, through its control pipe.
  case stopWorker
  /// Kill the worker's process group.
  case killWorker
  /// End the process; the log is written first.
  case exit(code: Int32)

  /// The effect's name in the specification.
  public var name: String {
    switch self {
    case .fetch: "fetch"
    case .verify: "verify"
    case .install: "install"
    case .startWorker: "start_worker"
    case .cancelStep: "cancel_step"
    case .failInFlight: "fail_in_flight"
    case .announceDrain: "announce_drain"
    case .cutStreams: "cut_streams"
    case .cutInFlight: "cut_in_flight"
    case .stopWorker: "stop_worker"
    case .killWorker: "kill_worker"
    case .exit(let code): "exit_\(code)"
    }
  }
}
