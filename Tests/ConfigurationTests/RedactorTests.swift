import Lifecycle
import RunConfiguration
import Testing

private let environment = [
  "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG", "API_TOKEN": "tok-12345678",
  "LONG_API_TOKEN": "tok-12345678-and-more", "SHORT_PASSWORD": "1234567",
  "db_password": "p\"ss w\\rd!", "NAME": "plain-value-of-a-name", "PWD": "/home/someone",
  "TLS_PRIVATE_KEY": "-----BEGIN KEY-----\nMIIEvQIBADANBg\nxyz\n-----END KEY-----\n",
  "DB_PASSWORD_FILE": "/run/secrets/db", "UNICODE_SECRET": "пароль-тест",
  "DATABASE_URL": "postgres://me:db-hunter22@db/x", "TOKENIZER": "bert-base-uncased",
]

@Suite("The redactor")
struct RedactorTests {
  let redactor = Redactor(environment: environment)

  @Test(
    "hides values of secret variables",
    arguments: [
      ("a wJalrXUtnFEMI/K7MDENG b", "a *** b"),
      ("tok-12345678", "***"),
      ("tok-12345678tok-12345678", "******"),
      ("tok-12345678-and-more", "***"),
      ("tok-1234567", "tok-1234567"),
      ("x=p\"ss w\\rd!.", "x=***."),
      (#"{"x":"p\"ss w\\rd!"}"#, #"{"x":"***"}"#),
      ("wJalrXUtnFEMI%2FK7MDENG", "***"),
      ("key: MIIEvQIBADANBg", "key: ***"),
      ("пароль-тест!", "***!"),
      ("password db-hunter22", "password ***"),
    ])
  func secrets(_ line: String, _ expected: String) {
    #expect(redactor.redact(line) == expected)
    #expect(redactor.redact(Array(line.utf8)) == Array(expected.utf8))
  }

  @Test(
    "leaves alone what is no secret",
    arguments: [
      "", "plain-value-of-a-name", "1234567", "/home/someone", "/run/secrets/db", "xyz",
      "bert-base-uncased", "a ? b : c == d", "https://example.com/a/b#c", "bearer of bad news",
      "Basic authentication required", "key=short", "max_tokens=4096", "name=a-long-plain-value",
      "what?", "a://", "://", "?", "=", ":", "b", "monkey=bananas-and-more",
    ])
  func harmless(_ line: String) { #expect(redactor.redact(line) == line) }

  @Test(
    "hides what the query of PACKAGE_URL says, wherever it is",
    arguments: [
      ("signature ab12%2Fcd34 of", "signature *** of"), ("ab12/cd34", "***"), ("barevalue", "***"),
      ("at 3600 production", "at 3600 production"), ("%zz%4", "%zz%4"), ("fragment", "fragment"),
    ])
  func packageQuery(_ line: String, _ expected: String) {
    let redactor = Redactor(environment: [
      "PACKAGE_URL": "https://h/a?X-Amz-Signature=ab12%2Fcd34&e=3600&barevalue&=&x=%zz%4#fragment",
      "OTHER_URL": "https://h/a?mode=production",
    ])
    #expect(redactor.redact(line) == expected)
  }

  @Test(
    "hides user-info and queries of URLs",
    arguments: [
      ("GET https://h/p?a=b HTTP", "GET https://h/p?*** HTTP"),
      ("(https://me:pw@h:1/p)", "(https://***@h:1/p)"),
      ("'s3://me@h/p?q' x?y", "'s3://***@h/p?***' x?y"),
      ("https://h/p@x/y", "https://h/p@x/y"),
      ("redis://:pw@h", "redis://***@h"),
      ("https://h?a and https://i?b", "https://h?*** and https://i?***"),
      ("https://h/p?", "https://h/p?"),
    ])
  func urls(_ line: String, _ expected: String) { #expect(redactor.redact(line) == expected) }

  @Test(
    "hides credentials that no variable holds",
    arguments: [
      ("Authorization: Bearer abc.def-123", "Authorization: Bearer ***"),
      ("authorization: BASIC dXNlcjpwYXNz=", "authorization: BASIC ***"),
      ("bearer abcdefghijklmnopqrst", "bearer ***"),
      ("/x?access_token=abcdefgh&a=b", "/x?access_token=***&a=b"),
      ("password='hunter2222' ok", "password='***' ok"),
      ("client_secret=\"abcdefghi\"", "client_secret=\"***\""),
    ])
  func credentials(_ line: String, _ expected: String) {
    #expect(redactor.redact(line) == expected)
  }

  @Test(
    "shows a URL without user-info, query and fragment",
    arguments: [
      ("https://h/p?X-Amz-Signature=1#f", "https://h/p"), ("https://h#f", "https://h"),
      ("https://me:pw@h:1/p", "https://h:1/p"), ("s3://b/k@1", "s3://b/k@1"),
      ("https:/me:pw@h/p", "https:/h/p"), ("me:pw@h/p?q", "me:h/p"), ("", ""), ("?q", ""),
      ("https://me:p?w@h/p", "https://h/p"), ("/a/b", "/a/b"),
    ])
  func url(_ url: String, _ shown: String) { #expect(Redactor.redactURL(url) == shown) }

  @Test(
    "takes a variable for a secret by its name",
    arguments: [
      "SECRET", "API_KEY", "apikey", "GITHUBTOKEN", "my-access.token", "X_PASSWORD_OLD", "Db_Pwd",
      "SENTRY_DSN", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "SUPERVISOR_TOKEN",
    ])
  func secretName(_ name: String) {
    #expect(Redactor(environment: [name: "abcdefgh"]).redact("abcdefgh") == "***")
  }

  @Test(
    "takes a variable for no secret by its name",
    arguments: [
      "", "_", "PWD", "OLDPWD", "SSH_AUTH_SOCK", "TOKENIZERS_PARALLELISM", "MONKEY", "KEYBOARD",
      "COMPASS", "AUTHOR", "PATH", "DEPLOYMENT_ID", "SECRETARY", "AWS_REGION",
    ])
  func plainName(_ name: String) {
    #expect(Redactor(environment: [name: "abcdefgh"]).redact("abcdefgh") == "abcdefgh")
  }

  @Test(
    "hides the beginning of a secret where a line was cut",
    arguments: [
      ("a wJalrXUt…", "a ***…"), ("a wJal…", "a ***…"), ("a wJa…", "a wJa…"),
      ("wJalrXUt…\nnext", "***…\nnext"), ("wJalrXUt… (cut) … more", "***… (cut) … more"),
      ("tok-12345678-and…", "***…"), ("tok-1234…", "***…"), ("wJalrXUt..", "wJalrXUt.."),
      ("wJalrXUt\u{2025}", "wJalrXUt\u{2025}"), ("парол…", "***…"), ("…", "…"),
    ])
  func cut(text: String, expected: String) {
    #expect(redactor.redact(text) == expected)
  }

  @Test("learns the agent's own environment")
  func added() {
    var redactor = redactor
    redactor.add(["OPENAI_API_KEY": "sk-abcdefgh"])
    #expect(redactor.redact("sk-abcdefgh tok-12345678") == "*** ***")
  }

  @Test("changes only strings of a JSON value, so that digits cannot take a number apart")
  func json() {
    let redactor = Redactor(environment: ["PIN_SECRET": "12345678"])
    let value: JSONValue = ["12345678": 12_345_678, "a": ["12345678", nil, true]]
    #expect(redactor.redact(value) == ["12345678": 12_345_678, "a": ["***", nil, true]])
  }

  @Test("keeps bytes that are no UTF-8")
  func bytes() {
    #expect(
      redactor.redact([0xFF, 0x41] + Array("tok-12345678".utf8)) == [0xFF, 0x41, 0x2A, 0x2A, 0x2A])
  }

  @Test("takes eight characters as a secret, and seven as none")
  func minimumLength() {
    for length in [Redactor.minimumLength - 1, Redactor.minimumLength] {
      let value = String("abcdefghij".prefix(length))
      let redacted = Redactor(environment: ["X_SECRET": value]).redact("<\(value)>")
      #expect(redacted == (length == 8 ? "<***>" : "<\(value)>"))
    }
  }

  @Test("lets no secret through, whatever stands around it")
  func surroundings() {
    // A fixed linear congruential sequence: the same lines in every run.
    var seed: UInt64 = 20_260_102
    func next(_ bound: Int) -> Int {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(seed >> 33) % bound
    }
    let pieces = [
      ":", "/", "//", "://", "?", "=", "@", "b", "bearer ", "Basic ", " ", "'", "\"", "https",
      "key", "token=", "tok-1234", "5678", "é", "\0", "[::1]", "%", "&",
    ]
    for _ in 0..<20_000 {
      let before = (0..<next(8)).map { _ in pieces[next(pieces.count)] }.joined()
      let after = (0..<next(8)).map { _ in pieces[next(pieces.count)] }.joined()
      let redacted = redactor.redact(before + "tok-12345678" + after)
      #expect(!redacted.contains("tok-12345678"))
      #expect(redacted.contains("***"))
    }
  }
}
