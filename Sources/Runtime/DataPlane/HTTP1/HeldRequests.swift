import Glibc
import Lifecycle

/// One loop's requests that an agent has not begun and that wait for one, in the order of their arrival.
///
/// The list goes through the connections themselves, so that to wait allocates nothing. The
/// descriptor is none: only the deadline is used, which is when to look again.
final class HeldRequests: Pollable {
  private unowned(unsafe) var first: ClientConnection?
  private unowned(unsafe) var last: ClientConnection?
  /// The gate says that an agent will come. Otherwise the agent should be there and cannot be
  /// connected to.
  private var isAnnounced = false
  /// Why the last attempt to connect failed: errno(3).
  private(set) var failure = ENOENT
  /// Somebody listens where requests are handed over to: with TCP that is known only afterwards, and
  /// until it is, one goes ahead.
  var isReachable = false
  /// Not before then is one handed over again.
  private var notBefore: Int64 = 0

  /// Owns it, and every request here keeps it: it is there whenever the list is not empty.
  private unowned(unsafe) let backend: LoopBackend

  init(backend: LoopBackend) {
    self.backend = backend
    super.init(descriptor: -1, loop: backend.loop)
  }

  @inline(__always) var isEmpty: Bool { first == nil }

  /// Who came first is first, also when an agent had it meanwhile.
  func insert(_ client: ClientConnection) {
    if isEmpty {
      isAnnounced = backend.state().admission == .held
      isReachable = false
    }
    var before = last
    while let other = before, other.exchange.started > client.exchange.started {
      before = other.heldBefore
    }
    client.heldBefore = before
    client.heldAfter = before.map { $0.heldAfter } ?? first
    if let next = client.heldAfter { next.heldBefore = client } else { last = client }
    if let before { before.heldAfter = client } else { first = client }
    limit(client)
    // The gate may have changed since the request was routed. Whoever changes it looks whether
    // anything is held after that, and it is counted as held by now: one of the two sees the other.
    setDeadline(max(loop.now, notBefore))
  }

  /// Nobody listened there.
  func isRefused(_ number: Int32) {
    failure = number
    isReachable = false
    notBefore = loop.now + loop.limits.connectRetry.nanoseconds
  }

  func remove(_ client: ClientConnection) {
    if let before = client.heldBefore {
      before.heldAfter = client.heldAfter
    } else {
      first = client.heldAfter
    }
    if let after = client.heldAfter {
      after.heldBefore = client.heldBefore
    } else {
      last = client.heldBefore
    }
    client.heldBefore = nil
    client.heldAfter = nil
  }

  override func expired() { look() }

  /// Does what the gate says with those that wait.
  func look() {
    guard !isEmpty else { return }
    let published = backend.state()
    guard !backend.isRemoved else { return refuseAll(published) }
    switch published.admission {
    case .held: wait(announced: true)
    case .proxied:
      wait(announced: false)
      handOver()
    case .absent, .notReady, .stopping: refuseAll(published)
    }
  }

  private func refuseAll(_ published: Published) {
    while let client = first {
      client.leaveHold()
      client.refuse(published)
      loop.again(client)
    }
  }

  /// The loop ends.
  func end() {
    while let client = first {
      client.refuseHeld("The agent is stopping and takes no new requests")
      loop.again(client)
    }
    loop.deadlines.remove(self)
  }

  private func wait(announced: Bool) {
    guard isAnnounced != announced else { return }
    isAnnounced = announced
    var next = first
    while let client = next {
      // The time to connect begins when there is something to connect to.
      if !announced {
        client.exchange.heldFor += loop.now - client.exchange.heldSince
        client.exchange.heldSince = loop.now
        client.exchange.connectDeadline =
          loop.now + loop.shared.options.upstreamConnectTimeout.nanoseconds
      }
      limit(client)
      next = client.heldAfter
    }
  }

  private func limit(_ client: ClientConnection) {
    client.setDeadline(
      isAnnounced
        ? client.exchange.heldSince + loop.shared.options.holdTime.nanoseconds
        : client.exchange.connectDeadline)
  }

  /// The first goes first; one that the agent does not take makes all behind it wait.
  private func handOver() {
    guard loop.now >= notBefore else { return setDeadline(notBefore) }
    while let client = first {
      switch backend.connect() {
      case .connected(let connection):
        client.leaveHold()
        client.phase = .proxying
        client.attach(connection)
        loop.again(client)
        if connection.isConnecting, !isReachable {
          return setDeadline(loop.now + loop.limits.connectRetry.nanoseconds)
        }
      case .busy:
        failure = EAGAIN
        return setDeadline(loop.now + loop.limits.connectRetry.nanoseconds)
      case .failed(let number) where UpstreamPool.isShortage(number):
        client.leaveHold()
        client.noConnection(number)
        loop.again(client)
      case .failed(let number):
        failure = number
        return setDeadline(loop.now + loop.limits.connectRetry.nanoseconds)
      }
    }
  }

  /// The client's time is over.
  func expired(_ client: ClientConnection) {
    let published = backend.state()
    switch published.admission {
    case .held where isAnnounced:
      loop.counters.holdsExpired.bump(1)
      client.refuseHeld(
        "The agent is not ready: \(published.snapshot.state); the request was held for "
          + "\(loop.shared.options.holdTime.milliseconds) ms")
    case .proxied where !isAnnounced:
      client.leaveHold()
      loop.counters.holdsExpired.bump(1)
      if failure == EAGAIN {
        client.fail(504, "The agent did not accept a connection in time")
      } else {
        client.upstreamGone("The agent cannot be reached: nothing listens on its socket")
      }
    case .held, .proxied, .absent, .notReady, .stopping:
      // The gate changed at this moment.
      look()
    }
  }
}
