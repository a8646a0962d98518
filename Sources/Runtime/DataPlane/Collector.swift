import CPlatform
import Glibc
import Lifecycle
import LinuxSystem

/// What the main thread asks of every loop.
enum Command: Sendable {
  case cut(CutReason, Collector)
  case retire(Retirement)
  /// Only sent while requests are held or HTTP/2 connections are open.
  case gateChanged
  /// There are other agents to route to.
  case directoryChanged
  /// A control request has got (more of) its answer.
  case reply(PlaneReply)
  /// Connections to the sockets that were passed to the program are left to who comes next.
  case leaveBacklog
  case stop
}

/// What is to be ended.
enum CutReason: Sendable {
  /// Exchanges with this worker, which has ended; nil: with any.
  case upstreamLost(Worker?)
  /// Event streams, tunnels and gRPC streams of this worker; nil: of any.
  case streams(of: Worker?)
  case all

  /// - Parameter worker: who an exchange is with; nil: with nobody (yet).
  func concerns(_ worker: Worker?) -> Bool {
    switch self {
    case .upstreamLost(let lost): worker != nil && (lost == nil || lost === worker)
    case .streams(let meant): meant == nil || meant === worker
    case .all: true
    }
  }
}

/// Gathers the loops' answers to one command and wakes the thread that waits for them.
final class Collector: Sendable {
  /// Aborted requests that are reported one by one.
  static let capacity = 20

  private struct State {
    var pending: Int
    var aborted: [(started: Int64, request: AbortedRequest)] = []
  }

  private let state: Locked<State>
  private let wake: Int32

  init(loops: Int) {
    state = Locked(State(pending: loops))
    wake = par_eventfd()
  }

  deinit { if wake >= 0 { close(wake) } }

  func answer(_ aborted: [(started: Int64, request: AbortedRequest)]) {
    let last = state.withLock { state in
      state.aborted += aborted
      state.pending -= 1
      return state.pending == 0
    }
    if last {
      var one: UInt64 = 1
      write(wake, &one, 8)
    }
  }

  /// What the loops that answered in time aborted.
  var aborted: [(started: Int64, request: AbortedRequest)] { state.withLock { $0.aborted } }

  /// Until every loop has answered, at most `limit`.
  func wait(_ limit: Interval) {
    let end = par_monotonic_ns() + limit.nanoseconds
    while state.withLock({ $0.pending > 0 }) {
      let left = end - par_monotonic_ns()
      guard left > 0 else { return }
      var poller = pollfd(fd: wake, events: Int16(POLLIN), revents: 0)
      poll(&poller, 1, Int32((left + 999_999) / 1_000_000))
    }
  }
}
