import ControlPlane
import CPlatform
import Glibc
import Lifecycle
import LinuxSystem

/// Where faulthandler writes a worker's Python stacks: a file in memory, so that a dump never waits
/// for a reader. One dump at a time; whoever asks meanwhile gets the same.
final class StacksFile {
  /// How long a dump is waited for, how often it is looked at, and the longest that is kept.
  static let timeout = Interval.milliseconds(300)
  static let pause = Interval.milliseconds(20)
  static let limit = 64 * 1024

  let descriptor: Int32
  private var waiting: [(String?) -> Void] = []
  private var workerIsGone = false

  init() throws(SystemError) {
    descriptor = par_memory_file("par-stacks")
    guard descriptor >= 0 else { throw SystemError("memfd_create") }
  }

  deinit { closeDescriptor(descriptor) }

  func dump(of pid: Int32, loop: ControlLoop, done: @escaping (String?) -> Void) {
    guard !workerIsGone else { return done(nil) }
    waiting.append(done)
    guard waiting.count == 1 else { return }
    // The worker writes through the same open file, so it begins at the start again too.
    ftruncate(descriptor, 0)
    lseek(descriptor, 0, SEEK_SET)
    kill(pid, SIGUSR2)
    look(loop, until: Clock.now() + Self.timeout, before: 0)
  }

  /// Nobody will write any more: what is there is all.
  func workerEnded() {
    workerIsGone = true
    finish()
  }

  /// The dump is whole when it did not grow since the last look: faulthandler writes it in one go.
  private func look(_ loop: ControlLoop, until deadline: Instant, before: Int64) {
    _ = loop.schedule(at: Clock.now() + Self.pause) { [weak self] in
      guard let self, !waiting.isEmpty else { return }
      let size = size
      if size > 0 && size == before || Clock.now() >= deadline {
        finish()
      } else {
        look(loop, until: deadline, before: size)
      }
    }
  }

  private var size: Int64 {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? Int64(status.st_size) : 0
  }

  private func finish() {
    let done = waiting
    waiting = []
    guard !done.isEmpty else { return }
    let content = [UInt8](unsafeUninitializedCapacity: Self.limit) { buffer, count in
      count = max(0, pread(descriptor, buffer.baseAddress, Self.limit, 0))
    }
    let text = content.isEmpty ? nil : String(decoding: content, as: UTF8.self)
    for done in done { done(text) }
  }
}
