package import AgentPackages
package import Lifecycle
import RunConfiguration

extension AgentSpec {
  /// The canonical form: the keys of a document in a fixed order, what is not set left out, variables
  /// by name.
  package var json: JSONValue {
    Self.json(
      agentAppID, package, packageSHA256, deploymentID, environment, memoryMegabytes, cpuShares,
      restart)
  }

  /// The same to be shown: null for the value of a variable whose name looks like a secret's, URLs
  /// without user-info and query. It cannot be sent back by mistake: a null is refused.
  package var shown: JSONValue {
    guard case .object(var members) = json else { return json }
    for index in members.indices {
      switch members[index].name {
      case "environment":
        guard case .object(var variables) = members[index].value else { continue }
        for place in variables.indices
        where SecretName.looksSecret(Array(variables[place].name.utf8)) {
          variables[place].value = .null
        }
        members[index].value = .object(variables)
      case "package_url":
        guard let url = members[index].value.text else { continue }
        let bare = Redactor.redactURL(url)
        members[index].value = bare == url ? .string(url) : .null
      default: continue
      }
    }
    return .object(members)
  }

  static func json(
    _ agentAppID: String, _ package: PackageSource, _ packageSHA256: String?,
    _ deploymentID: String?, _ environment: [String: String], _ memoryMegabytes: Int?,
    _ cpuShares: Int?, _ restart: Restart?
  ) -> JSONValue {
    var members = [JSONMember("agent_app_id", .string(agentAppID))]
    switch package {
    case .url(let url): members.append(JSONMember("package_url", .string(url)))
    case .path(let path): members.append(JSONMember("package_path", .string(path)))
    }
    if let packageSHA256 { members.append(JSONMember("package_sha256", .string(packageSHA256))) }
    if let deploymentID { members.append(JSONMember("deployment_id", .string(deploymentID))) }
    if !environment.isEmpty {
      // By bytes: Swift's order of strings takes different spellings of a character as the same.
      let names = environment.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      members.append(
        JSONMember(
          "environment",
          .object(names.map { JSONMember($0, .string(environment[$0] ?? "")) })))
    }
    if let memoryMegabytes {
      members.append(JSONMember("memory_mb", .integer(Int64(memoryMegabytes))))
    }
    if let cpuShares { members.append(JSONMember("cpu_shares", .integer(Int64(cpuShares)))) }
    if let restart {
      members.append(
        JSONMember(
          "restart",
          .members([
            "max": .integer(Int64(restart.maximum)), "window_sec": .number(restart.window.seconds),
          ])))
    }
    return .object(members)
  }

  /// Reads what `json` wrote; nil when it is something else. The rules of documents are not asked:
  /// what was accepted once stays.
  package init?(json: JSONValue) throws(StepFailure) {
    guard let id = json["agent_app_id"]?.text, AgentAppID.isGood(id) else { return nil }
    let package: PackageSource
    switch (json["package_url"]?.text, json["package_path"]?.text) {
    case (let url?, nil): package = .url(url)
    case (nil, let path?): package = .path(path)
    case (nil, nil), (.some, .some): return nil
    }
    var environment: [String: String] = [:]
    for member in json["environment"]?.members ?? [] {
      guard let value = member.value.text else { return nil }
      environment[member.name] = value
    }
    var restart: Restart?
    if let value = json["restart"] {
      guard let maximum = value["max"]?.whole, let window = value["window_sec"]?.decimal,
        (0...1e9).contains(window)
      else { return nil }
      restart = Restart(maximum: Int(clamping: maximum), window: .seconds(window))
    }
    try self.init(
      agentAppID: id, package: package, packageSHA256: json["package_sha256"]?.text,
      deploymentID: json["deployment_id"]?.text, environment: environment,
      memoryMegabytes: json["memory_mb"]?.whole.map { Int(clamping: $0) },
      cpuShares: json["cpu_shares"]?.whole.map { Int(clamping: $0) }, restart: restart)
  }
}

extension JSONValue {
  fileprivate var decimal: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    case .null, .bool, .string, .array, .object: nil
    }
  }
}
