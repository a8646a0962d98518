/// Whether a name looks like that of a secret. Works on bytes: it is asked at every `=` of an
/// agent's output.
package enum SecretName {
  /// Parts of names, between `_`, `-` and `.`, that say secret by themselves.
  private static let words = table([
    "KEY", "KEYS", "TOKEN", "TOKENS", "SECRET", "SECRETS", "PASSWORD", "PASSWORDS", "PASSWD",
    "PASS", "PASSPHRASE", "PWD", "PW", "CREDENTIAL", "CREDENTIALS", "CREDS", "AUTH",
    "AUTHORIZATION", "BEARER", "JWT", "COOKIE", "COOKIES", "DSN", "SIGNATURE", "SIG", "PAT",
  ])
  /// Ends of parts that are written together, such as `GITHUBTOKEN` or `apikey`.
  private static let endings = table([
    "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "APIKEY", "ACCESSKEY", "SECRETKEY",
    "PRIVATEKEY", "CREDENTIAL", "CREDENTIALS",
  ])
  /// The shell's own, which hold paths.
  private static let exempt = table(["PWD", "OLDPWD", "SSH_AUTH_SOCK"])

  /// Words by their last byte, so that most names are looked at once.
  private static func table(_ words: [String]) -> [[[UInt8]]] {
    var table = [[[UInt8]]](repeating: [], count: 256)
    for word in words.map({ Array($0.utf8) }) { table[Int(word[word.count - 1])].append(word) }
    return table
  }

  package static func looksSecret<Name: BidirectionalCollection<UInt8>>(_ name: Name) -> Bool {
    guard !ends(name, with: exempt, wholly: true) else { return false }
    var end = name.endIndex
    while true {
      // The parts from the last to the first: the last one says most often what the value is.
      let start = name[..<end].lastIndex { $0 == 0x5F || $0 == 0x2D || $0 == 0x2E }
      let part = name[(start.map { name.index(after: $0) } ?? name.startIndex)..<end]
      if ends(part, with: words, wholly: true) || ends(part, with: endings, wholly: false) {
        return true
      }
      guard let start else { return false }
      end = start
    }
  }

  private static func ends(
    _ part: some BidirectionalCollection<UInt8>, with table: [[[UInt8]]], wholly: Bool
  ) -> Bool {
    guard let last = part.last else { return false }
    return table[Int(upper(last))].contains { word in
      let length = part.count
      guard wholly ? length == word.count : length >= word.count else { return false }
      return zip(part.reversed(), word.reversed()).allSatisfy { upper($0) == $1 }
    }
  }

  private static func upper(_ byte: UInt8) -> UInt8 {
    (0x61...0x7A).contains(byte) ? byte & 0xDF : byte
  }

  /// `DB_PASSWORD_FILE=/run/secrets/db` says where a secret is, and is none.
  package static func isPlace(_ name: String, _ value: String) -> Bool {
    let upper = name.uppercased()
    return value.hasPrefix("/") && ["_FILE", "_PATH", "_DIR"].contains { upper.hasSuffix($0) }
  }
}
