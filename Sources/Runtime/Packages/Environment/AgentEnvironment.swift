import Glibc
import Lifecycle
import LinuxSystem

/// The agent's environment, merged from its four sources; later ones win:
/// `.env`, `agent.yaml`, `deploy.json`, the operator's.
struct AgentEnvironment {
  /// Linux refuses a longer `NAME=value` (MAX_ARG_STRLEN, execve(2)).
  static let maximumValueBytes = 128 * 1024 - 1024
  static let maximumFileBytes = 1 << 20
  /// What configures this program or belongs to its own process never reaches the agent.
  static let reservedPrefixes = ["PACKAGE_", "SUPERVISOR_", "PAR_", "LISTEN_", "WATCHDOG_"]

  private(set) var variables: [AgentVariable] = []
  private(set) var warnings: [StepWarning] = []

  private struct Layer {
    let source: AgentVariable.Source
    var values: [String: (text: String, isLiteral: Bool)] = [:]
  }
  /// The weakest first.
  private var layers: [Layer] = []
  private var resolved: [String: String] = [:]

  init(packageRoot: String, manifest: Manifest, operatorEnvironment: [NamedText]) throws {
    let root = try Descriptor.open(packageRoot, O_RDONLY | O_DIRECTORY)
    var dotenv = Layer(source: .dotenv)
    if let bytes = try Self.contents(".env", root) {
      let file = DotenvFile(bytes)
      for entry in file.entries { dotenv.values[entry.name] = (entry.text, entry.isLiteral) }
      for line in file.badLines {
        warnings.append(
          StepWarning(code: "dotenv_line", message: "line \(line) of .env is no NAME=value"))
      }
    }
    var yaml = Layer(source: .manifest)
    for entry in manifest.environment { yaml.values[entry.name] = (entry.text, false) }
    var deploy = Layer(source: .deploy)
    for entry in try Self.deployEnvironment(root) {
      deploy.values[entry.name] = (entry.text, false)
    }
    var operators = Layer(source: .operator)
    for entry in operatorEnvironment { operators.values[entry.name] = (entry.text, true) }

    for var layer in [dotenv, yaml, deploy, operators] {
      for name in layer.values.keys.sorted() where Self.isReserved(name) {
        layer.values[name] = nil
        if layer.source != .operator {
          warnings.append(
            StepWarning(
              code: "variable_reserved",
              message:
                "\(name) in \(layer.source.rawValue) is reserved and does not reach the agent"
            ))
        }
      }
      layers.append(layer)
    }
    try merge()
  }

  static func isReserved(_ name: String) -> Bool {
    name == "NOTIFY_SOCKET" || reservedPrefixes.contains { name.hasPrefix($0) }
  }

  /// What can be an environment variable's name in a file: no blank, no `=`, no control character.
  static func isName(_ name: String) -> Bool {
    guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return false }
    return name.utf8.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: "=") && $0 != 0x7F }
  }

  /// This process's own environment.
  static func ofProcess() -> [NamedText] {
    var entries: [NamedText] = []
    // environ(7): an array ended by NULL; nobody changes it while this runs.
    guard var pointer = environ as UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? else {
      return []
    }
    while let entry = pointer.pointee {
      let text = String(cString: entry)
      if let equals = text.utf8.firstIndex(of: UInt8(ascii: "=")), equals != text.startIndex {
        entries.append(
          NamedText(String(text[..<equals]), String(text[text.index(after: equals)...])))
      }
      pointer += 1
    }
    return entries
  }

  private static func contents(_ path: String, _ root: Descriptor) throws(StepFailure) -> [UInt8]? {
    do { return try FileTree.contents(beneath: root, path, limit: maximumFileBytes) } catch {
      throw StepFailure(
        "\(path) of the package cannot be used (\(error.reason); at most \(maximumFileBytes) bytes)",
        hint: "docs/errors.md#package-environment")
    }
  }

  private static func deployEnvironment(_ root: Descriptor) throws(StepFailure) -> [NamedText] {
    guard let bytes = try contents("deploy.json", root) else { return [] }
    let hint = "docs/errors.md#package-environment"
    let document: JSONValue
    do { document = try JSONReader.decode(bytes) } catch {
      throw StepFailure("deploy.json is not valid JSON: \(error)", hint: hint)
    }
    guard let environment = document["environment"], !environment.isNull else { return [] }
    guard let members = environment.members else {
      throw StepFailure("deploy.json: environment is no object", hint: hint)
    }
    var entries: [NamedText] = []
    for member in members {
      guard isName(member.name) else {
        throw StepFailure(
          "deploy.json: environment has the impossible name '\(member.name)'", hint: hint)
      }
      switch member.value {
      case .string(let text): entries.append(NamedText(member.name, text))
      case .null: entries.append(NamedText(member.name, ""))
      case .bool, .integer, .number:
        entries.append(
          NamedText(
            member.name, String(decoding: JSONWriter.encode(member.value), as: UTF8.self)))
      case .array, .object:
        throw StepFailure("deploy.json: environment.\(member.name) is no text", hint: hint)
      }
    }
    return entries
  }

  private mutating func merge() throws(StepFailure) {
    var top: [String: Int] = [:]
    for (index, layer) in layers.enumerated() {
      for name in layer.values.keys { top[name] = index }
    }
    for name in top.keys.sorted() {
      guard let index = top[name] else { continue }
      var active: Set<String> = []
      let value = try value(of: name, at: index, active: &active) ?? ""
      guard !value.utf8.contains(0) else {
        throw StepFailure(
          "\(layers[index].source.rawValue): the value of \(name) contains a NUL",
          hint: "docs/errors.md#package-environment")
      }
      variables.append(AgentVariable(name: name, value: value, source: layers[index].source))
    }
  }

  /// The value of a name as the layers up to `limit` define it, its references replaced; nil when
  /// none of them does, or when it is being worked out already.
  private mutating func value(
    of name: String, at limit: Int, active: inout Set<String>
  ) throws(StepFailure) -> String? {
    var index = limit
    while index >= 0, layers[index].values[name] == nil { index -= 1 }
    guard index >= 0, let found = layers[index].values[name] else { return nil }
    if found.isLiteral { return found.text }
    let key = "\(index) \(name)"
    if let known = resolved[key] { return known }
    guard active.insert(key).inserted else { return nil }
    defer { active.remove(key) }
    let value = try expand(found.text, of: name, layer: index, active: &active)
    resolved[key] = value
    return value
  }

  private mutating func expand(
    _ text: String, of owner: String, layer: Int, active: inout Set<String>
  ) throws(StepFailure) -> String {
    var result = ""
    var rest = text[...]
    while let reference = Reference(in: rest) {
      result += rest[..<reference.range.lowerBound]
      rest = rest[reference.range.upperBound...]
      // A variable that names itself means what a weaker source says.
      let limit = reference.name == owner ? layer - 1 : layers.count - 1
      let value = try value(of: reference.name, at: limit, active: &active)
      if let fallback = reference.fallback {
        result += value.flatMap { $0.isEmpty ? nil : $0 } ?? fallback
      } else if let value {
        result += value
      } else {
        result += reference.written
        warnings.append(
          StepWarning(
            code: "variable_unknown",
            message: "\(reference.name), which \(owner) in \(layers[layer].source.rawValue) refers"
              + " to, is not set"))
      }
      guard result.utf8.count <= Self.maximumValueBytes else { break }
    }
    result += rest
    guard result.utf8.count <= Self.maximumValueBytes else {
      throw StepFailure(
        "\(layers[layer].source.rawValue): the value of \(owner) is longer than"
          + " \(Self.maximumValueBytes) bytes", hint: "docs/errors.md#package-environment")
    }
    return result
  }
}

/// The first `${NAME}` or `${NAME:-default}` of a text.
private struct Reference {
  let range: Range<Substring.Index>
  let name: String
  let fallback: String?
  let written: String

  init?(in text: Substring) {
    var start = text.startIndex
    while let dollar = text[start...].firstIndex(of: "$") {
      start = text.index(after: dollar)
      guard start < text.endIndex, text[start] == "{",
        let close = text[start...].firstIndex(of: "}")
      else { continue }
      let inner = text[text.index(after: start)..<close]
      let name = inner.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
      let tail = inner[name.endIndex...]
      guard let first = name.first, !first.isNumber, tail.isEmpty || tail.hasPrefix(":-") else {
        continue
      }
      range = dollar..<text.index(after: close)
      self.name = String(name)
      fallback = tail.isEmpty ? nil : String(tail.dropFirst(2))
      written = String(text[range])
      return
    }
    return nil
  }
}
