@testable import AgentPackages

/// A package folder of a test, with the least that verifies.
struct PackageFolder {
  let temporary: TemporaryFolder
  var path: String { temporary.path + "/package" }
  var cache: String { temporary.path + "/cache" }

  static let manifest = "name: agent\nentrypoint: main:run\n"

  init(_ files: [String: String] = [:]) throws {
    temporary = try TemporaryFolder()
    if files["agent.yaml"] == nil { try write("agent.yaml", Self.manifest) }
    for (name, text) in files { try write(name, text) }
    try temporary.write("host.txt", "")
  }

  func write(_ name: String, _ text: String) throws {
    try temporary.write("package/" + name, text)
  }

  var request: VerifyRequest {
    VerifyRequest(
      path: path, cacheFolder: cache, hostRequirementsPath: temporary.path + "/host.txt",
      installer: .pip)
  }
}
