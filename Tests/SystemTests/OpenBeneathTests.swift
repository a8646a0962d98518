import CPlatform
import Glibc
import LinuxSystem
import Testing

/// openat2(2) is the reference: the steps that stand in for it have to open the same file, or refuse
/// for the same reason.
@Suite("Opening beneath a folder")
struct OpenBeneathTests {
  /// What an attempt came to.
  private enum Outcome: Equatable, CustomStringConvertible {
    case opened(inode: UInt)
    case refused(Int32)

    init(_ descriptor: Int32) {
      guard descriptor >= 0 else {
        self = .refused(errno)
        return
      }
      var status = stat()
      let result = fstat(descriptor, &status)
      closeDescriptor(descriptor)
      self = result == 0 ? .opened(inode: UInt(status.st_ino)) : .refused(errno)
    }

    var description: String {
      switch self {
      case .opened(let inode): "inode \(inode)"
      case .refused(let error): String(cString: strerror(error))
      }
    }
  }

  private static let paths = [
    "file", "a/b/file", "a//b/./file", "a/../file", "a/b/../../file", "..", "a/../..", "../x", ".",
    "", "/", "/etc/passwd", "no", "a/no", "no/file", "file/x", "file/", "a/", "a/.", "a/..",
    "link", "link/", "to-a/b/file", "to-a/", "up", "a/up/file", "out", "out/x", "absolute", "loop",
    "loop/x", "dangling", "chain", "a/b/sibling", "file/..", "to-file/..", "deep-link/file",
    String(repeating: "n", count: 256), String(repeating: "a/../", count: 900) + "file",
  ]

  private func folder() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try makeFolders(folder.path + "/a/b")
    _ = try folder.write("file", "1")
    _ = try folder.write("a/b/file", "2")
    let links = [
      ("link", "file"), ("to-a", "a"), ("a/up", ".."), ("up", ".."), ("out", "../.."),
      ("absolute", "/etc/passwd"), ("loop", "loop"), ("dangling", "nowhere"), ("chain", "link"),
      ("a/b/sibling", "../../file"), ("to-file", "file"), ("deep-link", "to-a/b"),
    ]
    for (name, target) in links { #expect(symlink(target, "\(folder.path)/\(name)") == 0) }
    return folder
  }

  @Test("is the same in steps as by openat2", arguments: paths, [false, true])
  func same(path: String, noLinks: Bool) throws {
    let folder = try folder()
    let root = par_open(folder.path, O_RDONLY | O_DIRECTORY, 0)
    defer { closeDescriptor(root) }
    for flags in [O_RDONLY, O_RDONLY | O_NOFOLLOW, O_RDONLY | O_DIRECTORY] {
      let reference = Outcome(par_open_beneath(root, path, flags, 0, noLinks))
      let steps = Outcome(par_open_beneath_stepwise(root, path, flags, 0, noLinks))
      #expect(steps == reference, "flags \(flags)")
    }
  }

  @Test("makes a file once, and never through a link")
  func making() throws {
    let folder = try folder()
    let root = par_open(folder.path, O_RDONLY | O_DIRECTORY, 0)
    defer { closeDescriptor(root) }
    let flags = O_WRONLY | O_CREAT | O_EXCL
    for name in ["a/new", "a/b/../other"] {
      guard case .opened = Outcome(par_open_beneath_stepwise(root, name, flags, 0o600, true)) else {
        Issue.record("\(name)")
        continue
      }
      #expect(
        Outcome(par_open_beneath_stepwise(root, name, flags, 0o600, true)) == .refused(EEXIST))
    }
    for name in ["dangling", "link"] {
      #expect(
        Outcome(par_open_beneath_stepwise(root, name, flags, 0o600, false)) == .refused(EEXIST))
    }
    #expect(FileKind(folder.path + "/nowhere") == .missing)
  }

  @Test("leaves no descriptor open, and ends at its depth")
  func bounds() throws {
    let folder = try folder()
    let deep = String(repeating: "d/", count: 129)
    try makeFolders(folder.path + "/" + deep)
    let root = par_open(folder.path, O_RDONLY | O_DIRECTORY, 0)
    defer { closeDescriptor(root) }
    let within = String(repeating: "d/", count: 128) + "."
    guard case .opened = Outcome(par_open_beneath_stepwise(root, within, O_RDONLY, 0, true)) else {
      Issue.record("128 folders are not too deep")
      return
    }
    let beyond = deep + "."
    #expect(
      Outcome(par_open_beneath_stepwise(root, beyond, O_RDONLY, 0, true)) == .refused(ENAMETOOLONG))
    let next = par_open("/dev/null", O_RDONLY, 0)
    defer { closeDescriptor(next) }
    #expect(next < 200)
  }
}
