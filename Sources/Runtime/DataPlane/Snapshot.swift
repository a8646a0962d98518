public import Lifecycle

/// One surface of the package and whether it answers.
public struct SurfaceState: Sendable, Equatable {
  public var name: String
  public var ready: Bool

  public init(name: String, ready: Bool) {
    self.name = name
    self.ready = ready
  }
}

/// A number that the control plane adds to `/metrics`.
public struct Gauge: Sendable {
  /// A Prometheus metric name, as `par_worker_restarts_total`; a name ending in `_total` is
  /// announced as a counter.
  public var name: String
  public var help: String
  /// Read on a loop's thread whenever `/metrics` is asked for.
  public var value: @Sendable () -> Double

  public init(name: String, help: String, value: @escaping @Sendable () -> Double) {
    self.name = name
    self.help = help
    self.value = value
  }
}

/// Everything the data plane knows of the program's state: immutable, published as a whole.
public struct Snapshot: Sendable {
  public var gate: Gate
  /// The machine's state, lower case, as it stands in health bodies.
  public var state: String
  /// Why health is not ok, from the closed list; nil while it is.
  public var reason: String?
  /// The package's surfaces in the order health shows them.
  public var surfaces: [SurfaceState]
  /// What health bodies say in place of the surfaces, of a supervisor; nil: the surfaces.
  public var healthMembers: [JSONMember]?
  /// The JSON body of `P/meta`; nil while the manifest is not known.
  public var meta: [UInt8]?
  /// While `booting`, agent requests wait as in a restart instead of being answered 503.
  public var holdsBoot: Bool
  /// Who serves requests; nil: nobody now.
  public var worker: Worker?
  /// The folder `P/ui/` serves; nil: no UI surface.
  public var uiFolder: String?
  /// From process start to the first Ready; nil while booting (the time so far is shown).
  public var bootMilliseconds: Int64?
  public var budgetMilliseconds: Int64
  /// Of an agent's snapshot they are told with the label `agent`; the agents have the same ones.
  public var gauges: [Gauge]

  public init(
    gate: Gate, state: String, reason: String? = nil,
    surfaces: [SurfaceState] = [SurfaceState(name: "rest", ready: false)], meta: [UInt8]? = nil,
    holdsBoot: Bool = false, worker: Worker? = nil, uiFolder: String? = nil,
    bootMilliseconds: Int64? = nil,
    budgetMilliseconds: Int64 = 5000, gauges: [Gauge] = []
  ) {
    self.gate = gate
    self.state = state
    self.reason = reason
    self.surfaces = surfaces
    healthMembers = nil
    self.meta = meta
    self.holdsBoot = holdsBoot
    self.worker = worker
    self.uiFolder = uiFolder
    self.bootMilliseconds = bootMilliseconds
    self.budgetMilliseconds = budgetMilliseconds
    self.gauges = gauges
  }
}
