import LinuxSystem
import Glibc
import Testing

@testable import AgentPackages

@Suite("Archive refusals")
struct ArchiveRefusalTests {
  typealias Member = ArchiveBytes.Member

  struct Case: CustomTestStringConvertible, Sendable {
    let name: String
    let bytes: [UInt8]
    let sentence: String
    var testDescription: String { name }

    init(_ name: String, _ bytes: [UInt8], _ sentence: String) {
      self.name = name
      self.bytes = bytes
      self.sentence = sentence
    }
    init(_ name: String, _ members: [Member], _ sentence: String) {
      self.init(name, ArchiveBytes.of(members), sentence)
    }
  }

  static let good: [Member] = [
    Member("agent.yaml", "name: a\n"), Member("src/", ""), Member("src/main.py", "x = 1\n"),
  ]

  static func named(_ name: String) -> [Member] { good + [Member(name, "x")] }
  static func raw(_ name: [UInt8]) -> [Member] {
    good + [Member(bytes: name, [1]).with { $0.flags = 0x800 }]
  }
  static func changed(_ change: (inout Member) -> Void) -> [Member] {
    good + [Member("x.txt", "some text").with(change)]
  }
  static func edited(_ edit: (inout ArchiveBytes) -> Void) -> ArchiveBytes {
    var archive = ArchiveBytes()
    for member in good { archive.add(member) }
    edit(&archive)
    return archive
  }

  static let names: [Case] = [
    Case("absolute", named("/etc/x"), "'/etc/x' has an absolute path"),
    Case("drive", named("C:/x"), "has a drive letter in its path"),
    Case("drive relative", named("c:x"), "has a drive letter in its path"),
    Case("parent", named("../x"), "has the part '..' in its path"),
    Case("parent inside", named("src/../../x"), "has the part '..' in its path"),
    Case("dot", named("./x"), "has the part '.' in its path"),
    Case("empty part", named("a//x"), "has an empty part in its path"),
    Case("only a slash", named("a//"), "has an empty part in its path"),
    Case("no name", raw([]), "has a member without a name"),
    Case("backslash", named("a\\x"), "has a backslash in its name"),
    Case("NUL", raw([0x61, 0, 0x62]), "has a NUL in its name"),
    Case("line feed", named("a\nb"), "'a\\u{a}b' has a control character in its name"),
    Case("delete", named("a\u{7F}"), "has a control character in its name"),
    Case("C1", raw(Array("a\u{85}".utf8)), "has a control character in its name"),
    Case("invalid UTF-8", raw([0x61, 0xFF]), "has a name that is not valid UTF-8"),
    Case("overlong UTF-8", raw([0x61, 0xC0, 0xAF]), "has a name that is not valid UTF-8"),
    Case(
      "unmarked name", good + [Member("é", "x", flags: 0)],
      "has a name outside ASCII that is not marked as UTF-8"),
    Case(
      "long part", named(String(repeating: "a", count: 256)),
      "has a part of more than 255 bytes in its path"),
    Case(
      "deep", named(String(repeating: "a/", count: 64) + "a"), "is more than 64 folders deep"),
    Case(
      "long path", named(String(repeating: String(repeating: "b", count: 200) + "/", count: 16)),
      "has a path of more than 3072 bytes"),
    Case("twice", good + [good[0]], "'agent.yaml' is there twice"),
    Case("folder twice", good + [good[1]], "'src' is there twice"),
    Case("case", named("Agent.YAML"), "has the same name as 'agent.yaml' when case or Unicode"),
    Case("folder case", named("SRC/x"), "has the same name as 'src' when case or Unicode"),
    Case(
      "case folding", good + [Member("straße", "x"), Member("STRASSE", "y")],
      "has the same name as 'straße' when case"),
    Case(
      "normal forms", good + [Member("\u{E9}", "x"), Member("e\u{301}", "y")],
      "has the same name as '\u{E9}' when case"),
    Case("file and folder", named("agent.yaml/x"), "needs 'agent.yaml' to be both"),
    Case("folder and file", named("src"), "needs 'src' to be both a file and a folder"),
  ]

  static let members: [Case] = [
    Case("link", changed { $0.mode = 0o120777 }, "is a symbolic link"),
    Case("device", changed { $0.mode = 0o020666 }, "is a device, a pipe or a socket"),
    Case("pipe", changed { $0.mode = 0o010644 }, "is a device, a pipe or a socket"),
    Case("setuid", changed { $0.mode = 0o104755 }, "is setuid or setgid"),
    Case("setgid", changed { $0.mode = 0o102755 }, "is setuid or setgid"),
    Case("folder as file", changed { $0.mode = 0o040755 }, "is named as a file and marked"),
    Case("DOS folder", changed { $0.attributes = 0x10 }, "is named as a file and marked"),
    Case(
      "file as folder", good + [Member("d/", "", mode: 0o100755)],
      "is named as a folder and marked as a file"),
    Case("full folder", good + [Member("d/", "x")], "is a folder with content"),
    Case("encrypted", changed { $0.flags = 1 }, "is encrypted"),
    Case("strongly encrypted", changed { $0.flags = 0x41 }, "is encrypted"),
    Case("masked", changed { $0.flags = 0x2000 }, "is encrypted"),
    Case("patched", changed { $0.flags = 0x20 }, "uses a zip feature that is not supported"),
    Case("bzip2", changed { $0.method = 12 }, "is packed with method 12"),
    Case("other local name", changed { $0.localName = Array("y.txt".utf8) }, "another name in its"),
    Case("other local size", changed { $0.localSize = 3 }, "another size or checksum in its local"),
    Case(
      "stored sizes",
      changed {
        $0.isDeflated = false; $0.size = 3
      }, "two sizes differ"),
    Case("ZIP64 field", changed { $0.extra = [1, 0, 0, 0] }, "uses ZIP64"),
    Case("second name", changed { $0.extra = [0x75, 0x70, 0, 0] }, "has a second name"),
    Case("cut extra field", changed { $0.extra = [1, 2, 9, 0] }, "has a damaged extra field"),
    Case("short extra field", changed { $0.extra = [1, 2] }, "has a damaged extra field"),
    Case("wrong CRC", changed { $0.crc = 1 }, "is damaged: its checksum (CRC-32) is wrong"),
    Case("too long", changed { $0.size = 4 }, "is longer than the directory says"),
    Case("too short", changed { $0.size = 40 }, "is shorter than the directory says"),
    Case(
      "not deflate",
      changed {
        $0.isDeflated = false; $0.method = 8; $0.content = [255, 255, 255]
      },
      "has packed data that is damaged"),
    Case(
      "cut deflate",
      changed {
        $0.content = Array(ArchiveBytes.deflate(Array("some text".utf8)).dropLast(3));
        $0.isDeflated = false; $0.method = 8
      },
      "ends in the middle of its packed data"),
    Case(
      "more behind deflate",
      changed {
        let text = Array("some text".utf8)
        $0.content = ArchiveBytes.deflate(text) + [0, 0]
        $0.isDeflated = false
        $0.method = 8
        $0.size = 9
        $0.crc = ArchiveBytes.checksum(text)
      }, "has bytes behind the end of its packed data"),
  ]

  static let places: [Case] = [
    Case("empty file", [UInt8](), "is too short to be a zip archive"),
    Case("text", Array(String(repeating: "hello ", count: 20).utf8), "its end record is missing"),
    Case("cut off", Array(ArchiveBytes.of(good).dropLast(30)), "its end record is missing"),
    Case("empty archive", ArchiveBytes.of([]), "is empty"),
    Case("bytes behind", ArchiveBytes.of(good) + [0], "has bytes after its end record"),
    Case(
      "comment", edited { _ in }.finished(comment: [0x61]), "has bytes after its end record"),
    Case(
      "announced comment", edited { _ in }.finished().dropLast(2) + [1, 0],
      "announces a comment behind its end"),
    Case(
      "bytes before", [0x23, 0x21] + ArchiveBytes.of(good), "has bytes between its directory"),
    Case(
      "bytes before, offsets right",
      {
        var archive = ArchiveBytes()
        archive.prepend([1, 2, 3])
        for member in good { archive.add(member) }
        return archive.finished()
      }(), "has bytes before its first member"),
    Case(
      "gap",
      {
        var archive = ArchiveBytes()
        archive.add(good[0])
        archive.append([1])
        archive.add(good[2])
        return archive.finished()
      }(), "has bytes between its members"),
    Case(
      "bytes before the directory", edited { $0.append([0]) }.finished(),
      "has bytes after its last member"),
    Case(
      "overlap", edited { $0.add(Member("copy", "name: a\n"), at: 0) }.finished(),
      "overlaps another member"),
    Case(
      "same place, same name elsewhere",
      edited { $0.add(Member("agent.yamk", "name: a\n"), at: 5) }.finished(),
      "overlaps another member"),
    Case(
      "second end record",
      {
        let archive = edited { _ in }
        let end = Array(archive.finished().suffix(22))
        return archive.finished() + end
      }(), "has a second end record"),
    Case(
      "more between", edited { _ in }.finished(between: [9, 9]),
      "has bytes between its directory and its end record"),
    Case(
      "ZIP64 end record",
      edited { _ in }.finished(between: [0x50, 0x4B, 6, 7] + [UInt8](repeating: 0, count: 16)),
      "uses ZIP64"),
    Case("count too small", edited { _ in }.finished(count: 2), "has more in its directory"),
    Case("count too large", edited { _ in }.finished(count: 4), "has a directory that is damaged"),
    Case(
      "directory elsewhere", edited { _ in }.finished(directoryOffset: 1_000_000),
      "has a directory that overlaps its end record"),
    Case("ZIP64 count", edited { _ in }.finished(count: 0xFFFF), "uses ZIP64"),
    Case(
      "too many", (0...20).map { Member("f\($0)", "") }, "has 21 members, more than the 20 allowed"),
    Case(
      "too large", good + [Member("zeros", String(repeating: "0", count: 5000))],
      "unpacks to more than the 4096 bytes allowed"),
  ]

  @Test(
    "each is one sentence that names the member, and nothing is left",
    arguments: names + members + places)
  func refused(_ refused: Case) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("a.apkg", refused.bytes)
    let error = #expect(throws: StepFailure.self) {
      _ = try PackageStore(cacheFolder: folder.path + "/cache").store(
        archiveAt: path, sha256: nil, limits: ArchiveLimits(unpackedBytes: 4096, files: 20))
    }
    let text = error?.error ?? ""
    #expect(text.contains(refused.sentence), "\(text)")
    #expect(text.hasPrefix("the package \(path) is refused: the archive "))
    #expect(error?.hint?.contains("docs/errors.md#refused-archive") == true)
    #expect(folderNames(folder.path + "/cache/packages").isEmpty)
    #expect(folderNames(folder.path).count <= 2)
  }

  static let accepted: [(String, [Member])] = [
    ("as the kits write them", good),
    ("stored", good + [Member("s", "text", deflated: false)]),
    ("no type bits", good + [Member("s", "text", mode: 0o644), Member("d/", "", mode: 0)]),
    ("data descriptor", good + [Member("s", "text").with { $0.hasDescriptor = true }]),
    ("UTF-8 names", good + [Member("한글/é.txt", "x")]),
    ("harmless extra field", good + [Member("s", "x").with { $0.extra = [0x55, 0x54, 1, 0, 7] }]),
    ("no folders written, any order", [Member("a/b/c", "x"), Member("a/", ""), good[0]]),
    ("255 bytes", good + [Member(String(repeating: "a", count: 255), "x")]),
    ("64 deep", good + [Member(String(repeating: "a/", count: 63) + "a", "x")]),
    ("executable", good + [Member("run", "x", mode: 0o100700)]),
    (
      "an end record inside a stored member",
      good + [Member(bytes: Array("inner.zip".utf8), ArchiveBytes.of(good), deflated: false)]
    ),
  ]

  @Test("what has one reading is accepted", arguments: accepted)
  func accepts(name: String, members: [Member]) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("a.apkg", ArchiveBytes.of(members))
    let store = PackageStore(cacheFolder: folder.path + "/cache")
    let limits = ArchiveLimits(unpackedBytes: 4096, files: 20)
    let stored = try store.store(archiveAt: path, sha256: nil, limits: limits)
    #expect(!stored.wasThere)
    #expect(try store.store(archiveAt: path, sha256: nil, limits: limits).wasThere)
    for member in members where member.name.last != UInt8(ascii: "/") {
      let file = stored.root + "/" + String(decoding: member.name, as: UTF8.self)
      #expect(try FileTree.contents(file, limit: 4096) == member.content)
      let mode = FileTree.status(file)?.mode ?? 0
      #expect(mode & 0o7777 == (member.mode & 0o111 != 0 ? 0o755 : 0o644))
    }
  }
}
