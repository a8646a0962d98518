import Glibc

/// The files of this repository, as the tests see them.
enum Repository {
  static let root = "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/")

  /// The content of a file, or nil when it cannot be read.
  static func file(_ path: String) -> [UInt8]? {
    guard let file = fopen("\(root)/\(path)", "r") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while case let count = fread(&buffer, 1, buffer.count, file), count > 0 {
      bytes += buffer[..<count]
    }
    return bytes
  }

  static func text(_ path: String) -> String? {
    file(path).map { String(decoding: $0, as: UTF8.self) }
  }

  /// The Swift files beneath a folder.
  static func swiftFiles(_ folder: String) -> [String] {
    guard let directory = opendir("\(root)/\(folder)") else { return [] }
    defer { closedir(directory) }
    var found: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasPrefix(".") { continue }
      if name.hasSuffix(".swift") {
        found.append("\(folder)/\(name)")
      } else if entry.pointee.d_type == UInt8(DT_DIR) {
        found += swiftFiles("\(folder)/\(name)")
      }
    }
    return found.sorted()
  }
}
