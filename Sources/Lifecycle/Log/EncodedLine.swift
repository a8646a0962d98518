/// A line in two halves, between which the writer puts the sequence number when it writes it.
public struct EncodedLine: Sendable {
  /// Room for the sequence number and the line feed in `LogLine.maximumLength`.
  static let reserve = 24

  public var head: [UInt8]
  public var tail: [UInt8]

  /// A line that has its number already.
  public init(whole bytes: [UInt8]) { (head, tail) = (bytes, []) }

  /// The line as JSON. Every text of the event passes through `redact`; a line that would be too
  /// long has its longest texts cut.
  public init(_ line: LogLine, redact: (String) -> String = { $0 }) {
    var writer = JSONWriter()
    writer.raw("{\"timestamp\":")
    writer.write(Timestamp.format(nanosecondsSince1970: line.wallNanoseconds))
    writer.raw(",\"level\":")
    writer.write(line.event.level.rawValue)
    writer.raw(",\"event\":")
    writer.write(line.event.name)
    writer.raw(",\"seq\":")
    head = writer.bytes

    // The words of a transition come from closed lists and hold no secret.
    let fields =
      (line.event.transition?.fields ?? [])
      + line.event.ownFields.map { JSONMember($0.name, $0.value.mapTexts(redact)) }
    var textLimit = LogLine.maximumLength
    repeat {
      tail = Self.tail(line, fields: fields, textLimit: textLimit)
      textLimit /= 2
    } while head.count + tail.count + Self.reserve > LogLine.maximumLength && textLimit > 16
  }

  private static func tail(
    _ line: LogLine, fields: [JSONMember], textLimit: Int
  ) -> [UInt8] {
    var writer = JSONWriter()
    writer.raw(",\"run_id\":")
    writer.write(line.runID.cut(to: textLimit, keepingEnd: false))
    writer.raw(",\"agentAppId\":")
    writer.write(line.agentAppID.json.shortened(to: textLimit))
    if let deploymentID = line.deploymentID {
      writer.raw(",\"deploymentId\":")
      writer.write(deploymentID.cut(to: textLimit, keepingEnd: false))
    }
    writer.raw(",\"uptime_ms\":")
    writer.write(.integer(line.uptimeMilliseconds))
    for field in fields {
      // The end of a traceback tells more than its beginning.
      let keepsEnd = field.name == "detail" || field.name == "stack"
      writer.raw(",")
      writer.write(field.name)
      writer.raw(":")
      writer.write(field.value.shortened(to: textLimit, keepingEnd: keepsEnd))
    }
    writer.raw("}")
    return writer.bytes
  }

  /// The same for a person: time, number, level, event, then `name=value`; a text of several lines is
  /// indented below.
  public init(text line: LogLine, redact: (String) -> String = { $0 }) {
    let time = Timestamp.format(nanosecondsSince1970: line.wallNanoseconds)
    let level = line.event.level.rawValue
    var row = " \(level)\(String(repeating: " ", count: 8 - level.count))"
    var blocks = ""
    if case .agentOutput(let stream, let text) = line.event {
      row += "agent \(stream == "stderr" ? "!" : "|") \(redact(text).withoutControls)"
    } else {
      row += line.event.name
      if let transition = line.event.transition {
        row += "  \(transition.from?.rawValue ?? "") → \(transition.to.rawValue)"
      }
      if case .supervisor(.agentState(let facts)) = line.event {
        row += "  \(facts.from?.rawValue ?? "") → \(facts.to.rawValue)"
      }
      let shown: Set<String> = ["from", "to", "state", "config"]
      for field in line.event.fields where !shown.contains(field.name) && !field.value.isNull {
        let value = field.value.mapTexts(redact)
        if let text = value.text, text.contains("\n") {
          for part in text.split(separator: "\n") { blocks += "\n    \(part.withoutControls)" }
        } else {
          row += "  \(field.name)=\(value.forPeople)"
        }
      }
    }
    head = Array("\(time) #".utf8)
    let room = LogLine.maximumLength - head.count - Self.reserve
    tail = Array((row + blocks).cut(to: room, keepingEnd: false).utf8)
  }
}

extension JSONValue {
  func mapTexts(_ change: (String) -> String) -> JSONValue {
    switch self {
    case .string(let text): .string(change(text))
    case .array(let elements): .array(elements.map { $0.mapTexts(change) })
    case .object(let members):
      .object(members.map { JSONMember($0.name, $0.value.mapTexts(change)) })
    case .null, .bool, .integer, .number: self
    }
  }

  /// Texts of at most `limit` bytes, and lists and objects of as many elements as leave the line
  /// within its bound when `limit` is halved often enough.
  fileprivate func shortened(to limit: Int, keepingEnd: Bool = false) -> JSONValue {
    let count = max(1, limit / 8)
    return switch self {
    case .string(let text): .string(text.cut(to: limit, keepingEnd: keepingEnd))
    case .array(let elements):
      .array(elements.prefix(count).map { $0.shortened(to: limit, keepingEnd: keepingEnd) })
    case .object(let members):
      .object(
        members.prefix(count).map {
          JSONMember($0.name, $0.value.shortened(to: limit, keepingEnd: keepingEnd))
        })
    case .null, .bool, .integer, .number: self
    }
  }

  fileprivate var forPeople: String {
    if let text, !text.isEmpty, !text.utf8.contains(UInt8(ascii: " ")) {
      return text.withoutControls
    }
    return String(decoding: JSONWriter.encode(self), as: UTF8.self)
  }
}

extension StringProtocol {
  /// Control characters as U+FFFD, so that agent output cannot move a terminal's cursor.
  fileprivate var withoutControls: String {
    String(
      String.UnicodeScalarView(
        unicodeScalars.map {
          ($0.value < 0x20 && $0 != "\t") || (0x7F..<0xA0).contains($0.value) ? "\u{FFFD}" : $0
        }))
  }
}

extension String {
  /// At most `limit` bytes of UTF-8 (3 or more), cut between characters of Unicode, with an ellipsis
  /// for what is missing.
  fileprivate func cut(to limit: Int, keepingEnd: Bool) -> String {
    guard utf8.count > limit else { return self }
    let ellipsis = "…"
    let kept = limit - ellipsis.utf8.count
    func isInside(_ index: Index) -> Bool { utf8[index] & 0xC0 == 0x80 }
    if keepingEnd {
      var start = utf8.index(utf8.endIndex, offsetBy: -kept)
      while start < utf8.endIndex, isInside(start) { start = utf8.index(after: start) }
      return ellipsis + String(decoding: utf8[start...], as: UTF8.self)
    }
    var end = utf8.index(utf8.startIndex, offsetBy: kept)
    while end > utf8.startIndex, isInside(end) { end = utf8.index(before: end) }
    return String(decoding: utf8[..<end], as: UTF8.self) + ellipsis
  }
}
