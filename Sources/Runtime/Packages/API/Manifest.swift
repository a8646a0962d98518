public import Lifecycle

/// What `agent.yaml` says, checked. Targets are `module`, or `module:function`.
public struct Manifest: Sendable, Equatable {
  /// 1–128 of letters, digits, `. _ + -`.
  public var name: String
  /// The one shown: `metadata.version` when present, else `version`, else `0`.
  public var version: String
  public var displayName: String?
  public var description: String
  public var author: String
  /// As written; nil when absent or no text.
  public var runtime: String?
  public var entrypoint: String?
  public var restEntry: String?
  public var a2aService: String?
  public var a2aEntry: String?
  public var a2aHTTPServer: String?
  public var httpServer: String?
  /// As written.
  public var uiPath: String?
  /// The absolute folder that `ui.path` means; it holds an `index.html`.
  public var uiFolder: String?
  /// The manifest's own `environment`, in its order.
  public var environment: [NamedText]
  /// Keys that mean nothing here, as `ui.basePath`, in the manifest's order.
  public var ignoredKeys: [String]

  public init(
    name: String, version: String = "0", displayName: String? = nil, description: String = "",
    author: String = "", runtime: String? = nil, entrypoint: String? = nil,
    restEntry: String? = nil, a2aService: String? = nil, a2aEntry: String? = nil,
    a2aHTTPServer: String? = nil, httpServer: String? = nil, uiPath: String? = nil,
    uiFolder: String? = nil, environment: [NamedText] = [], ignoredKeys: [String] = []
  ) {
    self.name = name
    self.version = version
    self.displayName = displayName
    self.description = description
    self.author = author
    self.runtime = runtime
    self.entrypoint = entrypoint
    self.restEntry = restEntry
    self.a2aService = a2aService
    self.a2aEntry = a2aEntry
    self.a2aHTTPServer = a2aHTTPServer
    self.httpServer = httpServer
    self.uiPath = uiPath
    self.uiFolder = uiFolder
    self.environment = environment
    self.ignoredKeys = ignoredKeys
  }

  /// Served over the REST port by the agent's own code.
  public var hasREST: Bool { restEntry != nil || httpServer != nil }
  public var hasA2A: Bool { a2aService != nil || a2aEntry != nil || a2aHTTPServer != nil }
  public var hasUI: Bool { uiPath != nil }
  /// False for a package whose only surface is `ui`, whatever its entrypoint.
  public var needsPython: Bool { hasREST || hasA2A || (entrypoint != nil && !hasUI) }

  /// In the order in which health shows them.
  public var surfaces: [String] {
    (hasREST ? ["rest"] : []) + (hasA2A ? ["a2a"] : []) + (hasUI ? ["ui"] : [])
  }

  public init(json: JSONValue) throws {
    let fields = JSONFields(json, of: "manifest")
    name = try fields.text("name")
    version = try fields.text("version")
    displayName = try fields.optionalText("display_name")
    description = try fields.text("description")
    author = try fields.text("author")
    runtime = try fields.optionalText("runtime")
    entrypoint = try fields.optionalText("entrypoint")
    restEntry = try fields.optionalText("rest_entry")
    a2aService = try fields.optionalText("a2a_service")
    a2aEntry = try fields.optionalText("a2a_entry")
    a2aHTTPServer = try fields.optionalText("a2a_http_server")
    httpServer = try fields.optionalText("http_server")
    uiPath = try fields.optionalText("ui_path")
    uiFolder = try fields.optionalText("ui_folder")
    environment = try fields.list("environment").map(NamedText.init(json:))
    ignoredKeys = try fields.texts("ignored_keys")
  }

  public var json: JSONValue {
    .members([
      "name": .string(name), "version": .string(version), "display_name": .optional(displayName),
      "description": .string(description), "author": .string(author),
      "runtime": .optional(runtime), "entrypoint": .optional(entrypoint),
      "rest_entry": .optional(restEntry), "a2a_service": .optional(a2aService),
      "a2a_entry": .optional(a2aEntry), "a2a_http_server": .optional(a2aHTTPServer),
      "http_server": .optional(httpServer), "ui_path": .optional(uiPath),
      "ui_folder": .optional(uiFolder), "environment": .array(environment.map(\.json)),
      "ignored_keys": .array(ignoredKeys.map(JSONValue.string)),
    ])
  }
}

/// A name and its text, in an order that matters.
public struct NamedText: Sendable, Equatable {
  public var name: String
  public var text: String

  public init(_ name: String, _ text: String) {
    self.name = name
    self.text = text
  }

  public init(json: JSONValue) throws {
    let fields = JSONFields(json, of: "name and text")
    name = try fields.text("name")
    text = try fields.text("text")
  }

  public var json: JSONValue { .members(["name": .string(name), "text": .string(text)]) }
}
