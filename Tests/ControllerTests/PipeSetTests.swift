import CPlatform
import Glibc
import LinuxSystem
import Testing

@testable import Controller

@Suite("A set of pipes")
struct PipeSetTests {
  // In processes of their own: a descriptor that was closed may be another test's at once.

  @Test("closes the child's ends, by the direction of each")
  func theirs() async {
    await #expect(processExitsWith: .success) {
      let pipes = try PipeSet(3)
      pipes.closeTheirs(input: [1])
      let ends = (0..<3).flatMap { [pipes[$0].readEnd, pipes[$0].writeEnd] }
      #expect(ends.map { fcntl($0, F_GETFD) >= 0 } == [true, false, false, true, true, false])
    }
  }

  @Test("closes this program's ends, by the direction of each")
  func ours() async {
    await #expect(processExitsWith: .success) {
      let pipes = try PipeSet(3)
      pipes.closeOurs(input: [1])
      let ends = (0..<3).flatMap { [pipes[$0].readEnd, pipes[$0].writeEnd] }
      #expect(ends.map { fcntl($0, F_GETFD) >= 0 } == [false, true, true, false, false, true])
    }
  }

  @Test("is all or nothing when descriptors run out", arguments: [0, 1, 2, 3, 4, 5])
  func exhausted(left: Int) async {
    await #expect(processExitsWith: .success) { [left] in
      // The next free number tells how many there are as long as there are no gaps below it.
      let next = try #require(Self.nextDescriptor())
      var limit = rlimit()
      let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
      #expect(getrlimit(resource, &limit) == 0)
      limit.rlim_cur = rlim_t(next) + rlim_t(left)
      #expect(setrlimit(resource, &limit) == 0)
      let error = #expect(throws: SystemError.self) { try PipeSet(3) }
      #expect(error?.number == EMFILE)
      #expect(Self.nextDescriptor() == (left == 0 ? nil : next))
    }
  }

  private static func nextDescriptor() -> Int32? {
    let fd = par_open("/dev/null", O_RDONLY | O_CLOEXEC, 0)
    closeDescriptor(fd)
    return fd < 0 ? nil : fd
  }
}
