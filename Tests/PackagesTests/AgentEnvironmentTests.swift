import Testing

@testable import AgentPackages

@Suite("Agent environment")
struct AgentEnvironmentTests {
  func merge(
    dotenv: String = "", yaml: [NamedText] = [], deploy: String? = nil, operators: [NamedText] = []
  ) throws -> AgentEnvironment {
    var files = [".env": dotenv]
    if let deploy { files["deploy.json"] = "{\"environment\":\(deploy)}" }
    let package = try PackageFolder(files)
    let manifest = Manifest(name: "a", environment: yaml)
    return try AgentEnvironment(
      packageRoot: package.path, manifest: manifest, operatorEnvironment: operators)
  }

  @Test("later sources win, and each variable tells its source")
  func precedence() throws {
    let merged = try merge(
      dotenv: "A=1\nB=1\nC=1\nD=1\n",
      yaml: [NamedText("B", "2"), NamedText("C", "2"), NamedText("D", "2")],
      deploy: "{\"C\":\"3\",\"D\":3,\"E\":true}", operators: [NamedText("D", "4")])
    #expect(
      merged.variables == [
        AgentVariable(name: "A", value: "1", source: .dotenv),
        AgentVariable(name: "B", value: "2", source: .manifest),
        AgentVariable(name: "C", value: "3", source: .deploy),
        AgentVariable(name: "D", value: "4", source: .operator),
        AgentVariable(name: "E", value: "true", source: .deploy),
      ])
  }

  @Test(
    "what belongs to the runtime never reaches the agent",
    arguments: [
      "PACKAGE_URL", "SUPERVISOR_TOKEN", "PAR_CACHE_DIR", "NOTIFY_SOCKET", "LISTEN_FDS",
      "WATCHDOG_USEC",
    ])
  func reserved(name: String) throws {
    let merged = try merge(
      dotenv: "\(name)=secret\nLEAK=${\(name)}\n", operators: [NamedText(name, "secret")])
    #expect(!merged.variables.contains { $0.name == name || $0.value.contains("secret") })
    #expect(merged.warnings.map(\.code) == ["variable_reserved", "variable_unknown"])
  }

  static let references: [(String, String)] = [
    ("${X}", "x"), ("a${X}b${X}c", "axbxc"), ("${NO:-d}", "d"), ("${NO:-}", ""),
    ("${EMPTY:-d}", "d"), ("${X:-d}", "x"), ("${NO}", "${NO}"), ("$X", "$X"), ("${X", "${X"),
    ("${}", "${}"), ("${1X}", "${1X}"), ("${X-d}", "${X-d}"), ("$${X}", "$x"), ("${Y}", "x!"),
    ("${NO:-http://h:1/}", "http://h:1/"), ("${LATER}", "4"),
  ]

  @Test("references are replaced from the same sources", arguments: references)
  func expands(text: String, expected: String) throws {
    let merged = try merge(
      dotenv: "X=x\nEMPTY=\nY=${X}!\n", yaml: [NamedText("V", text)],
      operators: [NamedText("LATER", "4"), NamedText("RAW", "${X}")])
    #expect(merged.variables.first { $0.name == "V" }?.value == expected)
    #expect(merged.variables.first { $0.name == "RAW" }?.value == "${X}")
    #expect(merged.warnings.map(\.code) == (text == "${NO}" ? ["variable_unknown"] : []))
  }

  @Test("a variable that names itself means the weaker source; a circle stays and warns")
  func circles() throws {
    let own = try merge(dotenv: "P=/a\n", yaml: [NamedText("P", "${P}:/b")])
    #expect(own.variables.first?.value == "/a:/b")
    let circle = try merge(dotenv: "A=${B}\nB=${A}\n")
    #expect(circle.warnings.contains { $0.code == "variable_unknown" })
  }

  @Test("a value cannot grow past what Linux takes")
  func growth() throws {
    var lines = "V0=\(String(repeating: "x", count: 1024))\n"
    for level in 1...40 { lines += "V\(level)=${V\(level - 1)}${V\(level - 1)}\n" }
    let error = #expect(throws: StepFailure.self) { _ = try merge(dotenv: lines) }
    #expect(error?.error.contains("is longer than 130048 bytes") == true)
  }

  @Test(
    "a deploy.json that is damaged is named",
    arguments: [
      ("[1", "deploy.json is not valid JSON"), ("[]", "environment is no object"),
      ("{\"A\":[]}", "environment.A is no text"), ("{\"\":\"x\"}", "impossible name"),
    ])
  func deploy(text: String, sentence: String) throws {
    let error = #expect(throws: StepFailure.self) { _ = try merge(deploy: text) }
    #expect(error?.error.contains(sentence) == true)
  }

  @Test("a .env file reads as python-dotenv reads it")
  func dotenv() {
    let text = """
      \u{FEFF}# comment
      PLAIN=value # comment
      HASH=a#b
        export  SPACED =  x y \r
      SINGLE='a # ${X} \\n'
      DOUBLE="a\\n\\"b\\" # c" # d
      MANY="one
      two"
      EMPTY=
      no assignment
      1BAD=x
      LAST="open
      """
    let file = DotenvFile(Array(text.utf8))
    let expected = [
      ("PLAIN", "value", false), ("HASH", "a#b", false), ("SPACED", "x y", false),
      ("SINGLE", "a # ${X} \\n", true), ("DOUBLE", "a\n\"b\" # c", false),
      ("MANY", "one\ntwo", false), ("EMPTY", "", false),
    ].map { DotenvFile.Entry(name: $0.0, text: $0.1, isLiteral: $0.2) }
    #expect(file.entries == expected)
    #expect(file.badLines == [10, 11, 12])
  }
}
