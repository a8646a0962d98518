import LinuxSystem
import Glibc

@testable import AgentPackages

/// A fresh folder that goes with the test.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    path = "/tmp/par-packages-tests-" + randomHexadecimal(bytes: 8)
    try makeFolders(path, mode: 0o700)
  }

  deinit { try? FileTree.remove(path) }

  /// Writes a file, with the folders above it, and returns its absolute path.
  @discardableResult
  func write(_ name: String, _ text: String, mode: UInt32 = 0o644) throws -> String {
    try write(name, Array(text.utf8), mode: mode)
  }

  @discardableResult
  func write(_ name: String, _ bytes: [UInt8], mode: UInt32 = 0o644) throws -> String {
    let file = path + "/" + name
    if let slash = file.lastIndex(of: "/") { try makeFolders(String(file[..<slash])) }
    let opened = try Descriptor.open(file, O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
    try opened.write(bytes[...])
    fchmod(opened.number, mode)
    return file
  }
}
