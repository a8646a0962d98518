import Glibc
import LinuxSystem
import YAML

/// Reads `agent.yaml` at the root of a package folder into a `Manifest`.
struct ManifestReader {
  static let fileName = "agent.yaml"
  static let maximumNameLength = 128
  static let maximumVersionLength = 128

  /// Keys that other tools of the platform read and that mean nothing to a boot.
  private static let descriptive: [String: Set<String>] = [
    "": [
      "license", "capabilities", "dependencies", "mcp", "metadata", "ui_spec_version",
      "required_ui_capabilities", "permissions", "data_access", "plan_mode", "translation",
    ],
    "metadata": ["homepage", "repository", "tags", "author_email"],
  ]
  private static let used: [String: Set<String>] = [
    "": [
      "name", "version", "display_name", "description", "author", "runtime", "entrypoint", "rest",
      "a2a", "ui", "http_server", "environment",
    ],
    "metadata": ["version"], "rest": ["entry"], "a2a": ["service", "entry", "http_server"],
    "ui": ["path"],
  ]

  private let root: Descriptor
  private let document: YAMLNode

  static func read(folder: String) throws -> Manifest {
    let root = try Descriptor.open(folder, O_RDONLY | O_DIRECTORY)
    let hint = "docs/errors.md#manifest"
    let bytes: [UInt8]
    do {
      guard
        let found = try FileTree.contents(
          beneath: root, fileName, limit: YAMLReader.maximumBytes)
      else {
        throw StepFailure(
          "the package has no \(fileName) at its root",
          hint: "build packages with pixell build; \(hint)")
      }
      bytes = found
    } catch let error as SystemError {
      throw StepFailure(
        error.number == EFBIG
          ? "\(fileName) is longer than the \(YAMLReader.maximumBytes) bytes allowed"
          : "\(fileName) cannot be read (\(error.reason))", hint: hint)
    }
    do {
      guard let document = try YAMLReader.read(bytes) else {
        throw StepFailure("\(fileName) is empty", hint: hint)
      }
      guard document.pairs != nil else {
        throw StepFailure("\(fileName) is no mapping of names to values", hint: hint)
      }
      return try ManifestReader(root: root, document: document).manifest()
    } catch let error as YAMLError {
      throw StepFailure(
        "\(fileName) is not valid YAML: \(error)", hint: "correct that line; \(hint)")
    }
  }

  private func manifest() throws(StepFailure) -> Manifest {
    var manifest = Manifest(name: try name())
    let metadata = try section("metadata")
    let version = try text("version", of: document, "") ?? "0"
    manifest.version =
      try metadata.flatMap { node throws(StepFailure) in
        try text("version", of: node, "metadata.")
      } ?? version
    guard manifest.version.count <= Self.maximumVersionLength,
      !manifest.version.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }
      )
    else {
      throw wrong(
        "version is longer than \(Self.maximumVersionLength) characters or has a line break")
    }
    manifest.displayName = try text("display_name", of: document, "")
    manifest.description = try text("description", of: document, "") ?? ""
    manifest.author = try text("author", of: document, "") ?? ""
    manifest.runtime = document["runtime"]?.text
    manifest.entrypoint = try target("entrypoint", of: document, "")
    manifest.httpServer = try target("http_server", of: document, "")
    if let rest = try section("rest") {
      manifest.restEntry = try target("entry", of: rest, "rest.")
    }
    if let a2a = try section("a2a") {
      manifest.a2aService = try target("service", of: a2a, "a2a.")
      manifest.a2aEntry = try target("entry", of: a2a, "a2a.")
      manifest.a2aHTTPServer = try target("http_server", of: a2a, "a2a.")
    }
    if let ui = try section("ui"), let path = try text("path", of: ui, "ui.") {
      manifest.uiPath = path
      manifest.uiFolder = try UIFolder.find(path, in: root)
    }
    manifest.environment = try environment()
    manifest.ignoredKeys = ignoredKeys()
    resolveBareNames(&manifest)
    guard manifest.hasREST || manifest.hasA2A || manifest.hasUI || manifest.entrypoint != nil
    else {
      throw wrong(
        "has no surface and no entrypoint: none of rest.entry, a2a.service, a2a.entry,"
          + " a2a.http_server, http_server, ui.path and entrypoint is there")
    }
    return manifest
  }

  private func wrong(_ problem: String, at node: YAMLNode? = nil) -> StepFailure {
    let place = node.map { " (line \($0.line))" } ?? ""
    return StepFailure(
      "\(Self.fileName): \(problem)\(place)", hint: "docs/errors.md#manifest")
  }

  private func name() throws(StepFailure) -> String {
    guard let name = try text("name", of: document, "") else { throw wrong("name is missing") }
    guard (1...Self.maximumNameLength).contains(name.utf8.count),
      name.utf8.allSatisfy({ byte in
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
          || "._+-".utf8.contains(byte)
      })
    else {
      throw wrong(
        "name '\(PrintableText.name(name))' is not 1 to \(Self.maximumNameLength) of"
          + " letters, digits and . _ + -", at: document["name"])
    }
    return name
  }

  private func section(_ key: String) throws(StepFailure) -> YAMLNode? {
    guard let node = document[key] else { return nil }
    guard node.pairs != nil else { throw wrong("\(key) is no mapping", at: node) }
    return node
  }

  private func text(
    _ key: String, of node: YAMLNode, _ prefix: String
  ) throws(StepFailure) -> String? {
    guard let value = node[key] else { return nil }
    guard let text = value.text else { throw wrong("\(prefix)\(key) is no text", at: value) }
    return text
  }

  private func target(
    _ key: String, of node: YAMLNode, _ prefix: String
  ) throws(StepFailure) -> String? {
    guard let written = try text(key, of: node, prefix) else { return nil }
    guard Self.isTarget(written) else {
      throw wrong(
        "\(prefix)\(key) '\(PrintableText.name(written))' is not written as"
          + " module:function, as in src.main:run", at: node[key])
    }
    return written
  }

  /// `package.module`, or `package.module:function`.
  static func isTarget(_ text: String) -> Bool {
    let halves = text.split(separator: ":", omittingEmptySubsequences: false)
    guard (1...2).contains(halves.count), text.utf8.count <= 512 else { return false }
    return halves.allSatisfy { half in
      half.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { part in
        guard let first = part.first, !first.isNumber else { return false }
        return part.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" }
      }
    }
  }

  private func environment() throws(StepFailure) -> [NamedText] {
    guard let section = try section("environment") else { return [] }
    var variables: [NamedText] = []
    for (name, value) in section.pairs ?? [] {
      guard AgentEnvironment.isName(name) else {
        throw wrong("environment has the impossible name '\(name)'", at: value)
      }
      if value.isNull {
        variables.append(NamedText(name, ""))
        continue
      }
      guard let text = value.text else {
        throw wrong("environment.\(name) is no text", at: value)
      }
      variables.append(NamedText(name, text))
    }
    return variables
  }

  private func ignoredKeys() -> [String] {
    var ignored: [String] = []
    for (key, value) in document.pairs ?? [] {
      guard Self.used[""]?.contains(key) == true || Self.descriptive[""]?.contains(key) == true
      else {
        ignored.append(key)
        continue
      }
      if key == "runtime", !value.isNull, value.text == nil { ignored.append(key) }
      guard let used = Self.used[key] else { continue }
      for (inner, _) in value.pairs ?? []
      where !used.contains(inner) && Self.descriptive[key]?.contains(inner) != true {
        ignored.append("\(key).\(inner)")
      }
    }
    return ignored
  }

  /// A bare name that is no module is a function in the entrypoint's module.
  private func resolveBareNames(_ manifest: inout Manifest) {
    guard let module = manifest.entrypoint?.split(separator: ":").first else { return }
    func resolve(_ target: String?) -> String? {
      guard let target, !target.contains(":"), !target.contains("."), !isModule(target) else {
        return target
      }
      return "\(module):\(target)"
    }
    manifest.restEntry = resolve(manifest.restEntry)
    manifest.a2aService = resolve(manifest.a2aService)
    manifest.a2aEntry = resolve(manifest.a2aEntry)
    manifest.a2aHTTPServer = resolve(manifest.a2aHTTPServer)
    manifest.httpServer = resolve(manifest.httpServer)
  }

  private func isModule(_ name: String) -> Bool {
    ["", "dist/", "src/"].contains { folder in
      ["\(folder)\(name).py", "\(folder)\(name)"].contains { path in
        (try? root.openBeneath(path, O_RDONLY | O_NONBLOCK)) != nil
      }
    }
  }
}
