import AgentPackages
import Lifecycle
import RunConfiguration

/// Reads one agent of a document and collects every mistake in it.
struct AgentSpecReader {
  static let keys = [
    "agent_app_id", "package_url", "package_path", "package_sha256", "deployment_id",
    "environment", "memory_mb", "cpu_shares", "restart",
  ]
  /// The keys that are variables of a worker, whose rules they share.
  private static let variableKeys = [
    "AGENT_APP_ID": "agent_app_id", "PACKAGE_URL": "package_url",
    "AGENT_PACKAGE_PATH": "package_path", "PACKAGE_SHA256": "package_sha256",
    "DEPLOYMENT_ID": "deployment_id",
  ]

  let limits: DesiredLimits
  /// What a worker inherits from the supervisor.
  let inherited: [String: String]
  /// `agents[3].`, or nothing in the body of a request.
  let place: String
  /// In the order of the entry, as far as they have a line.
  private(set) var problems: [DesiredProblem] = []
  private var lines: [String: Int] = [:]
  private var texts: [String: String] = [:]

  /// What it says, when it is good.
  var agentAppID: String? { texts["agent_app_id"].flatMap { AgentAppID.isGood($0) ? $0 : nil } }

  init(limits: DesiredLimits, inherited: [String: String], place: String) {
    self.limits = limits
    self.inherited = inherited
    self.place = place
  }

  private mutating func refuse(_ key: String, _ error: String) {
    // Up to its index, so that a problem of the whole entry stands at `agents[3]`.
    let path = key.isEmpty ? String(place.prefix { $0 != "." }) : place + key
    let line = lines[key].map { " (line \($0))" } ?? ""
    problems.append(DesiredProblem(path, error + line))
  }

  /// - Parameter agentAppID: the id that the request's path names; the entry may repeat it.
  /// - Returns: nil when there are problems.
  mutating func read(_ node: DocumentNode, agentAppID: String? = nil) -> AgentSpec? {
    lines[""] = node.line
    guard case .mapping(let pairs) = node.content else {
      refuse("", "is \(node.kind): it must be a mapping of \(Self.keys.joined(separator: ", "))")
      return nil
    }
    var environment: [String: String] = [:]
    var memory: Int?
    var shares: Int?
    var restart: AgentSpec.Restart?
    if let agentAppID { texts["agent_app_id"] = agentAppID }
    for (key, value) in pairs {
      lines[key] = value.line
      switch key {
      case "agent_app_id":
        guard let text = text(key, value) else { continue }
        if let agentAppID, text != agentAppID {
          refuse(
            key, "is \(EnvironmentReader.quoted(text)), the path says \(agentAppID): leave it out")
        }
        texts[key] = text
      case "package_url", "package_path", "package_sha256", "deployment_id":
        texts[key] = text(key, value)
      case "environment": environment = self.environment(value)
      case "memory_mb": memory = whole(key, value, in: limits.memoryMegabytes)
      case "cpu_shares": shares = whole(key, value, in: limits.cpuShares)
      case "restart": restart = self.restart(value)
      default:
        refuse(
          key.isEmpty ? "" : Self.shownKey(key),
          "is no key of an agent; those are \(Self.keys.joined(separator: ", "))")
      }
    }
    let package = self.package(pairs.map(\.key))
    checkAsConfiguration(environment, package)
    guard problems.isEmpty, let package, let id = texts["agent_app_id"] else { return nil }
    do throws(StepFailure) {
      return try AgentSpec(
        agentAppID: id, package: package, packageSHA256: texts["package_sha256"],
        deploymentID: texts["deployment_id"], environment: environment, memoryMegabytes: memory,
        cpuShares: shares, restart: restart)
    } catch {
      refuse("", error.error)
      return nil
    }
  }

  /// A key as a part of a path: nothing that could be read as another place, or not at all.
  private static func shownKey(_ key: String) -> String {
    let isPlain = key.utf8.allSatisfy { $0.isLetterOrDigit || "_-.".utf8.contains($0) }
    return isPlain && key.utf8.count <= 64 ? key : EnvironmentReader.quoted(key)
  }

  // MARK: - Kinds of values

  /// nil, with a problem, for what is no text, and for one that is empty.
  private mutating func text(_ key: String, _ node: DocumentNode) -> String? {
    switch node.content {
    case .text(let text) where !text.isEmpty: return text
    case .text, .null:
      // AGENT_APP_ID has a sentence of its own for that.
      if key != "agent_app_id" { refuse(key, "is empty: leave it out, or give it a value") }
    case .decimal, .list, .mapping: refuse(key, "is \(node.kind): it must be text")
    }
    return nil
  }

  private mutating func whole(
    _ key: String, _ node: DocumentNode, in range: ClosedRange<Int>
  ) -> Int? {
    let number: Int64? =
      switch node.content {
      case .text(let text): DecimalText.whole(text)
      case .decimal(let number): JSONValue.number(number).whole
      case .null, .list, .mapping: nil
      }
    guard let number = number.flatMap({ Int(exactly: $0) }), range ~= number else {
      refuse(
        key,
        "is \(node.kind): it must be a whole number from \(range.lowerBound) to \(range.upperBound)"
      )
      return nil
    }
    return number
  }

  private mutating func restart(_ node: DocumentNode) -> AgentSpec.Restart? {
    guard case .mapping(let pairs) = node.content else {
      refuse("restart", "is \(node.kind): it must be a mapping of max and window_sec")
      return nil
    }
    var maximum: Int?
    var window = AgentSpec.Restart.defaultWindow
    for (key, value) in pairs {
      let path = "restart.\(key)"
      lines[path] = value.line
      switch key {
      case "max": maximum = whole(path, value, in: limits.restarts)
      case "window_sec":
        let seconds: Double? =
          switch value.content {
          case .text(let text): DecimalText.fraction(text)
          case .decimal(let number): number
          case .null, .list, .mapping: nil
          }
        guard let seconds, seconds <= limits.restartWindow.seconds,
          case let time = Interval.seconds(seconds), time > .zero
        else {
          let bound = DecimalText.describe(limits.restartWindow.seconds)
          refuse(
            path,
            "is \(value.kind): it must be a decimal number of seconds above 0, at most \(bound)")
          continue
        }
        window = time
      default:
        refuse("restart.\(Self.shownKey(key))", "is no key of restart; those are max, window_sec")
      }
    }
    guard pairs.contains(where: { $0.key == "max" }) else {
      refuse("restart", "has no max: write how many restarts are allowed, 0 for none")
      return nil
    }
    return maximum.map { AgentSpec.Restart(maximum: $0, window: window) }
  }

  private mutating func environment(_ node: DocumentNode) -> [String: String] {
    let key = "environment"
    guard case .mapping(let pairs) = node.content else {
      refuse(key, "is \(node.kind): it must be a mapping of names to text")
      return [:]
    }
    guard pairs.count <= limits.variables else {
      refuse(key, "has \(pairs.count) variables: at most \(limits.variables) are allowed")
      return [:]
    }
    var environment: [String: String] = [:]
    for (name, value) in pairs {
      let path = "environment.\(Self.shownKey(name))"
      lines[path] = value.line
      if let mistake = EnvironmentRules.mistake(in: name, limits: limits) {
        refuse(path, mistake)
        continue
      }
      switch value.content {
      case .text(let text):
        if let mistake = EnvironmentRules.mistake(inValue: text, limits: limits) {
          refuse(path, mistake)
        } else {
          environment[name] = text
        }
      case .null: refuse(path, "has no value: write \"\" for an empty one")
      case .decimal:
        refuse(path, "is a number with a fraction: write it as text, in quotation marks")
      case .list, .mapping: refuse(path, "is \(value.kind): it must be text")
      }
    }
    return environment
  }

  // MARK: - Rules of the whole

  private mutating func package(_ keys: [String]) -> PackageSource? {
    switch (keys.contains("package_url"), keys.contains("package_path")) {
    case (true, true):
      refuse("", "names both package_url and package_path: leave one of them out")
      return nil
    case (false, false):
      refuse("", "names no package: give it a package_url or a package_path")
      return nil
    case (true, false): return texts["package_url"].map { .url($0) }
    case (false, true):
      guard let path = texts["package_path"] else { return nil }
      // A relative one would depend on where the supervisor was started. A URL has its own sentence.
      guard path.hasPrefix("/") || path.contains("://") else {
        refuse(
          "package_path",
          "is \(EnvironmentReader.quoted(path)): it must be an absolute path, as /srv/agent.apkg")
        return nil
      }
      return .path(path)
    }
  }

  /// What a worker would say of its environment, said now.
  private mutating func checkAsConfiguration(
    _ environment: [String: String], _ package: PackageSource?
  ) {
    var variables = inherited.filter { !EnvironmentRules.isSupervisors($0.key) }
    let deadline = "GRACEFUL_SHUTDOWN_TIMEOUT_SEC"
    if let own = environment[deadline], !own.isEmpty {
      // The supervisor's minimum goes with the supervisor's deadline.
      variables["DRAIN_MIN_SEC"] = nil
      if let most = inherited[deadline].flatMap({ DecimalText.fraction($0) }),
        let seconds = DecimalText.fraction(own), seconds > most
      {
        refuse(
          "environment.\(deadline)",
          "is \(EnvironmentReader.quoted(own)): a worker of this supervisor has at most "
            + "\(DecimalText.describe(most)) seconds")
      }
    }
    variables.merge(environment) { $1 }
    for (variable, key) in Self.variableKeys { variables[variable] = texts[key] }
    // Without a package the mistake is told already.
    if package == nil {
      variables["PACKAGE_URL"] = nil
      variables["AGENT_PACKAGE_PATH"] = "/"
    }
    guard case .failure(let found) = Configuration.read(variables, packageArgument: nil) else {
      return
    }
    for problem in found.problems {
      if let key = Self.variableKeys[problem.variable] {
        refuse(key, Self.sentence(problem, as: key))
      } else if environment[problem.variable] != nil {
        let key = "environment.\(problem.variable)"
        refuse(key, Self.sentence(problem, as: key))
      } else {
        refuse("environment", "does not fit the supervisor's: \(problem.error)")
      }
    }
  }

  /// The worker's sentence without the variable's name at its beginning, which the place says, and
  /// with the names that keys have here.
  private static func sentence(_ problem: ConfigurationProblem, as key: String) -> String {
    var sentence = problem.error[...]
    if sentence.hasPrefix(problem.variable + " ") {
      sentence = sentence.dropFirst(problem.variable.count + 1)
    }
    var text = String(sentence)
    if variableKeys[problem.variable] != nil {
      for (variable, key) in variableKeys { text = text.replacing(variable, with: key) }
    }
    return text
  }
}
