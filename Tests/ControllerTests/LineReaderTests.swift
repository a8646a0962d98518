import ControlPlane
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
    return (batches, readToEnd(&reader, pipe.readEnd))
  }

  /// A child that another test is starting may hold the writing end until it executes.
  private func readToEnd(_ reader: inout LineReader, _ fd: Int32) -> [String] {
    var last: [String] = []
    while waitReadable(fd, milliseconds: 10_000) {
      let (lines, ended) = reader.read(fd)
      last += lines
      if ended { return last }
    }
    Issue.record("no end came")
    return last
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

  private static let maximum = LineReader.outputMaximum

  @Test("throws away the rest of a line that is too long, and marks it", arguments: [1, 2, 70_000])
  func longLine(excess: Int) throws {
    let long = String(repeating: "x", count: Self.maximum + excess)
    let writes = stride(from: 0, to: long.utf8.count, by: 16_384).map {
      String(long.dropFirst($0).prefix(16_384))
    }
    let (batches, last) = try read(writes + ["\nnext\n"])
    let cut = String(repeating: "x", count: Self.maximum) + "…"
    #expect(batches.flatMap(\.self) == [cut, "next"])
    #expect(last == [])
  }

  @Test("keeps a line of exactly the longest length whole")
  func exactLine() throws {
    let exact = String(repeating: "x", count: Self.maximum)
    let (batches, _) = try read([exact + "\n", exact + "\ny\n"])
    #expect(batches == [[exact], [exact, "y"]])
  }

  @Test("a line that is too long and has no end is a line when its writer is gone")
  func endlessLine() throws {
    let (batches, last) = try read([String(repeating: "x", count: Self.maximum + 5)])
    #expect(batches == [[]])
    #expect(last == [String(repeating: "x", count: Self.maximum) + "…"])
  }

  @Test("a carriage return where a line was cut is the line's own")
  func carriageReturn() throws {
    let kept = String(repeating: "x", count: Self.maximum - 1) + "\r"
    let (batches, _) = try read([kept + "rest\n"])
    #expect(batches[0].map { Array($0.utf8) } == [Array((kept + "…").utf8)])
  }

  @Test("cuts between characters", arguments: ["é", "€", "😀"])
  func characters(_ character: String) throws {
    for shift in 0..<character.utf8.count {
      let line = String(repeating: "x", count: shift) + String(repeating: character, count: 11_000)
      let (batches, _) = try read([line + "\n"])
      let cut = try #require(batches[0].first)
      #expect(cut.hasSuffix(character + "…"))
      #expect(line.utf8.starts(with: cut.dropLast().utf8))
      #expect(cut.utf8.count > Self.maximum - 8)
    }
  }

  @Test("tells whether a line was longer than its maximum", arguments: [4, 5])
  func hasCut(length: Int) throws {
    let pipe = try Pipe()
    defer { closeDescriptor(pipe.readEnd) }
    _ = par_set_nonblocking(pipe.readEnd)
    var reader = LineReader(maximum: 4)
    writeAll(pipe.writeEnd, Array(String(repeating: "x", count: length).utf8))
    closeDescriptor(pipe.writeEnd)
    #expect(readToEnd(&reader, pipe.readEnd) == [length > 4 ? "xxxx…" : "xxxx"])
    #expect(reader.hasCut == (length > 4))
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
