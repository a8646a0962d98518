/// What is hosted, as the lines of the boot tell of it: one package, with its surfaces and ports.
struct PackageFacts: Sendable {
  private var package: PackageIdentity?
  private var loaded: LoadFacts?
  private var ready: ReadyFacts?
  /// Whether there is agent code to run.
  private(set) var hasWorker = true

  mutating func take(_ line: LogLine) throws(Breach) {
    switch line.event {
    case .install(_, let facts): try install(facts)
    case .load(_, let facts): try load(facts, of: line.runID)
    case .runtimeReady(_, let facts): try becomeReady(facts)
    default: break
    }
  }

  private mutating func install(_ facts: InstallFacts) throws(Breach) {
    let cache = facts.environmentCache
    guard (facts.environmentKey == nil) == (cache == .none) else {
      throw Breach(.environmentAgrees, "an environment has a key, and only then")
    }
    guard (facts.installer == nil) == (cache != .miss) else {
      throw Breach(
        .environmentAgrees,
        facts.installer == nil
          ? "no installer is named" : "an installer is named, but nothing is to be installed",
        allowed: facts.installer == nil ? [] : ["installer null"])
    }
    if facts.python == nil, cache != .none {
      throw Breach(.environmentAgrees, "an environment is named, but no Python will run")
    }
    (package, hasWorker) = (facts.package, facts.python != nil)
  }

  private mutating func load(_ facts: LoadFacts, of runID: String) throws(Breach) {
    guard facts.package == package else {
      throw Breach(.packageStays, "its package is not the one that was installed")
    }
    guard loaded == nil || facts == loaded else {
      throw Breach(.packageStays, "its surfaces and sockets are not those of the load before")
    }
    guard (facts.restSocket != nil) == hasWorker else {
      throw Breach(.readyNeedsAllSurfaces, "an agent with code has a socket, and only then")
    }
    guard (facts.a2aSocket != nil) == facts.surfaces.contains("a2a") else {
      throw Breach(.readyNeedsAllSurfaces, "the surface a2a has a socket, and only then")
    }
    try checkPath(facts.restSocket, "/par-\(runID)/rest.sock")
    try checkPath(facts.a2aSocket, "/par-\(runID)/a2a.sock")
    loaded = facts
  }

  /// Sockets are in the run's own folder.
  private func checkPath(_ socket: String?, _ end: String) throws(Breach) {
    guard socket?.hasSuffix(end) ?? true else {
      throw Breach(
        .readyNeedsAllSurfaces, "its socket is not the run's own", allowed: ["…\(end)"])
    }
  }

  private mutating func becomeReady(_ facts: ReadyFacts) throws(Breach) {
    guard let loaded, facts.surfaces == loaded.surfaces else {
      throw Breach(
        .readyNeedsAllSurfaces,
        "its surfaces are \(facts.surfaces.list), but \(loaded?.surfaces.list ?? "none") load",
        allowed: ["surfaces \(loaded?.surfaces.list ?? "none")"])
    }
    if let ready {
      let sameA2A = facts.a2aPort == ready.a2aPort
      guard facts.restPort == ready.restPort, sameA2A, facts.uiPort == ready.uiPort else {
        throw Breach(.portsStay, "its ports are not those of the first runtime_ready")
      }
    }
    ready = facts
  }
}

extension [String] {
  fileprivate var list: String { isEmpty ? "none" : joined(separator: ", ") }
}
