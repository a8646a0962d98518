import Lifecycle
import Testing

@testable import LogTrace

@Suite("Chunks of lines")
struct ChunkTests {
  /// Hands out its bytes in pieces.
  private final class Pieces: ByteSource {
    private var pieces: [ArraySlice<UInt8>]
    let isReady = false

    init(_ pieces: [ArraySlice<UInt8>]) { self.pieces = pieces.filter { !$0.isEmpty } }

    func read(into target: UnsafeMutableRawBufferPointer) -> Int {
      guard var piece = pieces.first else { return 0 }
      let count = min(piece.count, target.count)
      target.copyBytes(from: piece.prefix(count))
      piece.removeFirst(count)
      pieces[0] = piece
      if piece.isEmpty { pieces.removeFirst() }
      return count
    }
  }

  /// What is found in a source's lines, as `number sequence`, and the counts.
  private struct Found: Equatable {
    var marks: [String] = []
    var foreign = 0
    var tooLong = 0
    var lines = 0
  }

  private func read(_ source: Pieces, follows: Bool = false) throws -> Found {
    var found = Found()
    var filler = ChunkFiller(follows: follows)
    var scanner = ChunkScanner(TraceOptions())
    let chunk = Chunk()
    repeat {
      try filler.fill(chunk, from: source)
      scanner.scan(chunk)
      var (line, corrupt) = (0, 0)
      for mark in chunk.marks {
        let number = found.lines + Int(mark.number)
        switch mark.kind {
        case .line:
          found.marks.append("\(number) seq \(chunk.lines[line].sequence)")
          line += 1
        case .corrupt:
          found.marks.append("\(number) corrupt \(chunk.corrupt[corrupt].runID ?? "-")")
          corrupt += 1
        case .counted: break
        case .cutOff: found.marks.append("\(number) cut off")
        }
      }
      found.foreign += chunk.foreign
      found.tooLong += chunk.tooLong
      found.lines += chunk.lineCount
    } while !chunk.isLast
    return found
  }

  @Test("are the same wherever the bytes before and after are torn apart")
  func everyBoundary() throws {
    let run = ShortRun("a", lines: 5)
    let text =
      run.text(1...2) + Array("\n\u{0}\u{1}binary\r\nnginx: {\"a\":1}\n".utf8)
      + run.line(3).encoded + Array("\r\nprefix | ".utf8) + run.text(4)
      + run.line(5).encoded.dropLast(3)
    let whole = try read(Pieces([text[...]]))
    #expect(whole.marks == ["1 seq 1", "2 seq 2", "6 seq 3", "7 seq 4", "8 cut off"])
    #expect(whole.foreign == 2)
    for boundary in 1..<text.count {
      #expect(try read(Pieces([text[..<boundary], text[boundary...]])) == whole)
    }
    #expect(try read(Pieces(text.indices.map { text[$0...$0] })) == whole)
  }

  @Test(
    "leave out a line that is too long, wherever it stands",
    arguments: [Chunk.lineLimit + 1, Chunk.capacity, 3 * Chunk.capacity],
    [0, 5])
  func tooLong(length: Int, before: Int) throws {
    let run = ShortRun("a", lines: 7)
    let long = [UInt8](repeating: 0x78, count: length) + [0x0A]
    var text = Array(run.text(1..<before + 1)) + long + long + run.text(before + 1...6)
    var found = try read(Pieces([text[...]]))
    let marks = (1...6).map { "\($0 > before ? $0 + 2 : $0) seq \($0)" }
    #expect(found == Found(marks: marks, foreign: 2, tooLong: 2, lines: 8))
    // The last one has no line feed.
    text += long.dropLast()
    found = try read(Pieces([text[...]]))
    #expect(found == Found(marks: marks, foreign: 3, tooLong: 3, lines: 9))
  }

  @Test("hold a line of the longest length")
  func longest() throws {
    let run = ShortRun("a")
    let line = run.line(1).encoded
    let prefix = [UInt8](repeating: 0x78, count: Chunk.lineLimit - line.count)
    let found = try read(Pieces([(prefix + line + [0x0A])[...]]))
    #expect(found == Found(marks: ["1 seq 1"], lines: 1))
  }

  @Test("end with the last line feed where more may follow")
  func follows() throws {
    let text = ShortRun("a").text(1...2)
    let chunk = Chunk()
    var filler = ChunkFiller(follows: true)
    try filler.fill(chunk, from: Pieces([text[..<(text.count - 5)]]))
    #expect(Array(chunk.bytes) == ShortRun("a").text(1))
    try filler.fill(chunk, from: Pieces([text[(text.count - 5)...]]))
    #expect(Array(chunk.bytes) == ShortRun("a").text(2))
  }

  @Test("cut off the last line that nothing ends, even when little of it is there")
  func cutOff() throws {
    let line = ShortRun("a").line(1).encoded
    for count in 1..<line.count {
      #expect(try read(Pieces([line[..<count]])).marks == ["1 cut off"])
    }
    #expect(try read(Pieces([line[...]])).marks == ["1 seq 1"])
  }

  @Test("name the run of a line that cannot be read")
  func corrupt() throws {
    let run = ShortRun("a")
    var line = run.text(3)
    line.replaceSubrange(line.count - 4..<line.count - 3, with: [0x07])
    #expect(try read(Pieces([line[...]])).marks == ["1 corrupt \(run.id)"])
    let short = Array("{\"timestamp\":\"x\",\"event\":\"fetch\",\"seq\":1}\n".utf8)
    #expect(try read(Pieces([short[...]])).marks == ["1 corrupt -"])
  }

  @Test("leave another program's JSON to it, though it begins with a timestamp too")
  func another() throws {
    let line = Array("{\"timestamp\":\"x\",\"level\":\"info\",\"message\":\"hello\"}\n".utf8)
    let found = try read(Pieces([line[...]]))
    #expect(found.marks.isEmpty)
    #expect(found.foreign == 1)
  }
}
