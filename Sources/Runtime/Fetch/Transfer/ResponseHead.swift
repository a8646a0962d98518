/// The status and fields of a response, built from its lines as they come.
struct ResponseHead: Equatable {
  private(set) var status = 0
  private(set) var fields: [(name: String, value: String)] = []
  /// Whether the empty line behind the fields has come.
  private(set) var isComplete = false
  private var bytes = 0

  /// The values of a field; several lines of one name are joined (RFC 9110 section 5.2).
  subscript(name: String) -> String? {
    let values = fields.filter { $0.name == name }.map(\.value)
    return values.isEmpty ? nil : values.joined(separator: ", ")
  }

  /// A line with its CRLF. A status line begins a new head: an informational one came before it.
  /// - Returns: false when the head is longer than `limit` bytes.
  mutating func take(_ line: some Collection<UInt8>, limit: Int) -> Bool {
    if line.starts(with: "HTTP/".utf8) {
      let words = line.split(separator: 0x20, maxSplits: 2)
      status = words.count > 1 ? Int(Self.text(words[1])) ?? 0 : 0
      fields = []
      bytes = 0
      isComplete = false
    } else if let colon = line.firstIndex(of: UInt8(ascii: ":")) {
      fields.append(
        (Self.text(line[..<colon]).lowercased(), Self.text(line[line.index(after: colon)...])))
    }
    isComplete = isComplete || line.allSatisfy { $0 == 0x0D || $0 == 0x0A }
    bytes += line.count
    return bytes <= limit
  }

  /// Bytes of the body, when the head says so; chunks say it themselves (RFC 9112 section 6.3).
  var contentLength: Int64? {
    guard self["transfer-encoding"] == nil else { return nil }
    return self["content-length"].flatMap { text in
      text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int64(text) : nil
    }
  }

  private static func text(_ bytes: some Collection<UInt8>) -> String {
    let isBlank: (UInt8) -> Bool = { $0 <= 0x20 }
    let start = bytes.drop(while: isBlank)
    return String(decoding: start.reversed().drop(while: isBlank).reversed(), as: UTF8.self)
  }

  static func == (left: Self, right: Self) -> Bool {
    left.status == right.status && left.fields.elementsEqual(right.fields) { $0 == $1 }
  }
}
