import CPlatform
import Glibc
import Lifecycle
import LinuxSystem
import RunConfiguration

/// A folder that goes with the test.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = "/tmp/par-test-\(getpid())-\(randomHexadecimal(bytes: 8))"
    try makeFolders(path)
  }

  deinit { removeTree(path) }

  func write(_ name: String, _ text: String) throws -> String {
    let file = "\(path)/\(name)"
    let fd = par_open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard fd >= 0 else { throw SystemError("open", file) }
    writeAll(fd, Array(text.utf8))
    closeDescriptor(fd)
    return file
  }
}

/// Threads of the test's own, joined before it goes on.
enum Threads {
  static func run(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    var threads: [pthread_t] = []
    for number in 0..<count {
      var thread = pthread_t()
      let work = Unmanaged.passRetained(Work(number: number, body: body))
      let made = pthread_create(
        &thread, nil,
        { argument in
          guard let argument else { return nil }
          // Balances passRetained above.
          let work = Unmanaged<Work>.fromOpaque(argument).takeRetainedValue()
          work.body(work.number)
          return nil
        }, work.toOpaque())
      if made == 0 { threads.append(thread) } else { work.release() }
    }
    for thread in threads { pthread_join(thread, nil) }
  }

  private final class Work: Sendable {
    let number: Int
    let body: @Sendable (Int) -> Void
    init(number: Int, body: @escaping @Sendable (Int) -> Void) {
      self.number = number
      self.body = body
    }
  }
}

/// Everything that comes out of a descriptor until its end.
func readToEnd(_ fd: Int32) -> [UInt8] {
  var bytes: [UInt8] = []
  while case .bytes(let more) = readAvailable(fd) { bytes += more }
  return bytes
}

/// The lines of a log, decoded.
func decoded(_ bytes: [UInt8]) throws -> [LogLine] {
  try bytes.split(separator: UInt8(ascii: "\n")).map { try LogLine.decode($0) }
}

/// The smallest good configuration, with changes.
func configuration(_ changes: [String: String] = [:]) throws -> Configuration {
  let environment = ["AGENT_APP_ID": "my-agent", "AGENT_PACKAGE_PATH": "/packages/a.apkg"]
  return try Configuration.read(
    environment.merging(changes) { $1 }, packageArgument: nil, userID: 1000, workingFolder: "/"
  ).get()
}
