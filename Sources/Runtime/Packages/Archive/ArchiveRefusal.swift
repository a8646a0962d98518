/// Why an archive is refused: the member at fault, when one is, and what is wrong with it.
struct ArchiveRefusal: Error, Equatable, CustomStringConvertible {
  let member: String?
  let problem: String

  init(_ problem: String, member: String? = nil) {
    self.problem = problem
    self.member = member
  }

  /// The name as it may be printed: control characters escaped, at most 200 characters.
  static func printable(_ name: some Sequence<UInt8>) -> String {
    var text = ""
    for scalar in String(decoding: Array(name), as: UTF8.self).unicodeScalars.prefix(200) {
      if scalar.properties.generalCategory == .control {
        text += "\\u{" + String(scalar.value, radix: 16) + "}"
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
    return text
  }

  var description: String {
    if let member { "the archive member '\(member)' \(problem)" } else { "the archive \(problem)" }
  }
}
