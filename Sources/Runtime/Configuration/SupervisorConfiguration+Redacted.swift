public import Lifecycle

extension SupervisorConfiguration {
  /// The effective values for `supervisor_started`, by variable; what is unset is null. Of the token
  /// only that there is one.
  public var redacted: JSONValue {
    var own: [JSONMember] = [
      JSONMember("SUPERVISOR_PORT", .integer(Int64(port))),
      JSONMember("SUPERVISOR_CONFIG", config.map { .string($0.redacted) } ?? .null),
      JSONMember("SUPERVISOR_CONFIG_POLL_SEC", .number(pollInterval.seconds)),
      JSONMember("SUPERVISOR_STATE_DIR", .string(stateFolder)),
      JSONMember("SUPERVISOR_TOKEN", token == nil ? .null : .string(Redactor.mask)),
      JSONMember("SUPERVISOR_WORKER_PORT_BASE", .integer(Int64(workerPortBase))),
      JSONMember("SUPERVISOR_WORKER_TCP", .bool(workerTCP)),
      JSONMember("SUPERVISOR_SURGE", .bool(surge)),
    ]
    guard case .object(let members) = common.redacted else { return .object(own) }
    own += members.filter { !Self.isIgnored($0.name) }
    return .object(own)
  }
}
