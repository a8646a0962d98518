import Testing

@testable import AgentPackages

@Suite("Manifest")
struct ManifestTests {
  func read(_ text: String, _ files: [String: String] = [:]) throws -> Manifest {
    var files = files
    files["agent.yaml"] = text
    let package = try PackageFolder(files)
    return try ManifestReader.read(folder: package.path)
  }

  @Test("reads every field, scalars as the text they were written as")
  func fields() throws {
    let manifest = try read(
      """
      name: My_agent+1.2-x
      version: 1.0
      display_name: yes
      description: |
        two
        lines
      author: 007
      runtime: python3.11
      entrypoint: src.main:run
      http_server: main:app
      rest: {entry: src.rest.index:mount}
      a2a: {service: "src.a2a:create", entry: src.a2a:create, http_server: main:app}
      environment: {A: 1, B: true, C: '', D: ~, E: "1.50"}
      """)
    #expect(manifest.name == "My_agent+1.2-x")
    #expect(manifest.version == "1.0")
    #expect(manifest.displayName == "yes")
    #expect(manifest.description == "two\nlines\n")
    #expect(manifest.author == "007")
    #expect(manifest.restEntry == "src.rest.index:mount")
    #expect(manifest.a2aService == "src.a2a:create")
    #expect(manifest.a2aHTTPServer == "main:app")
    #expect(manifest.httpServer == "main:app")
    #expect(
      manifest.environment == [
        NamedText("A", "1"), NamedText("B", "true"), NamedText("C", ""), NamedText("D", ""),
        NamedText("E", "1.50"),
      ])
    #expect(manifest.ignoredKeys.isEmpty)
    #expect(try Manifest(json: manifest.json) == manifest)
  }

  @Test("shows metadata.version before version, and 0 without either")
  func version() throws {
    #expect(
      try read("{name: a, entrypoint: m:f, version: 1, metadata: {version: 2.10}}").version
        == "2.10")
    #expect(try read("{name: a, entrypoint: m:f, version: 1.0}").version == "1.0")
    #expect(try read("{name: a, entrypoint: m:f}").version == "0")
  }

  @Test("lists what means nothing here, at any level")
  func ignoredKeys() throws {
    let manifest = try read(
      """
      name: a
      entrypoint: m:f
      expose: [rest]
      ports: {rest: 1}
      runtime: {python: 3}
      ui: {basePath: /x}
      metadata: {version: 1, tags: [], sub_agents: []}
      license: MIT
      x-own: 1
      """)
    #expect(
      manifest.ignoredKeys == [
        "expose", "ports", "runtime", "ui.basePath", "metadata.sub_agents", "x-own",
      ])
    #expect(manifest.runtime == nil)
  }

  @Test("a bare name that is no module is a function in the entrypoint's module")
  func bareNames() throws {
    let text = "{name: a, entrypoint: 'src.main:run', rest: {entry: mount}, http_server: server}"
    let manifest = try read(text, ["server.py": ""])
    #expect(manifest.restEntry == "src.main:mount")
    #expect(manifest.httpServer == "server")
  }

  @Test("aliases and merges are resolved, up to 64 of them")
  func aliases() throws {
    let text = "base: &b {A: 1, B: 2}\nname: a\nentrypoint: m:f\nenvironment: {<<: *b, B: 3}\n"
    #expect(try read(text).environment == [NamedText("B", "3"), NamedText("A", "1")])
    func many(_ count: Int) -> String {
      "name: &n a\nentrypoint: m:f\nx: ["
        + Array(repeating: "*n", count: count).joined(separator: ", ")
        + "]\n"
    }
    #expect(try read(many(64)).name == "a")
    #expect(throws: StepFailure.self) { try read(many(65)) }
  }

  static let refusals: [(String, String)] = [
    ("", "agent.yaml is empty"),
    ("# only a comment\n", "agent.yaml is empty"),
    ("- a\n", "is no mapping of names to values"),
    ("just text", "is no mapping of names to values"),
    ("name: [a\n", "is not valid YAML: did not find expected"),
    ("name: a\n\tx: 1\n", "line 2, column 1"),
    ("name: a\nname: b\n", "the key 'name' for the second time, at line 2, column 1"),
    ("? [a]\n: b\n", "a key that is no text"),
    ("name: a\n---\nname: b\n", "a second document"),
    ("name: *x\n", "the unknown alias *x"),
    ("a: &a [*a]\n", "the unknown alias *a"),
    ("<<: text\n", "a merge of what is no mapping"),
    ("x: " + String(repeating: "[", count: 80), "more than 64 levels of nesting"),
    ("x: " + String(repeating: "a", count: 1 << 20), "longer than the 1048576 bytes allowed"),
    ("entrypoint: m:f\n", "name is missing"),
    ("name: ''\nentrypoint: m:f\n", "name '' is not 1 to 128 of letters"),
    ("name: a b\nentrypoint: m:f\n", "name 'a b' is not 1 to 128 of letters"),
    ("name: ../a\nentrypoint: m:f\n", "name '../a' is not"),
    ("name: \"a\\n\"\nentrypoint: m:f\n", "name 'a\\u{a}' is not"),
    ("name: é\nentrypoint: m:f\n", "name 'é' is not"),
    ("name: \(String(repeating: "a", count: 129))\nentrypoint: m:f\n", "is not 1 to 128"),
    ("name: {a: b}\n", "name is no text (line 1)"),
    ("name: a\n", "has no surface and no entrypoint"),
    ("name: a\na2a: {}\nrest:\nui: {basePath: /}\n", "has no surface and no entrypoint"),
    ("name: a\nrest: m:f\n", "rest is no mapping (line 2)"),
    ("name: a\nrest: {entry: [m]}\n", "rest.entry is no text"),
    ("name: a\nentrypoint: ':'\n", "entrypoint ':' is not written as module:function"),
    ("name: a\nentrypoint: a:b:c\n", "entrypoint 'a:b:c' is not written as"),
    ("name: a\nentrypoint: ../x:y\n", "entrypoint '../x:y' is not written as"),
    ("name: a\nentrypoint: src/main.py:y\n", "is not written as module:function"),
    ("name: a\nentrypoint: m:f\nenvironment: [A]\n", "environment is no mapping"),
    ("name: a\nentrypoint: m:f\nenvironment: {A: [1]}\n", "environment.A is no text"),
    ("name: a\nentrypoint: m:f\nenvironment: {'A=B': 1}\n", "impossible name 'A=B'"),
    ("name: a\nentrypoint: m:f\nversion: \"1\\n2\"\n", "or has a line break"),
  ]

  @Test("says what is wrong and where", arguments: refusals)
  func refuses(text: String, sentence: String) throws {
    let error = #expect(throws: StepFailure.self) { try read(text) }
    #expect(error?.error.contains(sentence) == true, "\(error?.error ?? "")")
    #expect(error?.error.contains("agent.yaml") == true)
    #expect(error?.hint?.contains("docs/errors.md#manifest") == true)
  }

  @Test("bytes that are no UTF-8, or an absent manifest, are named")
  func noText() throws {
    let package = try PackageFolder()
    try package.temporary.write("package/agent.yaml", [0xFF, 0xFE, 0x61, 0])
    let error = #expect(throws: StepFailure.self) { try ManifestReader.read(folder: package.path) }
    #expect(error?.error.contains("not valid UTF-8") == true)
    let absent = #expect(throws: StepFailure.self) {
      try ManifestReader.read(folder: package.temporary.path)
    }
    #expect(absent?.error == "the package has no agent.yaml at its root")
  }

  static let folders: [(String, [String], String?)] = [
    ("ui", ["ui/index.html", "dist/ui/index.html"], "ui"),
    ("./ui/", ["ui/index.html"], "ui"),
    ("client/dist", ["dist/client/dist/index.html"], "dist/client/dist"),
    ("web", ["dist/ui/index.html"], "dist/ui"),
    ("ui", ["ui/readme", "dist/ui/index.html"], "dist/ui"),
    ("a/../ui", ["ui/index.html"], "ui"),
    (".", ["index.html"], ""),
    ("ui", ["ui/readme"], nil), ("ui", [], nil), ("../x", ["ui/index.html"], nil),
    ("/ui", ["ui/index.html"], nil), ("a/../../b", ["ui/index.html"], nil),
  ]

  @Test("ui.path is looked for in the root, then in dist, last in dist/ui", arguments: folders)
  func ui(path: String, files: [String], found: String?) throws {
    var all = Dictionary(uniqueKeysWithValues: files.map { ($0, "x") })
    all["agent.yaml"] = "name: a\nui: {path: '\(path)'}\n"
    let package = try PackageFolder(all)
    if let found {
      let manifest = try ManifestReader.read(folder: package.path)
      #expect(manifest.uiFolder == (found.isEmpty ? package.path : package.path + "/" + found))
      #expect(!manifest.needsPython)
    } else {
      let error = #expect(throws: StepFailure.self) {
        try ManifestReader.read(folder: package.path)
      }
      #expect(error?.hint?.contains("#ui-folder") == true)
    }
  }
}
