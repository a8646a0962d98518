public import Lifecycle

/// Takes secrets out of text before it reaches the log.
///
/// Removed are the values of variables whose name looks like a secret, user-info and queries of
/// URLs, the values in the query of `PACKAGE_URL` wherever they are, bearer and basic credentials, and `name=value` where the name looks like a secret.
/// Apply it to whole lines, before they are cut; where `…` tells that they were, the beginning of a
/// secret is one too. Apply it to strings, before they are encoded: a value
/// made of digits may not take a JSON number apart. One pass over the bytes; lines without
/// anything to hide are returned as they are.
public struct Redactor: Sendable {
  /// What stands in for a secret.
  public static let mask = "***"
  /// Shorter values are no secrets: removing them would make text unreadable (in characters).
  public static let minimumLength = 8
  /// Less of a secret, where a line was cut, tells nobody anything (in bytes).
  public static let minimumBeginning = 4

  /// Longest first for each first byte, so that no secret leaves its end behind.
  private var secrets: [[[UInt8]]]
  /// The bytes at which something to hide can begin.
  private var isInteresting: [Bool]

  /// - Parameter environment: names and values; only the values of secrets are kept.
  public init(environment: [String: String]) {
    secrets = Array(repeating: [], count: 256)
    isInteresting = Array(repeating: false, count: 256)
    for byte in ":?=bB".utf8 { isInteresting[Int(byte)] = true }
    add(environment)
  }

  /// Adds the secrets of another environment, such as the agent's own.
  public mutating func add(_ environment: [String: String]) {
    for (name, value) in environment {
      if SecretName.looksSecret(name.utf8), !SecretName.isPlace(name, value) {
        addValue(value)
      } else if let password = URLText.password(in: Array(value.utf8)) {
        addValue(String(decoding: password, as: UTF8.self))
      }
      // A signature may be quoted by the server without its name. Only of this one: what other
      // URLs' queries say may be any word.
      if name == "PACKAGE_URL" {
        for part in URLText.queryValues(in: Array(value.utf8)) {
          addValue(String(decoding: part, as: UTF8.self))
          addValue(String(decoding: URLText.percentDecoded(part), as: UTF8.self))
        }
      }
    }
  }

  private mutating func addValue(_ value: String) {
    // Output comes line by line, so each line of a key is a secret of its own.
    let lines = value.split(whereSeparator: \.isNewline).map(String.init)
    for text in [value] + lines {
      let plain = Self.trimmed(Array(text.utf8))
      addForm(plain, of: text)
      addForm(URLText.percentEncoded(plain), of: text)
      addForm(Array(JSONWriter.encode(.string(text)).dropFirst().dropLast()), of: text)
    }
  }

  private mutating func addForm(_ form: [UInt8], of text: String) {
    guard text.unicodeScalars.count >= Self.minimumLength, form.count >= Self.minimumLength,
      let first = form.first, !secrets[Int(first)].contains(form)
    else { return }
    secrets[Int(first)].append(form)
    secrets[Int(first)].sort { $0.count > $1.count }
    isInteresting[Int(first)] = true
  }

  private static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
    let start = bytes.firstIndex { $0 > 0x20 } ?? bytes.endIndex
    let end = bytes.lastIndex { $0 > 0x20 }.map { $0 + 1 } ?? start
    return Array(bytes[start..<end])
  }

  // MARK: - Redacting

  public func redact(_ line: String) -> String {
    var line = line
    let redacted = line.withUTF8 { redacting($0) }
    return redacted.map { String(decoding: $0, as: UTF8.self) } ?? line
  }

  /// The same on bytes, which need not be UTF-8.
  public func redact(_ line: [UInt8]) -> [UInt8] {
    line.withUnsafeBufferPointer { redacting($0) } ?? line
  }

  /// Every string in a value; names of members stay.
  public func redact(_ value: JSONValue) -> JSONValue {
    switch value {
    case .string(let text): .string(redact(text))
    case .array(let elements): .array(elements.map { redact($0) })
    case .object(let members):
      .object(members.map { JSONMember($0.name, redact($0.value)) })
    case .null, .bool, .integer, .number: value
    }
  }

  /// A URL as it may be shown: without user-info, query and fragment. What is no URL at all is
  /// treated as if it were one.
  public static func redactURL(_ url: String) -> String {
    String(decoding: URLText.bare(Array(url.utf8)), as: UTF8.self)
  }

  /// Nil when there is nothing to hide. The buffer (unsafe, because this runs for every byte of an
  /// agent's output) does not leave the call.
  private func redacting(_ line: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
    var output: [UInt8] = []
    var copied = 0
    var urlEnd = 0
    var index = 0
    while index < line.count {
      guard isInteresting[Int(line[index])] else {
        index += 1
        continue
      }
      if URLText.isSchemeEnd(line, at: index) { urlEnd = URLText.end(line, from: index + 3) }
      guard let hidden = secret(line, at: index, urlEnd: urlEnd) else {
        index += 1
        continue
      }
      output.append(contentsOf: line[copied..<hidden.lowerBound])
      output.append(contentsOf: Self.mask.utf8)
      copied = hidden.upperBound
      index = hidden.upperBound
    }
    guard copied > 0 else { return nil }
    output.append(contentsOf: line[copied...])
    return output
  }

  /// How many bytes of a secret a line has from an index on, when that is all of it, or at least
  /// `minimumBeginning` of them and then the mark of a cut; else nil.
  private static func length(
    of secret: [UInt8], in line: UnsafeBufferPointer<UInt8>, at index: Int
  ) -> Int? {
    var length = 0
    while length < secret.count, index + length < line.count,
      line[index + length] == secret[length]
    {
      length += 1
    }
    let isCut = length >= minimumBeginning && line[(index + length)...].starts(with: "…".utf8)
    return length == secret.count || isCut ? length : nil
  }

  /// What to hide of the thing that begins at a byte: not empty, and not before that byte.
  private func secret(
    _ line: UnsafeBufferPointer<UInt8>, at index: Int, urlEnd: Int
  ) -> Range<Int>? {
    for secret in secrets[Int(line[index])] {
      if let length = Self.length(of: secret, in: line, at: index) { return index..<index + length }
    }
    switch line[index] {
    case UInt8(ascii: ":"):
      return index < urlEnd ? URLText.userInfo(line, from: index + 3, end: urlEnd) : nil
    case UInt8(ascii: "?"): return index + 1 < urlEnd ? index + 1..<urlEnd : nil
    case UInt8(ascii: "="): return Credential.assigned(line, at: index)
    case UInt8(ascii: "b"), UInt8(ascii: "B"): return Credential.authorization(line, at: index)
    default: return nil
    }
  }
}
