import Glibc
import Lifecycle

/// Logs of real runs in a folder.
enum KeptLogs {
  /// Every run that conforms.
  static func read(_ folder: String) throws -> [CorruptibleLog] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasSuffix(".log") { names.append(name) }
    }
    return try names.sorted().compactMap { name in
      let lines = read("\(folder)/\(name)").split(separator: UInt8(ascii: "\n"))
        .compactMap { try? LogLine.decode($0) }
      guard ReplayTests.verdict(lines) == .conforms else { return nil }
      return try CorruptibleLog(name, lines)
    }
  }

  private static func read(_ path: String) -> [UInt8] {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while case let count = fread(&buffer, 1, buffer.count, file), count > 0 {
      bytes += buffer[..<count]
    }
    return bytes
  }
}
