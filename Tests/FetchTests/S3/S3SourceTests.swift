import Testing

@testable import PackageFetch

@Suite("An object's address") struct S3SourceTests {
  private func error(
    of url: String = "s3://bucket/key", _ environment: [String: String] = [:]
  ) -> S3Problem? {
    #expect(throws: S3Problem.self) { try S3Source(url: url, environment: environment) }
  }

  @Test(
    "a URL that names no object is refused",
    arguments: [
      "", "s3:", "s3://", "s3://bucket", "s3://bucket/", "s3:///key", "https://bucket/key",
      "s3://b@d/key", "s3://bück/key", "s3://user:pass@bucket/key", "s3://.bucket/key",
      "s3://../key", "s3://bucket/a\nb", "s3://bucket/a\u{7F}b",
      "s3://\(String(repeating: "b", count: S3Source.maximumBucketBytes + 1))/key",
      "s3://bucket/\(String(repeating: "k", count: S3Source.maximumKeyBytes + 1))",
    ])
  func badURL(url: String) throws {
    let problem = try #require(error(of: url))
    #expect(problem.error.contains("package's"))
    #expect(problem.hint.hasSuffix("docs/errors.md#s3-address"))
    #expect(!problem.canPass)
    #expect(!problem.error.contains("pass"), "a URL can hold a secret")
  }

  @Test("the scheme's case does not matter, the longest names fit")
  func goodURL() throws {
    let bucket = String(repeating: "b", count: S3Source.maximumBucketBytes)
    let key = String(repeating: "k", count: S3Source.maximumKeyBytes)
    let source = try S3Source(url: "S3://\(bucket)/\(key)", environment: [:])
    #expect(source.bucket == bucket)
    #expect(source.key == key)
  }

  @Test("a directory bucket is refused on AWS and a name like any other elsewhere")
  func directoryBucket() throws {
    let url = "s3://packages--usw2-az1--x-s3/key"
    #expect(try #require(error(of: url)).error.contains("S3 Express"))
    let other = ["AWS_ENDPOINT_URL": "http://localhost:9000"]
    #expect(try S3Source(url: url, environment: other).url.hasPrefix("http://localhost:9000/"))
  }

  @Test(
    "a variable that cannot be is refused by its name, without its value",
    arguments: [
      ("AWS_REGION", "us east", "s3-region"),
      ("AWS_REGION", "evil.example.com/", "s3-region"),
      ("AWS_REGION", "-", "s3-region"),
      ("AWS_REGION", String(repeating: "r", count: 64), "s3-region"),
      ("AWS_DEFAULT_REGION", "a#b", "s3-region"),
      ("AWS_ENDPOINT_URL_S3", "secret.example.com", "s3-endpoint"),
      ("AWS_ENDPOINT_URL_S3", "ftp://secret.example.com", "s3-endpoint"),
      ("AWS_ENDPOINT_URL_S3", "https://", "s3-endpoint"),
      ("AWS_ENDPOINT_URL_S3", "https://user:secret@host", "s3-endpoint"),
      ("AWS_ENDPOINT_URL_S3", "https://host/?secret", "s3-endpoint"),
      ("AWS_ENDPOINT_URL_S3", "https://host/#secret", "s3-endpoint"),
      ("AWS_ENDPOINT_URL", "https://host:0", "s3-endpoint"),
      ("AWS_ENDPOINT_URL", "https://host:65536", "s3-endpoint"),
      ("AWS_ENDPOINT_URL", "https://host name", "s3-endpoint"),
      ("AWS_ENDPOINT_URL", "https://" + String(repeating: "h", count: 2048), "s3-endpoint"),
      ("AWS_NO_SIGN_REQUEST", "maybe", "credentials"),
    ])
  func badVariable(name: String, value: String, paragraph: String) throws {
    let problem = try #require(error([name: value]))
    #expect(problem.error.hasPrefix(name + " "))
    #expect(!problem.error.contains("secret"))
    #expect(problem.hint.hasSuffix("docs/errors.md#" + paragraph))
  }

  @Test("an empty variable is one that is not set")
  func emptyVariable() throws {
    let names = [
      "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL",
      "AWS_NO_SIGN_REQUEST", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    ]
    let empty = Dictionary(uniqueKeysWithValues: names.map { ($0, "") })
    let plain = try S3Source(url: "s3://bucket/key", environment: [:])
    #expect(try S3Source(url: "s3://bucket/key", environment: empty).url == plain.url)
    #expect(plain.url == "https://bucket.s3.us-east-1.amazonaws.com/key")
    let second = empty.merging(["AWS_DEFAULT_REGION": "eu-west-3"]) { $1 }
    #expect(try S3Source(url: "s3://bucket/key", environment: second).region == "eu-west-3")
  }

  @Test(
    "AWS_NO_SIGN_REQUEST is a flag",
    arguments: [
      ("true", true), ("YES", true), ("1", true), ("on", true), ("False", false), ("no", false),
      ("0", false), ("off", false),
    ])
  func unsigned(value: String, isUnsigned: Bool) throws {
    let source = try S3Source(
      url: "s3://bucket/key", environment: ["AWS_NO_SIGN_REQUEST": value])
    #expect(source.isUnsigned == isUnsigned)
    let request = source.request(credentials: .example, at: 0)
    #expect((request.value(of: "authorization") == nil) == isUnsigned)
  }

  @Test("another region changes host and signature; no region, the same one and a host do not")
  func move() throws {
    var source = try S3Source(url: "s3://bucket/key", environment: [:])
    var hasMoved = source.move(to: "us-east-2")
    #expect(hasMoved)
    #expect(source.url == "https://bucket.s3.us-east-2.amazonaws.com/key")
    let authorization = source.request(credentials: .example, at: 0).value(of: "Authorization")
    #expect(try #require(authorization).contains("/us-east-2/s3/"))
    for other in [nil, "us-east-2", "", "evil.example.com", "a/b", "a@b", "a:1"] {
      hasMoved = source.move(to: other)
      #expect(!hasMoved)
    }
    #expect(source.region == "us-east-2")
    let endpoint = ["AWS_ENDPOINT_URL": "http://localhost:9000"]
    var elsewhere = try S3Source(url: "s3://bucket/key", environment: endpoint)
    hasMoved = elsewhere.move(to: "eu-west-1")
    #expect(hasMoved)
    #expect(elsewhere.url == "http://localhost:9000/bucket/key")
  }

  @Test("the pseudo-region of clients without one is the default region")
  func globalRegion() throws {
    let source = try S3Source(url: "s3://b/k", environment: ["AWS_REGION": "aws-global"])
    #expect(source.region == S3Source.defaultRegion)
  }

  @Test("what is shown of an object has no query and no control character")
  func shown() throws {
    let source = try S3Source(url: "s3://bucket/a b?secret=1#x", environment: [:])
    #expect(source.shown == "s3://bucket/a b")
    #expect(source.url.hasSuffix("/a%20b%3Fsecret%3D1%23x"))
  }

  @Test("fields that are changed on the way are sent, but not signed")
  func unsignedFields() throws {
    let source = try S3Source(url: "s3://bucket/key", environment: [:])
    let plain = source.request(fields: [("Range", "bytes=1-")], credentials: .example, at: 0)
    let request = source.request(
      fields: [
        ("Accept-Encoding", "identity"), ("USER-AGENT", "a"), ("Accept", "*/*"),
        ("Connection", "close"), ("Range", "bytes=1-"),
      ], credentials: .example, at: 0)
    #expect(request.fields.prefix(5).map(\.value) == ["identity", "a", "*/*", "close", "bytes=1-"])
    let authorization = try #require(request.value(of: "authorization"))
    #expect(authorization == plain.value(of: "authorization"))
    #expect(
      authorization.contains("SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"))
  }

  @Test("no description of a request shows a credential")
  func description() throws {
    let credentials = AWSCredentials(
      accessKeyID: "AKIDSECRET", secretAccessKey: "SECRETKEY", sessionToken: "SECRETTOKEN")
    let source = try S3Source(url: "s3://bucket/key", environment: [:])
    let request = source.request(credentials: credentials, at: 0)
    #expect(request.value(of: "x-amz-security-token") == "SECRETTOKEN")
    var dumped = ""
    dump(request, to: &dumped)
    dump(credentials, to: &dumped)
    dump([credentials], to: &dumped)
    for text in [
      "\(request)", String(reflecting: request), "\(credentials)", String(reflecting: credentials),
      "\([credentials])", "\(Optional(credentials) as Any)", dumped,
    ] {
      #expect(!text.contains("SECRET"), "\(text)")
    }
  }
}

@Suite("A service's address") struct ServiceURLTests {
  @Test(
    "is read in one way only",
    arguments: [
      ("http://localhost:4566", "http://localhost:4566", ""),
      ("HTTPS://Host.Example:443/Base/", "https://host.example", "/Base/"),
      ("http://host:80", "http://host", ""),
      ("http://host:", "http://host", ""),
      ("http://[0:0:0:0:0:0:0:1]:9/x?y", "http://[::1]:9", "/x"),
      ("http://[::FFFF:127.0.0.1]", "http://[::ffff:127.0.0.1]", ""),
      ("http://under_score.local", "http://under_score.local", ""),
    ])
  func good(text: String, origin: String, path: String) throws {
    let url = try ServiceURL(text)
    #expect(url.origin == origin)
    #expect(url.path == path)
  }

  @Test(
    "is refused when two readers could differ",
    arguments: [
      ("http://127.1/", ServiceURL.Mistake.host), ("http://0x7f000001/", .host),
      ("http://2130706433/", .host), ("http://127.0.0.01/", .host), ("http://1.2.3.4.5/", .host),
      ("http://host\\@evil/", .characters), ("http://a@b/", .userInfo), ("http://a#@b/", .fragment),
      ("http://a b/", .characters), ("http://ho%73t/", .host), ("http://höst/", .characters),
      ("http:/host", .scheme), ("//host", .scheme), ("http//host", .scheme), ("", .scheme),
      ("http:///path", .host), ("http://:80", .host), ("http://a..b", .host), ("http://a.", .host),
      ("http://[::1", .host), ("http://[::1]x", .host), ("http://[fe80::1%25eth0]", .host),
      ("http://[127.0.0.1]", .host), ("http://h:1:2", .port), ("http://h:-1", .port),
      ("http://h:000080", .port), ("http://h\t", .characters), ("http://h\n/", .characters),
    ])
  func bad(text: String, mistake: ServiceURL.Mistake) {
    #expect(throws: mistake) { try ServiceURL(text) }
  }
}
