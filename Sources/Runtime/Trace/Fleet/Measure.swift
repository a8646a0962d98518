internal import Lifecycle

/// What is measured of a run, in milliseconds.
enum Measure: String, CaseIterable {
  case fetch, verify
  case installCold = "install, cold"
  case installCached = "install, cached"
  /// Of the first boot.
  case load
  /// From the process's start to the first readiness.
  case bootCold = "boot, cold"
  case bootCached = "boot, cached"
  /// From the loss of a worker that served to the next readiness, over all attempts.
  case outage = "restart outage"
  /// Of a worker that took another's place; nothing is interrupted.
  case reload
  case drain

  /// The name in JSON.
  var key: String {
    switch self {
    case .fetch: "fetch_ms"
    case .verify: "verify_ms"
    case .installCold: "install_cold_ms"
    case .installCached: "install_cached_ms"
    case .load: "load_ms"
    case .bootCold: "boot_cold_ms"
    case .bootCached: "boot_cached_ms"
    case .outage: "restart_outage_ms"
    case .reload: "reload_ms"
    case .drain: "drain_ms"
    }
  }
}

/// One value of a measure, and how much of it was waiting.
struct Measured {
  var measure: Measure
  var milliseconds: Int64
  var waited: Int64 = 0
}

extension RunReport {
  /// All that can be measured of the run; phases that did not come to their regular end are left out,
  /// as they ended for another reason than that their work was done.
  var measures: [Measured] { phases + reloads + drains }

  /// How long the drain took; none of a run that did not drain to its end.
  private var drains: [Measured] {
    guard case .stopped(_, let facts)? = history.moments.last(where: { $0.event.isStopped })?.event
    else { return [] }
    let waited = timeline.stretches.last { $0.state == .draining }?.waited ?? 0
    return [
      Measured(
        measure: .drain, milliseconds: facts.drainMilliseconds,
        waited: min(waited, facts.drainMilliseconds))
    ]
  }

  private var reloads: [Measured] {
    history.moments.compactMap {
      guard case .reloadFinished(let facts) = $0.event else { return nil }
      return Measured(measure: .reload, milliseconds: facts.loadMilliseconds)
    }
  }

  private var isCold: Bool {
    history.moments.contains {
      if case .install(_, let facts) = $0.event { facts.environmentCache == .miss } else { false }
    }
  }

  private var phases: [Measured] {
    let isCold = isCold
    var measures: [Measured] = []
    var outage: Measured?
    var bootWait: Int64 = 0
    let stretches = timeline.stretches
    for (stretch, next) in zip(stretches, stretches.dropFirst()) {
      guard let length = stretch.length else { continue }
      func add(_ measure: Measure) {
        measures.append(
          Measured(measure: measure, milliseconds: length, waited: stretch.waited))
      }
      switch (stretch.state, next.state) {
      case (.fetching, .verifying): add(.fetch)
      case (.verifying, .installing): add(.verify)
      case (.installing, .loading): add(isCold ? .installCold : .installCached)
      case (.loading, .ready) where stretch.attempt == 1:
        add(.load)
        measures.append(
          Measured(
            measure: isCold ? .bootCold : .bootCached, milliseconds: next.start,
            waited: bootWait + stretch.waited))
      case (.loading, .loading), (.loading, .ready):
        guard stretch.attempt != 1 else { break }
        var sum = outage ?? Measured(measure: .outage, milliseconds: 0)
        sum.milliseconds += length
        sum.waited += stretch.waited
        outage = sum
        if next.state == .ready {
          measures.append(sum)
          outage = nil
        }
      default: break
      }
      bootWait += stretch.waited
    }
    return measures
  }
}
