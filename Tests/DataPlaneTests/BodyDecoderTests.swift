import Testing

@testable import DataPlane

@Suite("Bodies")
struct BodyDecoderTests {
  /// Decodes `text` presented in pieces; unread bytes are presented again with the next piece.
  private func decode(
    _ framing: BodyFraming, _ text: String, ends: [Int], most: Int = .max,
    limits: HTTPLimits = HTTPLimits()
  ) throws(HTTPProblem) -> (data: String, trailers: String, unread: Int, isDone: Bool) {
    let bytes = Array(text.utf8)
    var decoder = BodyDecoder(framing)
    var (start, data, trailers) = (0, [UInt8](), [UInt8]())
    for end in ends + [bytes.count] {
      while start < end, !decoder.isDone {
        let piece = Array(bytes[start..<end])
        var decoding = decoder
        let result: Result<BodyDecoder.Step, HTTPProblem> = piece.withUnsafeBytes { piece in
          Result { () throws(HTTPProblem) in
            try decoding.decode(piece, most: most, limits: limits)
          }
        }
        let step = try result.get()
        decoder = decoding
        data += piece[step.data]
        trailers += piece[step.trailers]
        start += step.consumed
        if step.consumed == 0 { break }
      }
    }
    return (
      String(decoding: data, as: UTF8.self), String(decoding: trailers, as: UTF8.self),
      bytes.count - start, decoder.isDone
    )
  }

  struct Sample: Sendable, CustomTestStringConvertible {
    let framing: BodyFraming
    let text: String
    let data: String
    var trailers = ""
    var unread = 0
    var isDone = true
    var testDescription: String { text }
  }

  static let samples = [
    Sample(framing: .length(5), text: "hello, next", data: "hello", unread: 6),
    Sample(framing: .length(5), text: "hell", data: "hell", isDone: false),
    Sample(
      framing: .chunked, text: "5\r\nhello\r\n0\r\n\r\nGET", data: "hello", trailers: "\r\n",
      unread: 3),
    Sample(
      framing: .chunked,
      text: "005;a=b;c=\"d\"\r\nhello\r\nA\r\n0123456789\r\n0;x\r\nT: u\r\nV: w\r\n\r\n",
      data: "hello0123456789", trailers: "T: u\r\nV: w\r\n\r\n"),
    Sample(framing: .chunked, text: "0\r\n\r\n", data: "", trailers: "\r\n"),
    Sample(framing: .chunked, text: "3\r\nab", data: "ab", isDone: false),
    Sample(framing: .chunked, text: "0\r\nT: u\r\n", data: "", unread: 6, isDone: false),
    Sample(framing: .untilClose, text: "all of it", data: "all of it", isDone: false),
  ]

  @Test("A body reads the same, wherever it is split", arguments: samples)
  func splits(sample: Sample) throws {
    for first in 0...sample.text.utf8.count {
      for most in [1, 3, Int.max] {
        let read = try decode(sample.framing, sample.text, ends: [first], most: most)
        #expect(read.data == sample.data)
        #expect(read.trailers == sample.trailers)
        #expect(read.unread == sample.unread)
        #expect(read.isDone == sample.isDone)
      }
    }
  }

  @Test(
    "Chunks that two parsers could read differently are refused",
    arguments: [
      "5\nhello\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhelloo\r\n0\r\n\r\n",
      "5 \r\nhello\r\n0\r\n\r\n", " 5\r\nhello\r\n0\r\n\r\n", "+5\r\nhello\r\n0\r\n\r\n",
      "0x5\r\nhello\r\n0\r\n\r\n", "\r\nhello\r\n0\r\n\r\n", ";a\r\nhello\r\n0\r\n\r\n",
      "5\rhello\r\n0\r\n\r\n", "5;a\nb\r\nhello\r\n0\r\n\r\n", "5;a\0\r\nhello\r\n0\r\n\r\n",
      "5;a\rb\r\nhello\r\n", "fffffffffffffffff\r\n", "0000000000000005\r\nhello\r\n",
      "-1\r\n", "g\r\n", "0\r\nT: u\n\r\n", "5\r\nhello\r\r\n0\r\n\r\n",
    ])
  func refuses(text: String) {
    for first in 0...text.utf8.count {
      #expect(throws: HTTPProblem.self) {
        try decode(.chunked, text, ends: [first])
      }
    }
  }

  @Test("Chunk lines and trailers have limits")
  func limits() throws {
    var limits = HTTPLimits()
    limits.chunkLineBytes = 8
    limits.trailerBytes = 16
    limits.fields = 2
    #expect(try decode(.chunked, "0;123456\r\n\r\n", ends: [], limits: limits).isDone)
    #expect(throws: HTTPProblem.self) {
      try decode(.chunked, "0;1234567\r\n\r\n", ends: [], limits: limits)
    }
    #expect(try decode(.chunked, "0\r\nA: 4567\r\n\r\n", ends: [], limits: limits).isDone)
    #expect(throws: HTTPProblem.self) {
      try decode(.chunked, "0\r\nA: 45678901234\r\n\r\n", ends: [], limits: limits)
    }
    #expect(throws: HTTPProblem.tooManyFields) {
      try decode(.chunked, "0\r\nA:\r\nB:\r\nC:\r\n\r\n", ends: [], limits: limits)
    }
  }
}
