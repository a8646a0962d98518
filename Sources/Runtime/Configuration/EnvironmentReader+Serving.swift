internal import Lifecycle

/// The rules of the variables that say where and within which limits the agent is served.
extension EnvironmentReader {
  /// The largest `BOOT_BUDGET_MS`: times the largest multiplier it still fits an `Interval`.
  static let maximumBudgetMilliseconds: Double = 1_000_000_000
  static let maximumMultiplier: Double = 1000
  package static let maximumRestarts: Int64 = 1_000_000
  /// The largest `SLOW_REQUEST_MS`: 11 days.
  static let maximumSlowMilliseconds: Double = 1_000_000_000
  static let maximumRanges = 1024
  /// A healthy loop of a busy machine is later than less.
  static let leastHeartbeatTimeout = Interval.seconds(1)

  mutating func basePath(into field: inout String) {
    let name = "BASE_PATH"
    guard let value = text(name) else { return }
    do throws(BasePath.Mistake) {
      field = try BasePath.normalize(value)
    } catch {
      refuse(name, value, needs: error.rule, .basePath)
    }
  }

  mutating func bindAddress(into field: inout String) {
    let name = "BIND_ADDRESS"
    guard let value = text(name) else { return }
    guard let address = NetworkAddress(value) else {
      refuse(name, value, needs: "an IPv4 or IPv6 address, without a port", .bindAddress)
      return
    }
    field = address.text
  }

  /// Two listeners cannot share a number; 0 is a different port each time.
  mutating func refuseSamePorts(_ configuration: Configuration) {
    var ports = [("REST_PORT", configuration.restPort), ("A2A_PORT", configuration.a2aPort)]
    if isGood("MULTIPLEXED"), !configuration.multiplexed {
      ports.append(("UI_PORT", configuration.uiPort))
    }
    ports.removeAll { $0.1 == 0 || !isGood($0.0) }
    for (index, (name, port)) in ports.enumerated() {
      guard let (other, _) = ports[..<index].first(where: { $0.1 == port }) else { continue }
      refuse(name, "\(port)", needs: "different from \(other), which is the same", .ports)
    }
  }

  mutating func bootBudget(into field: inout Interval) {
    let name = "BOOT_BUDGET_MS"
    guard let value = text(name) else { return }
    guard let number = DecimalText.fraction(value), number <= Self.maximumBudgetMilliseconds,
      Interval.seconds(number / 1000) > .zero
    else {
      let bound = DecimalText.describe(Self.maximumBudgetMilliseconds)
      let rule = "a decimal number of milliseconds above 0, at most \(bound)"
      refuse(name, value, needs: rule, .badTime)
      return
    }
    field = .seconds(number / 1000)
  }

  /// A switch, or the part of the requests that has a line.
  mutating func accessLog(into field: inout Double) {
    let name = "ACCESS_LOG"
    guard let value = text(name) else { return }
    if let isOn = Self.flag(value) {
      field = isOn ? 1 : 0
    } else if let part = DecimalText.fraction(value), part <= 1 {
      field = part
    } else {
      let rule = "true, 1, yes, on, or false, 0, no, off, or a decimal number from 0 to 1"
      refuse(name, value, needs: rule, Self.isDigit(value.utf8.first) ? .badNumber : .badBoolean)
    }
  }

  private static func isDigit(_ byte: UInt8?) -> Bool {
    byte.map { (0x30...0x39).contains($0) } ?? false
  }

  mutating func slowRequest(into field: inout Interval) {
    let name = "SLOW_REQUEST_MS"
    guard let value = text(name) else { return }
    guard let number = DecimalText.fraction(value), number <= Self.maximumSlowMilliseconds else {
      let bound = DecimalText.describe(Self.maximumSlowMilliseconds)
      let rule = "a decimal number of milliseconds from 0 to \(bound)"
      refuse(name, value, needs: rule, .badTime)
      return
    }
    field = .seconds(number / 1000)
  }

  mutating func hardLimitMultiplier(into field: inout Double) {
    let name = "BOOT_HARD_LIMIT_MULTIPLIER"
    guard let value = text(name) else { return }
    guard let number = DecimalText.fraction(value),
      number == 0 || (1...Self.maximumMultiplier).contains(number)
    else {
      let bound = DecimalText.describe(Self.maximumMultiplier)
      let rule = "0 (no hard limit) or a decimal number from 1 to \(bound)"
      refuse(name, value, needs: rule, .badNumber)
      return
    }
    field = number
  }

  mutating func workerRestarts(maximum: inout Int, window: inout Interval) {
    let name = "WORKER_RESTARTS"
    guard let value = text(name) else { return }
    let parts = value.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2, let count = DecimalText.whole(parts[0]),
      count <= Self.maximumRestarts, let time = Self.seconds(parts[1], least: .aboveZero)
    else {
      let rule =
        "restarts/seconds, such as 3/60: a whole number up to \(Self.maximumRestarts) and a "
        + "number of seconds above 0"
      refuse(name, value, needs: rule, .workerRestarts)
      return
    }
    maximum = Int(count)
    window = time
  }

  mutating func heartbeatTimeout(into field: inout Interval) {
    let name = "HEARTBEAT_TIMEOUT_SEC"
    guard let value = text(name) else { return }
    guard let time = Self.seconds(value, least: .zero),
      time == .zero || time >= Self.leastHeartbeatTimeout
    else {
      let bounds = [Self.leastHeartbeatTimeout.seconds, Self.maximumSeconds]
        .map { DecimalText.describe($0) }
      let rule = "0 (off) or a decimal number of seconds from \(bounds[0]) to \(bounds[1])"
      refuse(name, value, needs: rule, .badTime)
      return
    }
    field = time
  }

  /// Ranges separated by commas, blanks around them allowed; `none` trusts nobody, which an empty
  /// value cannot say.
  mutating func trustedProxies(into field: inout [String]) {
    let name = "TRUSTED_PROXIES"
    guard let value = text(name) else { return }
    guard value.lowercased() != "none" else {
      field = []
      return
    }
    let items = value.split(separator: ",", omittingEmptySubsequences: false)
    guard items.count <= Self.maximumRanges else {
      refuse(name, value, needs: "at most \(Self.maximumRanges) ranges", .trustedProxies)
      return
    }
    var ranges: [String] = []
    for item in items {
      let item = String(item).trimmingBlanks()
      do throws(AddressRange.Mistake) {
        ranges.append(try AddressRange(item).text)
      } catch {
        let rule =
          switch error {
          case .notARange: "is no address and no range such as 10.0.0.0/8"
          case .bitsBeyondPrefix(let meant): "has bits set after its prefix; \(meant) has none"
          }
        refuse(
          name, sentence: "\(name) names \(Self.quoted(item)): it \(rule)", .trustedProxies)
        return
      }
    }
    field = ranges
  }
}

extension String {
  fileprivate func trimmingBlanks() -> String {
    var rest = Substring(self)
    while rest.first == " " { rest.removeFirst() }
    while rest.last == " " { rest.removeLast() }
    return String(rest)
  }
}
