import Glibc
import Lifecycle
import LinuxSystem
import Testing

@testable import AgentPackages

@Suite("Real packages")
struct RealPackagesTests {
  /// Packages beside the repository, when they are there.
  static let packages: [String] = {
    var folder = #filePath
    if let named = getenv("PAR_TEST_PACKAGES") { folder = String(cString: named) + "/x" }
    while let slash = folder.lastIndex(of: "/"), slash != folder.startIndex {
      folder = String(folder[..<slash])
      for candidate in [folder, folder + "/../shared/packages"] {
        let found = folderNames(candidate).filter { $0.hasSuffix(".apkg") }.sorted()
        if !found.isEmpty { return found.map { candidate + "/" + $0 } }
      }
    }
    return []
  }()

  @Test("verify, and verify again from the cache", arguments: packages)
  func verifies(path: String) throws {
    let folder = try TemporaryFolder()
    let request = VerifyRequest(
      path: path, cacheFolder: folder.path + "/cache",
      hostRequirementsPath: try folder.write("host.txt", "fastapi\n"))
    let first = try PackageSteps.verify(request)
    #expect(try VerifiedPackage(json: first.json) == first)
    #expect(first.sha256?.count == 64)
    #expect(first.manifest.hasUI == (first.manifest.uiFolder != nil))
    #expect(first.manifest.needsPython == (first.environment.kind != .none))
    #expect(try PackageSteps.verify(request) == first)
    #expect(folderNames(folder.path + "/cache/packages").count == 1)
  }
}
