import AgentPackages
import Lifecycle

extension DesiredState {
  /// Of the state's file. A program that finds another number leaves the file as it is.
  static let schema: Int64 = 1

  var json: JSONValue {
    let ids = agents.keys.sorted()
    return .members([
      "schema": .integer(Self.schema),
      "config": config.map {
        .members(["source": .string($0.source), "revision": .string($0.revision)])
      } ?? .null,
      "agents": .array(ids.compactMap { agents[$0]?.json }),
      "users": .object(
        users.sorted { $0.key < $1.key }.map { JSONMember($0.key, .integer(Int64($0.value))) }),
    ])
  }

  /// Why a text is no state.
  enum Damage: Error, Equatable {
    case notJSON(String)
    case schema(Int64?)
    case misses(String)
    case failure(StepFailure)

    /// After "is": what the file is.
    var sentence: String {
      switch self {
      case .notJSON(let why): "not whole (\(why))"
      case .schema(let number?):
        "of schema \(number), and this program knows \(DesiredState.schema): another version wrote it"
      case .schema(nil): "no state of a supervisor: it names no schema"
      case .misses(let what): "damaged: \(what) cannot be used"
      case .failure(let failure): "not usable: \(failure.error)"
      }
    }
  }

  init(_ bytes: [UInt8]) throws(Damage) {
    let json: JSONValue
    do throws(JSONError) { json = try JSONReader.decode(bytes) } catch {
      throw .notJSON(bytes.isEmpty ? "it is empty" : error.description)
    }
    let schema = json["schema"]?.whole
    guard schema == Self.schema else { throw .schema(schema) }
    if let config = json["config"], !config.isNull {
      guard let source = config["source"]?.text, let revision = config["revision"]?.text else {
        throw .misses("config")
      }
      self.config = ReadConfig(source: source, revision: revision)
    }
    guard let list = json["agents"]?.list else { throw .misses("agents") }
    for (index, value) in list.enumerated() {
      let agent: DesiredAgent?
      do throws(StepFailure) { agent = try DesiredAgent(json: value) } catch {
        throw .failure(error)
      }
      guard let agent, agents.updateValue(agent, forKey: agent.spec.agentAppID) == nil else {
        throw .misses("agents[\(index)]")
      }
    }
    guard let users = json["users"]?.members else { throw .misses("users") }
    for member in users {
      guard let id = member.value.whole.flatMap({ UInt32(exactly: $0) }) else {
        throw .misses("users.\(member.name)")
      }
      self.users[member.name] = id
    }
  }
}

extension DesiredAgent {
  var json: JSONValue {
    .members([
      "source": .string(source.rawValue), "proven": .bool(isProven), "held": .optional(held),
      "spec": spec.json, "former": .array(former.map(\.json)),
    ])
  }

  init?(json: JSONValue) throws(StepFailure) {
    guard let source = json["source"]?.text.flatMap(Source.init(rawValue:)),
      let isProven = json["proven"]?.flag, let value = json["spec"],
      let spec = try AgentSpec(json: value)
    else { return nil }
    var former: [AgentSpec] = []
    for value in json["former"]?.list ?? [] {
      guard let version = try AgentSpec(json: value), version.agentAppID == spec.agentAppID else {
        return nil
      }
      former.append(version)
    }
    self.init(
      spec, source: source, isProven: isProven, former: former, held: json["held"]?.text)
  }
}
