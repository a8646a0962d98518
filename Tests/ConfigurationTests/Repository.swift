import Glibc

/// The files of the repository; the tests are run from a checkout.
enum Repository {
  static let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

  /// A file's text, or nil when it cannot be read.
  static func text(_ path: String) -> String? {
    guard let file = fopen("\(root)/\(path)", "r") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while case let count = fread(&buffer, 1, buffer.count, file), count > 0 {
      bytes += buffer[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The paths of all files beneath a folder whose names end so.
  static func files(beneath folder: String, ending: String) -> [String] {
    guard let stream = opendir("\(root)/\(folder)") else { return [] }
    defer { closedir(stream) }
    var paths: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        // The name ends with a NUL and is within d_name (readdir(3)).
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasPrefix(".") { continue }
      let path = "\(folder)/\(name)"
      if name.hasSuffix(ending) {
        paths.append(path)
      } else {
        paths += files(beneath: path, ending: ending)
      }
    }
    return paths.sorted()
  }
}
