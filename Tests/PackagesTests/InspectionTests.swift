import LinuxSystem
import Glibc
import Testing

@testable import AgentPackages

@Suite("Inspection")
struct InspectionTests {
  @Test("tells what is there, and names but no values of the environment")
  func tells() throws {
    let package = try PackageFolder([
      "agent.yaml": """
      name: a
      version: 3
      rest: {entry: src.rest:mount}
      ui: {path: ui, basePath: /}
      environment: {FROM_YAML: hidden-value}
      """,
      ".env": "TOKEN=hidden-value\nPAR_X=1\n", "dist/ui/index.html": "x",
      "requirements.txt": "x>=1\n",
    ])
    let inspection = Inspection(package.request)
    for text in [inspection.text, "\(inspection.json)"] {
      for part in ["src.rest:mount", "dist/ui", "TOKEN", "FROM_YAML", "ui.basePath", "x>=1"] {
        #expect(text.contains(part), "\(part)")
      }
      #expect(text.contains("variable_reserved"))
      #expect(!text.contains("hidden-value"))
    }
  }

  @Test("collects every problem it can reach, and leaves nothing behind")
  func problems() throws {
    let package = try PackageFolder([
      "agent.yaml": "name: a\nentrypoint: m:f\nruntime: go1.21\n", "deploy.json": "{",
    ])
    let inspection = Inspection(package.request)
    #expect(!inspection.wouldBoot)
    #expect(inspection.problems.count == 2)
    #expect(inspection.text.hasSuffix("This package would not boot.\n"))
    #expect(folderNames(package.temporary.path).sorted() == ["host.txt", "package"])
  }

  @Test("an archive is read without a trace in the cache", arguments: [true, false])
  func archive(isGood: Bool) throws {
    let package = try PackageFolder()
    var request = package.request
    let bytes = ArchiveBytes.of(PackageStoreTests.members)
    request.path = try package.temporary.write("a.apkg", isGood ? bytes : bytes.dropLast())
    let inspection = Inspection(request)
    #expect((inspection.manifest?.name == "a") == isGood)
    #expect(
      inspection.problems.contains { $0.hint?.contains("#refused-archive") == true } == !isGood)
    #expect(FileTree.status(package.cache) == nil)
  }
}
