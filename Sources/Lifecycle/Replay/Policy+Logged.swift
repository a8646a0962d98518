extension Policy {
  /// What of a run's configuration, as its first line has it, the machine decides by. A name that is
  /// absent or unusable leaves the default: a run with a bad configuration logs none.
  init(loggedConfig config: JSONValue) {
    self.init()
    func seconds(_ name: String, into interval: inout Interval) {
      guard let value = config[name]?.decimal, value >= 0, value < 1e9 else { return }
      interval = .seconds(value)
    }
    seconds("FETCH_TIMEOUT_SEC", into: &fetchTimeout)
    seconds("INSTALL_TIMEOUT_SEC", into: &installTimeout)
    seconds("LOAD_TIMEOUT_SEC", into: &loadTimeout)
    seconds("GRACEFUL_SHUTDOWN_TIMEOUT_SEC", into: &drainDeadline)
    seconds("DRAIN_MIN_SEC", into: &terminateMinimum)
    seconds("STREAM_DRAIN_SEC", into: &streamDrain)
    if let multiplier = config["BOOT_HARD_LIMIT_MULTIPLIER"]?.decimal,
      let budget = config["BOOT_BUDGET_MS"]?.decimal, multiplier >= 0, budget > 0,
      multiplier * budget < 1e12
    {
      hardLimit = multiplier == 0 ? nil : .seconds(budget / 1000) * multiplier
    }
    let restarts = (config["WORKER_RESTARTS"]?.text ?? "").split(separator: "/")
      .compactMap { Double($0) }
    if restarts.count == 2, restarts[0] >= 0, restarts[0] < 1e9, restarts[1] >= 0,
      restarts[1] < 1e9
    {
      restartsMaximum = Int(restarts[0])
      restartsWindow = .seconds(restarts[1])
    }
  }
}

extension JSONValue {
  /// A number of either kind.
  var decimal: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    case .null, .bool, .string, .array, .object: nil
    }
  }
}

extension Instant {
  init(milliseconds: Int64) { self.init(nanoseconds: milliseconds * 1_000_000) }

  /// Whole milliseconds since the start, rounded down: an instant as the log has it.
  var milliseconds: Int64 { (self - .start).milliseconds }
}
