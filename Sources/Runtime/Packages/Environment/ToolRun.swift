import CPlatform
import Glibc
import LinuxSystem

/// A tool that is run to its end in this process's group, its output read line by line.
///
/// Whoever kills the group ends the tool too; should only this process be killed, the kernel kills
/// the tool, and `held` (a lock) stays held until the tool and what it started are gone.
struct ToolRun {
  static let keptLines = 30
  static let keptLineBytes = 500

  struct Result {
    /// The exit status, or 128 and the signal's number.
    let status: Int
    /// The last lines of both streams, together in order.
    let lastLines: [String]
  }

  private let pid: pid_t
  private let output: Descriptor

  /// - Parameter held: a descriptor the tool inherits, and so keeps open.
  static func start(
    _ path: String, _ arguments: [String], folder: String, environment: [String],
    held: Descriptor? = nil
  ) throws(SystemError) -> ToolRun {
    var ends: [Int32] = [0, 0]
    guard ends.withUnsafeMutableBufferPointer({ par_pipe($0.baseAddress) }) == 0 else {
      throw SystemError("pipe")
    }
    let output = Descriptor(owning: ends[0])
    let input = Descriptor(owning: ends[1])
    var descriptors: [Int32] = [-1, input.number, input.number]
    if let held { descriptors.append(held.number) }
    // Copies that live until par_spawn_in_group has executed the tool.
    var argv: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
    var envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) } + [nil]
    defer {
      for copy in argv + envp { free(copy) }
    }
    let pid = par_spawn_in_group(
      path, &argv, &envp, folder, descriptors, Int32(descriptors.count))
    guard pid > 0 else { throw SystemError("execute", path) }
    withExtendedLifetime(input) {}
    return ToolRun(pid: pid, output: output)
  }

  /// What is read at most of the output after the tool has ended: all that a pipe holds.
  static let lastBytes = 64 << 10

  /// Reads the output until the tool ends, and waits for that. `line` is told each line.
  ///
  /// The end of the output is not waited for: what the tool left running may keep it open.
  func finish(_ line: (String) -> Void = { _ in }) throws(SystemError) -> Result {
    var kept: [String] = []
    var pending: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    func take() {
      let text = PrintableText.withoutEscapes(pending.prefix(Self.keptLineBytes))
      pending.removeAll(keepingCapacity: true)
      guard text.contains(where: { !$0.isWhitespace }) else { return }
      kept.append(text)
      if kept.count > Self.keptLines { kept.removeFirst() }
      line(text)
    }
    // Negative before Linux 5.3: then the end of the output is all there is to wait for.
    let ended = par_pidfd_open(pid)
    defer { if ended >= 0 { close(ended) } }
    var left = Self.lastBytes
    while left > 0 {
      var waits = [
        pollfd(fd: output.number, events: Int16(POLLIN), revents: 0),
        pollfd(fd: ended, events: Int16(POLLIN), revents: 0),
      ]
      guard poll(&waits, 2, -1) >= 0 else { continue }
      let hasEnded = waits[1].revents != 0
      if waits[0].revents == 0 && hasEnded { break }
      let got = buffer.withUnsafeMutableBytes { read(output.number, $0.baseAddress, $0.count) }
      if got < 0 && errno == EINTR { continue }
      if got <= 0 { break }
      if hasEnded { left -= got }
      for byte in buffer[..<got] {
        if byte == 0x0A || byte == 0x0D {
          take()
        } else if pending.count < Self.keptLineBytes {
          pending.append(byte)
        }
      }
    }
    take()
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 {
      guard errno == EINTR else { throw SystemError("waitpid") }
    }
    let code =
      par_exited(status)
      ? Int(par_exit_status(status)) : 128 + Int(par_termination_signal(status))
    return Result(status: code, lastLines: kept)
  }
}
