/// Whether a name looks like that of a secret.
enum SecretName {
  /// Parts of names, between `_`, `-` and `.`, that say secret by themselves.
  private static let words: Set<String> = [
    "KEY", "KEYS", "TOKEN", "TOKENS", "SECRET", "SECRETS", "PASSWORD", "PASSWORDS", "PASSWD",
    "PASS",
    "PASSPHRASE", "PWD", "PW", "CREDENTIAL", "CREDENTIALS", "CREDS", "AUTH", "AUTHORIZATION",
    "BEARER", "JWT", "COOKIE", "COOKIES", "DSN", "SIGNATURE", "SIG", "PAT",
  ]
  /// Ends of parts that are written together, such as `GITHUBTOKEN` or `apikey`.
  private static let endings = [
    "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "APIKEY", "ACCESSKEY", "SECRETKEY",
    "PRIVATEKEY", "CREDENTIAL", "CREDENTIALS",
  ]
  /// The shell's own, which hold folders.
  private static let exempt: Set<String> = ["PWD", "OLDPWD", "SSH_AUTH_SOCK"]

  static func looksSecret(_ name: some Collection<UInt8>) -> Bool {
    let upper = String(decoding: name, as: UTF8.self).uppercased()
    guard !exempt.contains(upper) else { return false }
    return upper.split(whereSeparator: { "_-.".contains($0) }).contains { part in
      words.contains(String(part)) || endings.contains { part.hasSuffix($0) }
    }
  }

  /// `DB_PASSWORD_FILE=/run/secrets/db` says where a secret is, and is none.
  static func isPlace(_ name: String, _ value: String) -> Bool {
    let upper = name.uppercased()
    return value.hasPrefix("/") && ["_FILE", "_PATH", "_DIR"].contains { upper.hasSuffix($0) }
  }
}
