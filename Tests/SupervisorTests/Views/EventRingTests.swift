import Testing

@testable import Supervisor

@Suite("The kept lines of the log")
struct EventRingTests {
  private func ring(lines: Int = 8, bytes: Int = 64, line: Int = 32) -> EventRing {
    EventRing(firstID: 100, .init(lines: lines, bytes: bytes, line: line))
  }

  private func text(_ ring: EventRing, _ id: Int64) -> String {
    var block: [UInt8] = []
    ring.copy(id, to: &block)
    return String(decoding: block, as: UTF8.self)
  }

  private func append(_ text: String, agent: String? = nil, to ring: inout EventRing) {
    ring.append(Array(text.utf8)[...], agent: agent)
  }

  @Test("have ids that rise by one, and their texts whole wherever the buffer wraps")
  func wraps() {
    for size in 1...20 {
      var ring = ring(lines: 100, bytes: 64)
      for number in 0..<200 {
        append(String(repeating: "\(number % 10)", count: size), agent: "ab", to: &ring)
        #expect(ring.next == 101 + Int64(number))
        for id in ring.first..<ring.next {
          #expect(
            text(ring, id) == String(repeating: "\((id - 100) % 10)", count: size), "of \(size)")
          #expect(ring.belongs(id, to: Array("ab".utf8)))
          #expect(!ring.belongs(id, to: Array("ac".utf8)))
          #expect(!ring.belongs(id, to: Array("a".utf8)))
        }
        #expect(Int(ring.next - ring.first) == min(number + 1, 64 / (size + 2)))
      }
    }
  }

  @Test("are at most as many as may be, however short they are")
  func count() {
    var ring = ring(lines: 4, bytes: 1000)
    for _ in 0..<10 { append("x", to: &ring) }
    #expect(ring.next - ring.first == 4)
  }

  @Test("leave one out that is too long, which takes an id alone")
  func tooLong() {
    var ring = ring(line: 4)
    append("1234", to: &ring)
    append("12345", agent: "a", to: &ring)
    append("6", to: &ring)
    #expect(ring.next - ring.first == 3)
    #expect([100, 101, 102].map { ring.isLeftOut($0) } == [false, true, false])
    #expect(text(ring, 101) == "")
    #expect(text(ring, 102) == "6")
  }
}

@Suite("A reader of the log")
struct EventCursorTests {
  private func ring(_ lines: [(String, String?)], keep: Int = 8) -> EventRing {
    var ring = EventRing(firstID: 100, .init(lines: keep, bytes: 1024, line: 16))
    for (text, agent) in lines { ring.append(Array(text.utf8)[...], agent: agent) }
    return ring
  }

  private let five: [(String, String?)] = [
    ("one", "a"), ("two", "b"), ("three", nil), ("four", "a"), ("five", "b"),
  ]

  private func read(
    _ ring: EventRing, agent: String? = nil, _ start: EventCursor.Start, limit: Int = 1000
  ) -> String {
    var cursor = EventCursor(agent: agent, start: start, ring: ring)
    return String(decoding: cursor.take(from: ring, limit: limit), as: UTF8.self)
  }

  @Test(
    "begins with the newest lines that are for it",
    arguments: [
      (nil, 0, ""), (nil, 1, "104five"), (nil, 2, "103four 104five"),
      (nil, 99, "100one 101two 102three 103four 104five"),
      ("a", 1, "103four"), ("a", 9, "100one 103four"), ("c", 9, ""),
    ] as [(String?, Int, String)])
  func tail(_ agent: String?, _ count: Int, _ expected: String) {
    #expect(short(read(ring(five), agent: agent, .tail(count))) == expected)
  }

  @Test(
    "goes on after the line that it had, and is told of what is gone",
    arguments: [
      (104, ""), (103, "104five"), (101, "102three 103four 104five"),
      // Nothing is missed by somebody who had the line before the oldest one.
      (100, "gap1 102three 103four 104five"), (99, "gapnull 102three 103four 104five"),
      (5, "gapnull 102three 103four 104five"),
      // Of a supervisor whose clock was ahead.
      (105, "gapnull 102three 103four 104five"), (9999, "gapnull 102three 103four 104five"),
    ] as [(Int64, String)])
  func resume(_ last: Int64, _ expected: String) {
    #expect(short(read(ring(five, keep: 3), .after(last))) == expected)
  }

  @Test("is told where it was overtaken, once, with how much it missed")
  func overtaken() {
    var ring = ring(five, keep: 3)
    var cursor = EventCursor(agent: nil, start: .tail(1), ring: ring)
    #expect(short(String(decoding: cursor.take(from: ring, limit: 99), as: UTF8.self)) == "104five")
    for number in 0..<5 { ring.append(Array("\(number)".utf8)[...], agent: nil) }
    #expect(
      short(String(decoding: cursor.take(from: ring, limit: 99), as: UTF8.self))
        == "gap2 1072 1083 1094")
    #expect(cursor.take(from: ring, limit: 99).isEmpty)
  }

  @Test("is told of a line that was too long to be kept")
  func leftOut() {
    let ring = ring([("short", "a"), (String(repeating: "x", count: 17), "a"), ("end", "a")])
    // What was too long belongs to nobody, so that only readers of everything hear of it.
    #expect(short(read(ring, .tail(9))) == "100short gap1 102end")
    #expect(short(read(ring, agent: "a", .tail(9))) == "100short 102end")
  }

  @Test("gets bounded pieces, none of which is empty before it has everything")
  func pieces() {
    let ring = ring(five)
    var cursor = EventCursor(agent: nil, start: .tail(9), ring: ring)
    var all = ""
    var pieces = 0
    while cursor.isBehind(ring) {
      let piece = cursor.take(from: ring, limit: 1)
      #expect(!piece.isEmpty)
      all += String(decoding: piece, as: UTF8.self)
      pieces += 1
    }
    #expect(pieces == 5)
    #expect(short(all) == "100one 101two 102three 103four 104five")
  }

  /// `id: 7\ndata: x\n\n` as `7x`.
  private func short(_ text: String) -> String {
    text.split(separator: "\n\n").map { event in
      event.split(separator: "\n").map { line in
        line == "event: gap"
          ? "gap"
          : line.hasPrefix("data: {\"missed\":")
            ? String(line.dropFirst(16).dropLast())
            : String(line.drop { $0 != " " }.dropFirst())
      }.joined()
    }.joined(separator: " ")
  }
}
