package import ControlPlane
package import DataPlane
package import Lifecycle
import LinuxSystem

/// Lets those in who know `SUPERVISOR_TOKEN`, and counts the others. For the admin API and for every
/// other route that wants the token. On the control loop's thread.
package final class TokenGate {
  /// Between two lines of the log about tokens that were missing or wrong.
  static let interval = Interval.seconds(60)

  package enum Verdict: Equatable {
    case granted
    /// None is configured: nobody comes in (403).
    case closed
    /// None came, or one that cannot be read (401).
    case missing
    case wrong
  }

  private let token: BearerToken?
  private let loop: ControlLoop
  private let log: (LogEvent) -> Void
  /// Requests without the right token since the supervisor started.
  package private(set) var refused = 0
  /// Of these, in no line yet; and from where the last one was.
  private var untold = 0
  private var lastPeer = ""
  private var alarm: Int?

  package init(_ token: String?, loop: ControlLoop, log: @escaping (LogEvent) -> Void) {
    self.token = token.map { BearerToken($0) }
    self.loop = loop
    self.log = log
  }

  /// Judges a request, and counts it when it has not the token.
  package func judge(_ request: ControlRequest) -> Verdict {
    let verdict = verdict(request)
    if verdict == .missing || verdict == .wrong { count(request.peer) }
    return verdict
  }

  /// Whether a request that is answered in any case has the token. A wrong one is counted, none is not.
  package func recognizes(_ request: ControlRequest) -> Bool {
    let verdict = verdict(request)
    if verdict == .wrong { count(request.peer) }
    return verdict == .granted
  }

  private func verdict(_ request: ControlRequest) -> Verdict {
    guard let token else { return .closed }
    guard let field = request.authorization, let given = BearerToken.credentials(field),
      !given.isEmpty
    else { return .missing }
    return token.isSame(as: given) ? .granted : .wrong
  }

  /// Answers a request that may not come in.
  ///
  /// - Returns: whether it may.
  package func admit(
    _ request: ControlRequest, _ reply: any ControlReply, state: FleetView.Phase
  ) -> Bool {
    guard let refusal = Self.refusal(judge(request)) else { return true }
    refusal.answer(state: state.rawValue, requestID: request.requestID).send(reply)
    return false
  }

  static func refusal(_ verdict: Verdict) -> AdminRefusal? {
    switch verdict {
    case .granted: nil
    case .closed:
      AdminRefusal(
        403, "Nobody may do this: the supervisor has no token",
        hint: "start it with SUPERVISOR_TOKEN; docs/errors.md#supervisor-token")
    case .missing:
      AdminRefusal(
        401, "The supervisor's token is wanted, as Authorization: Bearer",
        fields: [("WWW-Authenticate", "Bearer realm=\"supervisor\"")])
    case .wrong:
      AdminRefusal(
        401, "This is not the supervisor's token",
        fields: [("WWW-Authenticate", "Bearer realm=\"supervisor\", error=\"invalid_token\"")])
    }
  }

  /// The first one is told at once; those after it together, so that whoever guesses does not fill
  /// the log.
  private func count(_ peer: String) {
    refused += 1
    untold += 1
    lastPeer = peer
    guard alarm == nil else { return }
    tell()
    arm()
  }

  private func arm() {
    alarm = loop.schedule(at: Clock.now() + Self.interval) { [weak self] in
      guard let self else { return }
      alarm = nil
      guard untold > 0 else { return }
      tell()
      arm()
    }
  }

  func tell() {
    let what = untold == 1 ? "a request came" : "\(untold) requests came"
    let last = lastPeer.isEmpty ? "" : ", \(untold == 1 ? "" : "the last one ")from \(lastPeer)"
    log(
      .warning(
        code: "token_refused",
        message: "\(what) with a missing or wrong token\(last); \(refused) since the start"))
    untold = 0
  }
}
