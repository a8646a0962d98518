import CPlatform
import Glibc
import Lifecycle
import LinuxSystem
import Testing

@Suite("Files")
struct FileTests {
  @Test("are told by their kind, through links")
  func kinds() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("a", "12345")
    #expect(symlink(file, folder.path + "/link") == 0)
    #expect(symlink("nowhere", folder.path + "/dangling") == 0)
    #expect(FileKind(file) == .file(bytes: 5))
    #expect(FileKind(folder.path + "/link") == .file(bytes: 5))
    #expect(FileKind(folder.path + "/dangling") == .missing)
    #expect(FileKind(folder.path) == .folder)
    #expect(FileKind("/dev/null") == .other)
    #expect(FileKind(folder.path + "/no") == .missing)
  }

  @Test(
    "are read whole, or not at all above the limit", arguments: [0, 1, 65_535, 65_536, 200_000])
  func reading(size: Int) throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("a", String(repeating: "x", count: size))
    #expect(readFile(file)?.count == size)
    #expect(readFile(file, limit: size)?.count == size)
    if size > 0 { #expect(readFile(file, limit: size - 1) == nil) }
    #expect(readFile(folder.path + "/no") == nil)
  }

  @Test("are removed with what is in them, links not followed")
  func removing() throws {
    let outside = try TemporaryFolder()
    let kept = try outside.write("kept", "x")
    let folder = try TemporaryFolder()
    try makeFolders(folder.path + "/tree/a/b/c")
    _ = try folder.write("tree/a/file", "x")
    #expect(symlink(outside.path, folder.path + "/tree/a/link") == 0)
    removeTree(folder.path + "/tree")
    #expect(FileKind(folder.path + "/tree") == .missing)
    #expect(FileKind(kept) == .file(bytes: 1))
    removeTree(folder.path + "/never-there")
  }

  @Test("a folder is made with those above it, and may be there already")
  func making() throws {
    let folder = try TemporaryFolder()
    try makeFolders(folder.path + "/a/b")
    try makeFolders(folder.path + "/a/b")
    #expect(FileKind(folder.path + "/a/b") == .folder)
    _ = try folder.write("file", "x")
    let error = #expect(throws: SystemError.self) { try makeFolders(folder.path + "/file/below") }
    #expect(error?.number == ENOTDIR)
  }

  @Test("a private folder is made, and found again")
  func makingPrivate() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/private"
    #expect(makePrivateFolder(path))
    var status = stat()
    #expect(lstat(path, &status) == 0)
    #expect(status.st_mode & 0o7777 == 0o700)
    #expect(makePrivateFolder(path))
    #expect(!makePrivateFolder(folder.path + "/no/where"))
  }

  /// What lies where a private folder shall be.
  static let notPrivate: [(name: String, make: @Sendable (String) -> Bool)] = [
    ("others may read", { mkdir($0, 0o700) == 0 && chmod($0, 0o704) == 0 }),
    ("the group may enter", { mkdir($0, 0o700) == 0 && chmod($0, 0o710) == 0 }),
    (
      "a link to a private folder",
      { mkdir($0 + "-real", 0o700) == 0 && symlink($0 + "-real", $0) == 0 }
    ),
    ("a dangling link", { symlink("nowhere", $0) == 0 }),
    ("a file", { closeAfter(par_open($0, O_CREAT | O_WRONLY, 0o600)) }),
    ("a fifo", { mkfifo($0, 0o600) == 0 }),
  ]

  private static func closeAfter(_ fd: Int32) -> Bool {
    closeDescriptor(fd)
    return fd >= 0
  }

  @Test("is no private folder", arguments: notPrivate.indices)
  func refusingPrivate(index: Int) throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/private"
    #expect(Self.notPrivate[index].make(path))
    #expect(!makePrivateFolder(path), "\(Self.notPrivate[index].name)")
  }

  @Test("another user's folder is not private", .enabled(if: geteuid() == 0, "needs root"))
  func refusingAnothersFolder() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/private"
    #expect(mkdir(path, 0o700) == 0 && chown(path, 65_534, 65_534) == 0)
    #expect(!makePrivateFolder(path))
  }

  @Test("names and links are resolved")
  func names() throws {
    let folder = try TemporaryFolder()
    _ = try folder.write("b", "")
    _ = try folder.write(".a", "")
    try makeFolders(folder.path + "/sub")
    #expect(folderNames(folder.path).sorted() == [".a", "b", "sub"])
    #expect(folderNames(folder.path + "/no") == [])
    #expect(resolvedPath(folder.path + "/./sub/../b") == folder.path + "/b")
    #expect(resolvedPath(folder.path + "/no") == nil)
  }

  @Test("random names have as many digits as asked, and differ")
  func random() {
    let names = Set((0..<100).map { _ in randomHexadecimal(bytes: 16) })
    #expect(names.count == 100)
    for name in names { #expect(name.count == 32 && name.allSatisfy { $0.isHexDigit }) }
  }
}

@Suite("Descriptors")
struct DescriptorTests {
  @Test("a pipe carries bytes, tells of nothing yet, and of its end")
  func pipe() throws {
    let pipe = try Pipe()
    _ = par_set_nonblocking(pipe.readEnd)
    #expect(readAvailable(pipe.readEnd) == .nothingYet)
    #expect(!waitReadable(pipe.readEnd, milliseconds: 0))
    #expect(writeAll(pipe.writeEnd, [1, 2, 3]))
    #expect(waitReadable(pipe.readEnd, milliseconds: 1000))
    #expect(readAvailable(pipe.readEnd, limit: 2) == .bytes([1, 2]))
    #expect(readAvailable(pipe.readEnd) == .bytes([3]))
    closeDescriptor(pipe.writeEnd)
    #expect(readAvailable(pipe.readEnd) == .end)
    closeDescriptor(pipe.readEnd)
    closeDescriptor(-1)
  }

  @Test("both ends of a pipe are closed in children")
  func closeOnExec() throws {
    let pipe = try Pipe()
    for fd in [pipe.readEnd, pipe.writeEnd] {
      #expect(fcntl(fd, F_GETFD) & FD_CLOEXEC != 0)
      closeDescriptor(fd)
    }
  }

  @Test("standard descriptors that are closed are opened, those that are open stay")
  func standardDescriptors() async {
    // In a process of its own: they are the whole process's.
    await #expect(processExitsWith: .success) {
      let kept = try Pipe()
      _ = dup2(kept.writeEnd, 1)
      for fd: Int32 in [0, 2] { closeDescriptor(fd) }
      openStandardDescriptors()
      for fd: Int32 in [0, 2] {
        #expect(resolvedPath("/proc/self/fd/\(fd)") == "/dev/null")
        #expect(fcntl(fd, F_GETFD) & FD_CLOEXEC == 0)
      }
      #expect(writeAll(1, [7]))
      #expect(readAvailable(kept.readEnd) == .bytes([7]))
      // Nothing opened later gets one of these numbers.
      let later = try Pipe()
      #expect(later.readEnd > 2)
    }
  }

  @Test("an epoll set tells which descriptor is ready, and waits no longer than asked")
  func epoll() throws {
    let set = try EpollSet()
    let (first, second) = (try Pipe(), try Pipe())
    defer {
      for fd in [first.readEnd, first.writeEnd, second.readEnd, second.writeEnd] {
        closeDescriptor(fd)
      }
    }
    try set.add(first.readEnd, token: 1)
    try set.add(second.readEnd, token: 2)
    #expect(set.wait(.zero).isEmpty)
    #expect(set.wait(.milliseconds(-5)).isEmpty)
    writeAll(second.writeEnd, [0])
    #expect(set.wait(nil).map(\.token) == [2])
    set.remove(second.readEnd)
    set.remove(second.readEnd)
    #expect(set.wait(.zero).isEmpty)
    #expect(throws: SystemError.self) { try set.add(first.readEnd, token: 3) }
    #expect(throws: SystemError.self) { try set.add(-1, token: 3) }
  }

  @Test("a system error says which call, on what, and why")
  func errors() {
    #expect(
      SystemError("open", "/a", number: ENOENT).description == "open /a: No such file or directory")
    #expect(SystemError("pipe2", number: EMFILE).description == "pipe2: Too many open files")
  }

  @Test("the clock counts from the start of the process, and never goes back")
  func clock() {
    let first = Clock.now()
    #expect(first > .start)
    #expect(first - .start < .seconds(3600))
    var last = first
    for _ in 0..<1000 {
      let now = Clock.now()
      #expect(now >= last)
      last = now
    }
    #expect(Clock.wallNanoseconds() > 1_700_000_000_000_000_000)
  }

  @Test("of a variable that is there twice, the first counts")
  func environment() {
    #expect(processEnvironment()["PATH"] != nil)
    setenv("PAR_TEST_VARIABLE", "a=b", 1)
    #expect(processEnvironment()["PAR_TEST_VARIABLE"] == "a=b")
    unsetenv("PAR_TEST_VARIABLE")
  }
}
