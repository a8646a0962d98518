import CPlatform
import LinuxSystem
import Testing

@testable import Controller

@Suite("The line reader")
struct LineReaderTests {
  /// The lines after each write, and at the end.
  private func read(_ writes: [String]) throws -> (batches: [[String]], last: [String]) {
    let pipe = try Pipe()
    _ = par_set_nonblocking(pipe.readEnd)
    defer { closeDescriptor(pipe.readEnd) }
    var reader = LineReader()
    var batches: [[String]] = []
    for text in writes {
      writeAll(pipe.writeEnd, Array(text.utf8))
      let (lines, ended) = reader.read(pipe.readEnd)
      #expect(!ended)
      batches.append(lines)
    }
    closeDescriptor(pipe.writeEnd)
    // A child that another test is starting may hold the writing end until it executes.
    var last: [String] = []
    var ended = false
    while !ended, waitReadable(pipe.readEnd, milliseconds: 10_000) {
      let (lines, isEnd) = reader.read(pipe.readEnd)
      last += lines
      ended = isEnd
    }
    #expect(ended)
    return (batches, last)
  }

  static let cases: [(writes: [String], batches: [[String]], last: [String])] = [
    (["a\nb\n"], [["a", "b"]], []), (["a"], [[]], ["a"]), (["a", "b\nc"], [[], ["ab"]], ["c"]),
    (["a\r\n", "\r\n"], [["a"], [""]], []), (["\n\n"], [["", ""]], []),
    (["a\rb\n"], [["a\rb"]], []),
    ([""], [[]], []),
  ]

  @Test("splits at line feeds, wherever the writes end", arguments: 0..<cases.count)
  func splits(index: Int) throws {
    let (writes, batches, last) = Self.cases[index]
    let found = try read(writes)
    #expect(found.batches == batches)
    #expect(found.last == last)
  }

  @Test("throws the rest of a line away that is too long, and goes on with the next")
  func longLine() throws {
    let kept = String(repeating: "x", count: LineReader.outputMaximum)
    let (batches, last) = try read([kept + "more\ny\n"])
    #expect(batches[0] == [kept + "…", "y"])
    #expect(last == [])
  }

  @Test("keeps a line of exactly the longest length whole")
  func exactLine() throws {
    let kept = String(repeating: "x", count: LineReader.outputMaximum)
    let (batches, _) = try read([kept + "\ny\n"])
    #expect(batches[0] == [kept, "y"])
  }

  @Test("replaces bytes that are no UTF-8")
  func invalid() throws {
    let pipe = try Pipe()
    _ = par_set_nonblocking(pipe.readEnd)
    var reader = LineReader()
    writeAll(pipe.writeEnd, [0x61, 0xFF, 0x0A])
    #expect(reader.read(pipe.readEnd).lines == ["a\u{FFFD}"])
    closeDescriptor(pipe.writeEnd)
    closeDescriptor(pipe.readEnd)
  }
}
