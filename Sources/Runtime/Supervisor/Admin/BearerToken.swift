/// The token of the admin API, and the comparison with it (RFC 6750 section 2.1).
struct BearerToken: Sendable {
  private let bytes: [UInt8]

  /// - Parameter text: never empty.
  init(_ text: String) { bytes = Array(text.utf8) }

  /// Takes as long for each text of the same length, whatever of it is right.
  func isSame(as text: some StringProtocol) -> Bool {
    let given = Array(text.utf8)
    guard !given.isEmpty, !bytes.isEmpty else { return false }
    var difference = given.count ^ bytes.count
    for index in given.indices { difference |= Int(given[index] ^ bytes[index % bytes.count]) }
    return difference == 0
  }

  /// What stands after `Bearer`, in any case; nil: the field says something else.
  static func credentials(_ authorization: String) -> Substring? {
    let scheme = authorization.prefix { $0 != " " }
    guard scheme.lowercased() == "bearer" else { return nil }
    return authorization.dropFirst(scheme.count).drop { $0 == " " }
  }
}
