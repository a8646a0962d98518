import ControlPlane
import CPlatform
import Glibc
import LinuxSystem
import Testing

@testable import Controller

/// In processes of their own: dispositions and limits are the whole process's, and a descriptor
/// that was closed may be another test's at once.
@Suite("A set of pipes")
struct PipeSetTests {
  @Test("closes the child's ends, by the direction of each")
  func theirs() async {
    await #expect(processExitsWith: .success) {
      signal(SIGPIPE, SIG_IGN)
      let pipes = try PipeSet(3)
      pipes.closeTheirs(input: [1])
      // Nobody can write to us any more, and nobody reads what we write.
      #expect(readAvailable(pipes[0].readEnd) == .end)
      #expect(!writeAll(pipes[1].writeEnd, [1]) && errno == EPIPE)
      #expect(readAvailable(pipes[2].readEnd) == .end)
    }
  }

  @Test("closes this program's ends, by the direction of each")
  func ours() async {
    await #expect(processExitsWith: .success) {
      signal(SIGPIPE, SIG_IGN)
      let pipes = try PipeSet(3)
      pipes.closeOurs(input: [1])
      #expect(!writeAll(pipes[0].writeEnd, [1]) && errno == EPIPE)
      #expect(readAvailable(pipes[1].readEnd) == .end)
      #expect(!writeAll(pipes[2].writeEnd, [1]) && errno == EPIPE)
    }
  }

  @Test("is all or nothing when descriptors run out", arguments: [0, 1, 2, 3, 4, 5])
  func exhausted(left: Int) async {
    await #expect(processExitsWith: .success) { [left] in
      let before = Self.openPipes()
      var limit = rlimit()
      let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
      #expect(getrlimit(resource, &limit) == 0)
      let usual = limit.rlim_cur
      let next = par_open("/dev/null", O_RDONLY | O_CLOEXEC, 0)
      closeDescriptor(next)
      limit.rlim_cur = rlim_t(next) + rlim_t(left)
      #expect(setrlimit(resource, &limit) == 0)
      let error = #expect(throws: SystemError.self) { try PipeSet(3) }
      #expect(error?.number == EMFILE)
      limit.rlim_cur = usual
      #expect(setrlimit(resource, &limit) == 0)
      #expect(Self.openPipes() == before)
    }
  }

  /// The ends of pipes that this process has open, by proc_pid_fd(5).
  private static func openPipes() -> [String] {
    folderNames("/proc/self/fd").sorted().compactMap { name in
      var target = [UInt8](repeating: 0, count: 64)
      let count = target.withUnsafeMutableBytes { buffer in
        buffer.withMemoryRebound(to: CChar.self) { text in
          text.baseAddress.map { readlink("/proc/self/fd/\(name)", $0, text.count) } ?? 0
        }
      }
      let text = String(decoding: target.prefix(max(0, count)), as: UTF8.self)
      return text.hasPrefix("pipe:") ? "\(name) \(text)" : nil
    }
  }
}
