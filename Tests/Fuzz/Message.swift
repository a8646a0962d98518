@testable import DataPlane

/// A head and its body, as values that can be compared.
struct Message: Equatable {
  /// Method and target, or status and reason.
  var start: [[UInt8]] = []
  /// Names in lower case, and values.
  var fields: [[UInt8]] = []
  var framing = BodyFraming.none
  var body: [UInt8] = []
  var isWhole = false
}

/// What a stream of bytes was read as.
struct Reading: Equatable {
  var messages: [Message] = []
  /// Why reading ended; nil: more bytes were needed.
  var problem: HTTPProblem?
}

extension FieldLines {
  /// Every field, in order.
  func all(_ head: UnsafeRawBufferPointer) -> [[UInt8]] {
    fields.flatMap { [$0.nameBytes(head).map(Byte.lowercase), Array($0.valueBytes(head))] }
  }
}

/// Reads message after message, as a connection does: from bytes that come piece by piece.
struct Reader {
  /// Parses a head, given as exactly its bytes.
  typealias Parse = (UnsafeRawBufferPointer) throws -> Message

  /// As little as 200 bytes of trailers, 30 of a chunk's line: so that inputs reach the limits.
  static let limits = {
    var limits = HTTPLimits()
    limits.headBytes = 2000
    limits.fields = 20
    limits.trailerBytes = 200
    limits.chunkLineBytes = 30
    return limits
  }()

  private enum Mode {
    case head(HeadScanner)
    case body(BodyDecoder)
  }

  static func read(_ bytes: [UInt8], size: () -> Int, parse: Parse) -> Reading {
    var reading = Reading()
    var mode = Mode.head(HeadScanner())
    var (start, end) = (0, 0)
    do {
      while end < bytes.count {
        end = min(end + size(), bytes.count)
        var goesOn = true
        while goesOn, start < end {
          goesOn = try exactly(bytes[start..<end]) { arrived in
            switch mode {
            case .head(var scanner):
              let progress = try scanner.scan(arrived, limits: limits)
              mode = .head(scanner)
              guard case .complete(let length) = progress else { return false }
              let message = try exactly(bytes[start..<(start + length)], parse)
              reading.messages.append(message)
              start += length
              mode = .body(BodyDecoder(message.framing))
              try ended(&mode, &reading)
            case .body(var decoder):
              let step = try decoder.decode(arrived, most: max(1, size()), limits: limits)
              mode = .body(decoder)
              reading.messages[reading.messages.count - 1].body += Array(arrived[step.data])
              if step.trailers.count > 2 {
                let lines = FieldLines(limits: limits)
                try exactly(
                  bytes[(start + step.trailers.lowerBound)..<(start + step.trailers.upperBound)]
                ) {
                  try lines.parse($0, from: 0)
                }
              }
              start += step.consumed
              try ended(&mode, &reading)
              if step.consumed == 0, case .body = mode { return false }
            }
            return true
          }
        }
      }
    } catch let problem as HTTPProblem {
      reading.problem = problem
    } catch {
      fail("\(error) is no HTTPProblem")
    }
    return reading
  }

  private static func ended(_ mode: inout Mode, _ reading: inout Reading) throws {
    guard case .body(let decoder) = mode, decoder.isDone else { return }
    reading.messages[reading.messages.count - 1].isWhole = true
    mode = .head(HeadScanner())
  }

  /// Reads the bytes whole and in pieces, and compares.
  static func readBothWays(_ input: Pieces, parse: Parse) -> Reading {
    let whole = read(input.bytes, size: { .max >> 1 }, parse: parse)
    var pieces = input
    let split = read(input.bytes, size: { pieces.next() }, parse: parse)
    if whole != split {
      fail("read whole as \(whole),\nin pieces as \(split):\n\(input.bytes.shown)")
    }
    return whole
  }
}
