import Glibc
import Testing

@testable import DataPlane

@Suite("Small parts")
struct SmallPartsTests {
  @Test(
    "Dates are written as RFC 9110 has them",
    arguments: [
      (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
      (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
      (951_868_799, "Tue, 29 Feb 2000 23:59:59 GMT"),
      (1_709_251_200, "Fri, 01 Mar 2024 00:00:00 GMT"),
      (4_102_444_799, "Thu, 31 Dec 2099 23:59:59 GMT"),
    ])
  func dates(seconds: Int64, text: String) {
    #expect(String(decoding: DateField.format(seconds), as: UTF8.self) == text)
  }

  @Test(
    "Each status that the program answers with has its reason phrase",
    arguments: [
      200, 204, 206, 304, 308, 400, 404, 405, 408, 412, 414, 416, 417, 431, 500, 501, 502, 503, 504,
      505,
    ])
  func reasons(status: Int) {
    #expect(StatusLine.reason(status).description != StatusLine.reason(0).description)
  }

  @Test("Byte sets are what the RFCs say")
  func sets() {
    for byte in UInt8.min...UInt8.max {
      let isLetter = (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
      let isPlain = isLetter || (0x30...0x39).contains(byte)
      #expect(ByteSet.token.contains(byte) == (isPlain || "!#$%&'*+-.^_`|~".utf8.contains(byte)))
      #expect(ByteSet.unreserved.contains(byte) == (isPlain || "-._~".utf8.contains(byte)))
      #expect(
        ByteSet.requestID.contains(byte)
          == (isPlain || "+-./:=@_~".utf8.contains(byte)))
      #expect(
        ByteSet.regName.contains(byte) == (isPlain || "-._~!$&'()*+;=%".utf8.contains(byte)))
      #expect(
        ByteSet.pathLiteral.contains(byte) == (isPlain || "-._~!$&'()*+,;=:@/".utf8.contains(byte)))
    }
  }

  @Test(
    "Trace parents are kept when they are valid",
    arguments: [
      ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true),
      ("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", true),
      ("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-", true),
      ("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.more", false),
      ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", false),
      ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-", false),
      ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff", true),
      ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0X", false),
      ("0x-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false),
      ("00.0af7651916cd43dd8448eb211c80319c.b7ad6b7169203331.01", false),
      ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false),
      ("00-00000000000000000000000000000000-b7ad6b7169203331-01", false),
      ("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false),
      ("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", false),
      ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", false), ("", false),
    ])
  func traceparents(text: String, expected: Bool) {
    let read = Array(text.utf8).withUnsafeBytes { TraceParent.read($0) }
    #expect(read?.text == (expected ? "0af7651916cd43dd8448eb211c80319c" : nil))
  }

  @Test("A trace that begins here is valid, sampled and random")
  func newTraces() {
    var identifiers = Identifiers()
    var ends: Set<Character> = []
    for _ in 0..<1000 {
      let buffer = ByteBuffer(capacity: 64)
      let trace = TraceParent.start(&identifiers, into: buffer)
      #expect(TraceParent.read(buffer.readable) == trace && trace != TraceID())
      let text = String(decoding: buffer.readable, as: UTF8.self)
      #expect(text.hasPrefix("00-") && text.hasSuffix("-03"))
      if let last = trace.text?.last { ends.insert(last) }
    }
    // Level 2, section 3.2.2.3.1: the right-most seven bytes are random, their last bit too.
    #expect(ends.count == 16)
    #expect(TraceID().text == nil)
  }

  @Test("Identifiers are hexadecimal digits")
  func identifiers() {
    for number: UInt64 in [0, 0x0123_4567, 0x89AB_CDEF, 0xFFFF_FFFF, 0xA0A0_9999] {
      let text = withUnsafeBytes(of: Identifiers.digits(number)) {
        String(decoding: $0, as: UTF8.self)
      }
      #expect(
        UInt64(text, radix: 16) == number && text.utf8.count == 8 && text == text.lowercased())
    }
    var (identifiers, seen) = (Identifiers(), Set<[UInt8]>())
    for _ in 0..<1000 {
      var bytes: [UInt8] = []
      identifiers.append(to: &bytes)
      seen.insert(bytes)
    }
    #expect(seen.count == 1000)
  }

  @Test("A buffer keeps what is in it, whatever is done to it")
  func buffer() {
    let buffer = ByteBuffer(capacity: 8)
    buffer.append("hello")
    buffer.consume(2)
    buffer.append("0123456789")
    #expect(String(decoding: buffer.readable, as: UTF8.self) == "llo0123456789")
    buffer.clear()
    for number in [0, 9, 10, 12345, -7, Int64.max] {
      buffer.append(decimal: number)
      buffer.append(" ")
    }
    for number in [0, 15, 16, 0xABCDEF] {
      buffer.append(hexadecimal: number)
      buffer.append(" ")
    }
    #expect(
      String(decoding: buffer.readable, as: UTF8.self)
        == "0 9 10 12345 -7 9223372036854775807 0 f 10 abcdef ")
  }

  @Test("The pool keeps a bounded number of buffers, and none that has grown")
  func pool() {
    var limits = HTTPLimits()
    (limits.bufferBytes, limits.pooledBuffers) = (64, 2)
    let pool = BufferPool(limits)
    let buffers = (0..<3).map { _ in pool.take() }
    for buffer in buffers { pool.give(buffer) }
    #expect(pool.count == 2)
    let grown = pool.take()
    grown.reserve(1000)
    pool.give(grown)
    #expect(pool.count == 1)
  }

  @Test("Large buffers are few; who gets none gets one of the usual size")
  func largeBuffers() {
    var limits = HTTPLimits()
    (limits.bufferBytes, limits.largeBufferBytes, limits.largeBuffers) = (64, 256, 2)
    let pool = BufferPool(limits)
    let buffers = (0..<3).map { _ in pool.takeLarge() }
    #expect(buffers.map(\.capacity) == [256, 256, 64])
    // One that has grown is freed, and another may be made in its place.
    buffers[0].reserve(1000)
    for buffer in buffers { pool.give(buffer) }
    let again = (0..<3).map { _ in pool.takeLarge() }
    #expect(again.map(\.capacity) == [256, 256, 64])
  }
}
