import Glibc
import Lifecycle
import Testing

@testable import LogTrace

@Suite("Inputs")
struct InputTests {
  private static let run = ShortRun("a", lines: 40)

  private struct Packed: CustomTestStringConvertible, Sendable {
    let name: String
    let bytes: [UInt8]
    var testDescription: String { name }
  }

  private static let packed: [Packed] = [
    Packed(name: "one member", bytes: gzipped(run.text)),
    Packed(
      name: "members", bytes: gzipped(run.text(1...7)) + gzipped([]) + gzipped(run.text(8...40))),
    Packed(name: "a member a byte", bytes: run.text.flatMap { gzipped([$0]) }),
    Packed(name: "padding", bytes: gzipped(run.text) + [UInt8](repeating: 0, count: 100_000)),
  ]

  @Test("are unpacked", arguments: packed)
  private func unpacked(packed: Packed) throws {
    let call = try TraceCall([packed.bytes])
    #expect(call.verdicts == ["conforms"])
    #expect(call.complaints == [])
    #expect(call.totals.lines == 40)
    #expect(call.status == 0)
  }

  private static func damaged() -> [UInt8] {
    var bytes = gzipped(run.text(1...2)) + gzipped(run.text(3...40))
    bytes[bytes.count - 6] ^= 1
    return bytes
  }

  private struct Faulty: CustomTestStringConvertible, Sendable {
    let bytes: [UInt8]
    /// PATH stands for the input's.
    let words: String
    var runs = 0
    var testDescription: String { words }
  }

  private static let faulty: [Faulty] = [
    Faulty(
      bytes: gzipped(run.text).dropLast(20), words: "PATH ends in the middle of its gzip data",
      runs: 1),
    Faulty(
      bytes: damaged(), words: "PATH is damaged: its gzip data cannot be unpacked to the end",
      runs: 1),
    Faulty(
      bytes: gzipped(run.text) + [0x78], words: "PATH holds something else behind its gzip data",
      runs: 1),
    Faulty(
      bytes: [0x28, 0xB5, 0x2F, 0xFD, 0, 0, 0],
      words: "PATH is packed by zstd; give `zstdcat PATH | "),
    Faulty(
      bytes: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0, 0],
      words: "PATH is packed by xz; give `xzcat PATH | "),
    Faulty(
      bytes: [0xFF, 0xFE, 0x7B, 0], words: "PATH is UTF-16; give `iconv -f UTF-16 -t UTF-8 PATH | "),
    Faulty(bytes: [0xFE, 0xFF, 0, 0x7B], words: "PATH is UTF-16; give `iconv "),
    Faulty(bytes: [0x42, 0x5A, 0x68, 0x39], words: "PATH is packed by bzip2; give `bzcat PATH | "),
  ]

  @Test("that cannot be read to their end are told; what is there is judged", arguments: faulty)
  private func faults(faulty: Faulty) throws {
    let other = ShortRun("b")
    let folder = try TemporaryFolder()
    try folder.write("faulty", faulty.bytes)
    try folder.write("good", other.text)
    let path = "\(folder.path)/faulty"
    let call = TraceCall(paths: [path, "\(folder.path)/good"])
    #expect(call.complaints.count == 1)
    let sentence = faulty.words.split(separator: "PATH", omittingEmptySubsequences: false)
      .joined(separator: path)
    #expect(call.complaints.first?.hasPrefix(sentence) == true)
    #expect(call.runs.count == faulty.runs + 1)
    #expect(call.runs.contains { $0.runID == other.id && $0.verdict == .conforms })
    #expect(call.status == 2)
    #expect(call.totals.unreadable == 1)
  }

  @Test("are neither folders nor missing")
  func notFiles() throws {
    let folder = try TemporaryFolder()
    try folder.write("a", Self.run.text)
    let call = TraceCall(paths: [folder.path, "\(folder.path)/none", "\(folder.path)/a"])
    #expect(
      call.complaints == [
        "\(folder.path) is a folder; name the files in it",
        "\(folder.path)/none cannot be read: No such file or directory",
      ])
    #expect(call.verdicts == ["conforms"])
    #expect(call.status == 2)
  }

  @Test("that become shorter while they are read are told")
  func shrinks() throws {
    let folder = try TemporaryFolder()
    try folder.write("a", Self.run.text)
    let input = Input("\(folder.path)/a")
    try input.open()
    #expect(truncate("\(folder.path)/a", 100) == 0)
    let target = UnsafeMutableRawBufferPointer.allocate(byteCount: 100_000, alignment: 1)
    defer { target.deallocate() }
    var trouble: InputFault?
    do throws(InputFault) { while try input.read(into: target) > 0 {} } catch { trouble = error }
    #expect(trouble == InputFault("\(folder.path)/a", "became shorter while it was read"))
  }

  @Test("without anything in them, or anything of ours, are nothing to check")
  func empty() throws {
    for bytes in [[], [0x0A], [0x1F], Array("hello\n{\"a\":1}\n[]\n".utf8), gzipped([])] {
      let call = try TraceCall([bytes])
      #expect(call.runs.isEmpty)
      #expect(call.complaints == [])
      #expect(call.status == 1)
    }
  }

  @Test("of every size are read alike by one thread and by many", arguments: [0, 1, 3])
  func threads(helpers: Int) throws {
    let runs = (0..<40).map { ShortRun("\($0)", lines: 50) }
    // Interleaved, so that each chunk has lines of many.
    let text = (1...50).flatMap { sequence in runs.flatMap { $0.text(sequence) } }
    let call = try TraceCall([text], helpers: helpers)
    #expect(call.totals.lines == 2000)
    #expect(call.totals.runs == ["conforms": 40])
    #expect(call.runs.map(\.runID) == runs.map(\.id))
    #expect(call.runs.map(\.lines) == runs.map(\.count))
    let gap = (1...50).filter { $0 != 30 }.flatMap { runs[7].text($0) }
    let broken = try TraceCall([gap, text], helpers: helpers)
    #expect(broken.totals.runs == ["violates": 1, "conforms": 39])
  }
}
