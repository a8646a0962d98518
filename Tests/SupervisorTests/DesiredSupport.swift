import CPlatform
import Glibc
import Lifecycle
import LinuxSystem

/// A text's JSON value, and back.
func json(_ text: String) throws -> JSONValue { try JSONReader.decode(text) }

enum JSONText {
  static func encode(_ value: JSONValue) -> [UInt8] { JSONWriter.encode(value) }
}

/// A folder that goes with the test.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = "/tmp/par-test-\(getpid())-\(randomHexadecimal(bytes: 8))"
    try makeFolders(path)
  }

  deinit { removeTree(path) }

  @discardableResult
  func write(_ name: String, _ text: String) throws -> String {
    let file = "\(path)/\(name)"
    let fd = par_open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard fd >= 0 else { throw SystemError("open", file) }
    writeAll(fd, Array(text.utf8))
    closeDescriptor(fd)
    return file
  }
}

/// Numbers by chance that are the same again for the same seed (splitmix64).
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
