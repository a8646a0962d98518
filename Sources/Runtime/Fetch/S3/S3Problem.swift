import AgentPackages

/// Why an object cannot be had from S3, for the person who can mend it. Holds no credential.
struct S3Problem: Error, Equatable, CustomStringConvertible {
  /// One sentence that names the variable, address or object at fault.
  var error: String
  /// What the service itself said, when it said something.
  var detail: String?
  /// What to try; ends with the paragraph of the docs that says more.
  var hint: String
  /// The same request can succeed later, with nothing changed by anybody.
  var canPass: Bool

  init(_ error: String, detail: String? = nil, hint: String, canPass: Bool = false) {
    self.error = error
    self.detail = detail
    self.hint = hint
    self.canPass = canPass
  }

  var description: String { error }
}

/// What a service said, made fit for a log.
enum ServiceText {
  static let maximumScalars = 500
  /// Stands in for a credential.
  static let mask = "***"

  /// One line without control and invisible characters, with every one of `secrets` masked, cut at
  /// `maximumScalars`; nil for nothing.
  static func shown(_ text: String, hiding secrets: [String] = []) -> String? {
    var bytes = Array(text.utf8)
    // The longest first, so that one inside another leaves nothing behind.
    for secret in secrets.sorted(by: { $0.utf8.count > $1.utf8.count }) where !secret.isEmpty {
      bytes = replacing(Array(secret.utf8), in: bytes)
    }
    var shown = ""
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars.prefix(maximumScalars) {
      shown.unicodeScalars.append(
        PrintableText.isInvisible(scalar) ? " " : scalar)
    }
    let line = shown.split(separator: " ").joined(separator: " ")
    return line.isEmpty ? nil : line
  }

  private static func replacing(_ secret: [UInt8], in bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    var index = 0
    while index < bytes.count {
      if bytes[index...].starts(with: secret) {
        result.append(contentsOf: mask.utf8)
        index += secret.count
      } else {
        result.append(bytes[index])
        index += 1
      }
    }
    return result
  }
}
