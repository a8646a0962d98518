import Lifecycle
import Testing

@testable import LogTrace

@Suite("Rotated pieces")
struct PieceOrderTests {
  private static let orders = [
    [0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0],
  ]
  private static let runs = [ShortRun("a", lines: 12), ShortRun("b", lines: 9)]

  /// Two runs in three pieces; the second begins in the second piece.
  private static let pieces: [[UInt8]] = {
    func mixed(_ first: ClosedRange<Int>, _ second: Range<Int>) -> [UInt8] {
      var (left, right) = (Array(first), Array(second))
      var text: [UInt8] = []
      while !left.isEmpty || !right.isEmpty {
        if !left.isEmpty { text += runs[0].text(left.removeFirst()) }
        if !right.isEmpty { text += runs[1].text(right.removeFirst()) }
      }
      return text
    }
    return [mixed(1...4, 1..<1), mixed(5...8, 1..<6), mixed(9...12, 6..<10)]
  }()

  @Test("are put in order, whatever order they are given in", arguments: orders, [0, 2])
  func permutations(order: [Int], helpers: Int) throws {
    let call = try TraceCall(order.map { Self.pieces[$0] }, helpers: helpers)
    #expect(call.verdicts == ["conforms", "conforms"])
    #expect(Set(call.runs.map(\.lines)) == [12, 9])
    #expect(call.totals.lines == 21)
    #expect(call.status == 0)
  }

  @Test("are put in order when they are packed", arguments: orders)
  func packed(order: [Int]) throws {
    let pieces = [gzipped(Self.pieces[0]), gzipped(Self.pieces[1]), Self.pieces[2]]
    #expect(try TraceCall(order.map { pieces[$0] }).verdicts == ["conforms", "conforms"])
  }

  @Test(
    "of which one is missing leave a gap, which is the violation", arguments: [[0, 2], [2, 0]])
  func gap(order: [Int]) throws {
    let call = try TraceCall(order.map { Self.pieces[$0] })
    #expect(call.totals.runs == ["violates": 2])
    let long = try #require(call.runs.first { $0.runID == Self.runs[0].id })
    guard case .violates(let violation) = long.verdict else { return #expect(Bool(false)) }
    #expect(violation.sequence == 9)
    #expect(long.lines == 8)
    #expect(call.totals.lines == 12)
  }

  @Test("of which the last is missing are a run that was cut off", arguments: [[0, 1], [1, 0]])
  func open(order: [Int]) throws {
    let call = try TraceCall(order.map { Self.pieces[$0] })
    #expect(call.verdicts == ["incomplete", "incomplete"])
    #expect(call.status == 0)
  }

  @Test("that were given twice are repetitions")
  func twice() throws {
    let inputs = [Self.pieces[2], Self.pieces[0], Self.pieces[1], Self.pieces[1]]
    let call = try TraceCall(inputs)
    #expect(call.totals.runs == ["violates": 2])
    #expect(call.problem?.hasSuffix("/c:1, word for word") == true)
    let allowed = try TraceCall(inputs) { $0.allowsDuplicates = true }
    #expect(allowed.verdicts == ["conforms", "conforms"])
    #expect(allowed.totals.duplicates == 9)
  }

  @Test("count what is of nobody once, however often they are read")
  func countedOnce() throws {
    let foreign = Array("hello\n{\"timestamp\":\"x\",\"event\":\"y\",\"seq\":z}\n".utf8)
    let call = try TraceCall([2, 1, 0].map { foreign + Self.pieces[$0] })
    #expect(call.verdicts == ["conforms", "conforms"])
    #expect(call.totals.foreign == 3)
    #expect(call.totals.corrupt == 3)
    #expect(call.status == 1)
  }

  @Test("that begin with a line that cannot be read belong to their run")
  func corruptFirst() throws {
    let run = Self.runs[0]
    var broken = run.text(5)
    broken[broken.count - 4] = 0x07
    let call = try TraceCall([broken + run.text(6...12), run.text(1...4)])
    #expect(call.verdicts == ["corrupt"])
    #expect(call.runs.first?.lines == 12)
  }
}
