import Glibc
import Lifecycle
import Testing

@Suite("The example lines of the specification")
struct EventExamplesTests {
  @Test("are read and written back byte for byte, and show every event")
  func roundTrip() throws {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let file = try #require(fopen("/\(root)/spec/events.examples.jsonl", "r"))
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while case let count = fread(&buffer, 1, buffer.count, file), count > 0 {
      bytes += buffer[..<count]
    }
    var names: Set<String> = []
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      let decoded = try LogLine.decode(line)
      names.insert(decoded.event.name)
      #expect(
        String(decoding: decoded.encoded, as: UTF8.self) == String(decoding: line, as: UTF8.self))
    }
    #expect(names == Set(LogLine.eventNames))
  }
}
