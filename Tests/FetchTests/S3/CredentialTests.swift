import Glibc
import Lifecycle
import LinuxSystem
import Testing

@testable import PackageFetch

private let relative = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
private let full = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
private let token = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
private let tokenFile = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"

/// A container's endpoint: answers in turn, the last one for ever, and what it was asked.
private final class Endpoint {
  var answers: [HTTPAnswer]
  private(set) var requests: [HTTPRequest] = []

  init(_ answers: HTTPAnswer...) { self.answers = answers }

  func answer(_ request: HTTPRequest) -> HTTPAnswer {
    requests.append(request)
    return answers.count > 1 ? answers.removeFirst() : answers[0]
  }

  static func good(_ number: Int, expires: String? = "2026-01-01T06:00:00Z") -> HTTPAnswer {
    var members: [JSONMember] = [
      JSONMember("RoleArn", "arn:aws:iam::1:role/r"),
      JSONMember("AccessKeyId", .string("ASIA\(number)")),
      JSONMember("SecretAccessKey", .string("secret\(number)")),
      JSONMember("Token", .string("token\(number)")),
    ]
    if let expires { members.append(JSONMember("Expiration", .string(expires))) }
    return HTTPAnswer(status: 200, body: JSONWriter.encode(.object(members)))
  }
}

/// A chain and the endpoint that it asks.
private final class Asker {
  var chain: CredentialChain
  let endpoint: Endpoint

  init(_ environment: [String: String], _ endpoint: Endpoint) {
    chain = CredentialChain(environment: environment)
    self.endpoint = endpoint
  }

  func accessKeyID(at now: Int64 = 0) throws -> String? {
    try chain.credentials(at: now) { endpoint.answer($0) }?.accessKeyID
  }

  func invalidate() -> Bool { chain.invalidate() }
}

/// 2026-01-01T06:00:00Z, when the endpoint's credentials end.
private let end: Int64 = 1_767_247_200

@Suite("Credentials") struct CredentialTests {
  private func problem(_ environment: [String: String]) -> S3Problem? {
    var chain = CredentialChain(environment: environment)
    return #expect(throws: S3Problem.self) {
      try chain.credentials(at: 0) { _ in
        Issue.record("nobody is to be asked")
        return HTTPAnswer(status: 500)
      }
    }
  }

  // MARK: - The environment

  @Test("the environment's keys come before the container's, the newer token before the older")
  func environment() throws {
    var variables = [
      "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s/e+c=", "AWS_SECURITY_TOKEN": "old",
      relative: "/role",
    ]
    let endpoint = Endpoint(Endpoint.good(1))
    var chain = CredentialChain(environment: variables)
    var credentials = try chain.credentials(at: 0) { endpoint.answer($0) }
    #expect(
      credentials
        == AWSCredentials(accessKeyID: "AKID", secretAccessKey: "s/e+c=", sessionToken: "old"))
    variables["AWS_SESSION_TOKEN"] = "new"
    chain = CredentialChain(environment: variables)
    credentials = try chain.credentials(at: 0) { endpoint.answer($0) }
    #expect(credentials?.sessionToken == "new")
    #expect(endpoint.requests.isEmpty)
    let canBeOthers = chain.invalidate()
    #expect(!canBeOthers, "the environment has no others")
  }

  @Test("a request that is not signed needs no credentials")
  func unsigned() throws {
    var chain = CredentialChain(environment: ["AWS_NO_SIGN_REQUEST": "true"])
    let credentials = try chain.credentials(at: 0) { _ in HTTPAnswer(status: 500) }
    #expect(credentials == nil)
    let canBeOthers = chain.invalidate()
    #expect(!canBeOthers)
  }

  @Test(
    "what is wrong with the environment is said in one sentence",
    arguments: [
      ([:], "there are no AWS credentials"),
      (["AWS_ACCESS_KEY_ID": ""], "there are no AWS credentials"),
      (["AWS_PROFILE": "x"], "AWS_PROFILE is not read"),
      (["AWS_WEB_IDENTITY_TOKEN_FILE": "/x"], "AWS_WEB_IDENTITY_TOKEN_FILE is not read"),
      (["AWS_ACCESS_KEY_ID": "A"], "AWS_SECRET_ACCESS_KEY is not"),
      (["AWS_SECRET_ACCESS_KEY": "hidden"], "AWS_ACCESS_KEY_ID is not"),
      (
        ["AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "hidden\n"],
        "AWS_SECRET_ACCESS_KEY has a blank"
      ),
      (
        ["AWS_ACCESS_KEY_ID": "A\r\nX-Evil: 1", "AWS_SECRET_ACCESS_KEY": "hidden"],
        "AWS_ACCESS_KEY_ID has a blank"
      ),
      (
        [
          "AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "hidden",
          "AWS_SESSION_TOKEN": "hidden\u{E9}",
        ], "AWS_SESSION_TOKEN has a blank"
      ),
      (["AWS_NO_SIGN_REQUEST": "hidden"], "AWS_NO_SIGN_REQUEST is neither"),
      ([relative: "role"], "\(relative) does not begin with /"),
      ([relative: ".evil.example/"], "\(relative) does not begin with /"),
      ([relative: "/a b"], "\(relative) has a blank"),
      ([full: "hidden"], "\(full) does not begin with http"),
      ([full: "http://user:hidden@localhost/"], "\(full) has a user name"),
      ([relative: "/role", token: "hidden\r\nX-Evil: 1"], "\(token) has a line break"),
      ([relative: "/role", tokenFile: "/nowhere/at all"], "cannot be read: No such file"),
      ([relative: "/role", tokenFile: "/"], "cannot be read: Is a directory"),
      ([relative: "/role", tokenFile: "/dev/null"], "holds no token"),
      ([relative: "/role", tokenFile: "/dev/zero"], "longer than 16384 bytes"),
    ] as [([String: String], String)])
  func mistakes(environment: [String: String], sentence: String) throws {
    let problem = try #require(self.problem(environment))
    #expect(problem.error.contains(sentence), "\(problem.error)")
    #expect(problem.hint.hasSuffix("docs/errors.md#credentials"))
    #expect(!problem.error.contains("hidden"), "no value is shown")
    #expect(!problem.canPass)
  }

  // MARK: - The container

  @Test(
    "credentials cross the network in clear only to this machine and the agents of ECS and EKS",
    arguments: [
      ("http://127.0.0.1:51679/v2", true), ("http://127.8.9.1/", true), ("http://[::1]/", true),
      ("http://[0:0::1]:1/", true), ("http://localhost:99/x", true), ("http://LOCALHOST/", true),
      ("http://169.254.170.2/v2", true), ("http://169.254.170.23/v1/credentials", true),
      ("http://[fd00:ec2::23]/v1", true), ("https://any.example/x", true),
      ("https://8.8.8.8/", true), ("http://169.254.169.254/", false), ("http://8.8.8.8/", false),
      ("http://10.0.0.1/", false), ("http://169.254.170.3/", false), ("http://[fd00::1]/", false),
      ("http://[::ffff:127.0.0.1]/", false), ("http://localhost.evil.example/", false),
      ("http://127.0.0.1.evil.example/", false), ("http://0.0.0.0/", false),
    ])
  func hosts(url: String, isAllowed: Bool) throws {
    let container = try? ContainerCredentials(environment: [full: url])
    #expect((container != nil) == isAllowed)
    if !isAllowed { #expect(try #require(self.problem([full: url])).error.hasPrefix(full)) }
  }

  @Test("the task's address wins over the full one, the token's file over the token")
  func precedence() throws {
    let folder = try TokenFolder()
    folder.write("from file\n")
    let endpoint = Endpoint(Endpoint.good(1))
    let asker = Asker(
      [
        relative: "/v2/credentials/4?x=1", full: "http://localhost/other", token: "from variable",
        tokenFile: folder.path,
      ], endpoint)
    #expect(try asker.accessKeyID() == "ASIA1")
    let request = try #require(endpoint.requests.first)
    #expect(request.url == "http://169.254.170.2/v2/credentials/4?x=1")
    #expect(request.value(of: "authorization") == "from file")
    #expect(request.value(of: "accept") == "application/json")
    #expect("\(request)" == "GET http://169.254.170.2/v2/credentials/4")
  }

  @Test("the full address is asked as it is, without a token when there is none")
  func fullAddress() throws {
    let endpoint = Endpoint(Endpoint.good(1))
    for (text, asked) in [
      ("http://localhost:1", "http://localhost:1/"),
      ("http://localhost?a=b", "http://localhost/?a=b"),
      ("https://host/p%20q?a=b", "https://host/p%20q?a=b"),
    ] {
      let asker = Asker([full: text], endpoint)
      #expect(try asker.accessKeyID() == "ASIA1")
      #expect(endpoint.requests.last?.url == asked)
      #expect(endpoint.requests.last?.value(of: "authorization") == nil)
    }
  }

  @Test("credentials are kept, and replaced when they hold for less than the margin")
  func refresh() throws {
    let endpoint = Endpoint(
      Endpoint.good(1), Endpoint.good(2, expires: "2026-01-01T12:00:00+00:00"))
    let folder = try TokenFolder()
    folder.write("first")
    let asker = Asker([relative: "/role", tokenFile: folder.path], endpoint)
    #expect(try asker.accessKeyID(at: 0) == "ASIA1")
    let margin = CredentialChain.refreshMargin
    #expect(try asker.accessKeyID(at: end - margin - 1) == "ASIA1")
    #expect(endpoint.requests.count == 1)
    folder.write("second")
    #expect(try asker.accessKeyID(at: end - margin) == "ASIA2")
    #expect(endpoint.requests.map { $0.value(of: "authorization") } == ["first", "second"])
    #expect(try asker.accessKeyID(at: end) == "ASIA2")
    #expect(endpoint.requests.count == 2)
  }

  @Test("while credentials hold, an endpoint that fails does no harm; afterwards it is said")
  func failingRefresh() throws {
    let endpoint = Endpoint(Endpoint.good(1), HTTPAnswer(status: 500))
    let asker = Asker([relative: "/role"], endpoint)
    #expect(try asker.accessKeyID(at: 0) == "ASIA1")
    #expect(try asker.accessKeyID(at: end - 1) == "ASIA1")
    #expect(endpoint.requests.count == 2)
    let problem = #expect(throws: S3Problem.self) {
      try asker.accessKeyID(at: end)
    }
    #expect(try #require(problem).canPass)
  }

  @Test("credentials without an end are kept")
  func endless() throws {
    let endpoint = Endpoint(Endpoint.good(1, expires: nil))
    let asker = Asker([relative: "/role"], endpoint)
    for now in [0, end, end * 2] { #expect(try asker.accessKeyID(at: now) == "ASIA1") }
    #expect(endpoint.requests.count == 1)
  }

  @Test("refused credentials are replaced, as often as the bound says")
  func refused() throws {
    let endpoint = Endpoint(Endpoint.good(1), Endpoint.good(2), Endpoint.good(3), Endpoint.good(4))
    let asker = Asker([relative: "/role"], endpoint)
    #expect(try asker.accessKeyID() == "ASIA1")
    for number in 2..<(2 + CredentialChain.maximumRefusals) {
      #expect(asker.invalidate())
      #expect(try asker.accessKeyID() == "ASIA\(number)")
    }
    #expect(!asker.invalidate())
    #expect(try asker.accessKeyID() == "ASIA4", "what there is stays")
  }

  @Test("what the request itself throws is thrown on")
  func transport() throws {
    struct Unreachable: Error {}
    var chain = CredentialChain(environment: [relative: "/role"])
    #expect(throws: Unreachable.self) {
      try chain.credentials(at: 0) { _ in throw Unreachable() }
    }
  }

  @Test(
    "an answer that is no use is said in one sentence",
    arguments: [
      (200, "", "no JSON object"), (200, "<html>", "no JSON object"),
      (200, "[1]", "no JSON object"),
      (200, "{}", "without AccessKeyId"), (200, #"{"AccessKeyId":""}"#, "without AccessKeyId"),
      (200, #"{"AccessKeyId":7,"SecretAccessKey":"s"}"#, "without AccessKeyId"),
      (200, #"{"AccessKeyId":"a"}"#, "without SecretAccessKey"),
      (200, #"{"Code":"Failed","Message":"m"}"#, "without AccessKeyId"),
      (
        200, #"{"AccessKeyId":"a\r\nX: y","SecretAccessKey":"s"}"#, "cannot be sent"
      ),
      (200, #"{"AccessKeyId":"a","SecretAccessKey":"s","Token":"ü"}"#, "cannot be sent"),
      (
        200, #"{"AccessKeyId":"a","SecretAccessKey":"s","Expiration":"soon"}"#, "is no time"
      ),
      (200, #"{"AccessKeyId":"a","SecretAccessKey":"s","Expiration":7}"#, "is no time"),
      (404, #"{"code":"NoIdMapping","message":"no \"role\""}"#, "HTTP 404"), (403, "", "HTTP 403"),
      (302, "", "HTTP 302"), (429, "", "HTTP 429"), (503, "<", "HTTP 503"),
    ])
  func badAnswer(status: Int, body: String, sentence: String) throws {
    let endpoint = Endpoint(HTTPAnswer(status: status, body: Array(body.utf8)))
    let asker = Asker([full: "http://localhost:1/path?hidden=1"], endpoint)
    let problem = try #require(
      #expect(throws: S3Problem.self) { try asker.accessKeyID() })
    #expect(problem.error.contains(sentence))
    #expect(problem.error.contains("http://localhost:1 "), "\(problem.error)")
    #expect(!"\(problem)".contains("hidden"))
    #expect(problem.canPass == [429, 503].contains(status))
    #expect(problem.hint.hasSuffix("docs/errors.md#credentials"))
    if status == 404 { #expect(problem.detail == "NoIdMapping: no \"role\"") }
  }

  @Test("a long answer is not read")
  func longAnswer() throws {
    var answer = Endpoint.good(1)
    answer.body += [UInt8](
      repeating: 0x20, count: ContainerCredentials.maximumAnswerBytes - answer.body.count)
    #expect(try Asker([relative: "/role"], Endpoint(answer)).accessKeyID() == "ASIA1")
    answer.body.append(0x20)
    let problem = #expect(throws: S3Problem.self) {
      try Asker([relative: "/role"], Endpoint(answer)).accessKeyID()
    }
    #expect(try #require(problem).error.contains("more than 65536 bytes"))
  }

  @Test("the longest token file is read whole")
  func longToken() throws {
    let folder = try TokenFolder()
    let text = String(repeating: "t", count: ContainerCredentials.maximumTokenBytes)
    folder.write(text)
    let container = try #require(
      try ContainerCredentials(environment: [relative: "/r", tokenFile: folder.path]))
    #expect(try container.request().value(of: "authorization") == text)
    folder.write(text + "t")
    #expect(throws: S3Problem.self) { try container.request() }
  }

  @Test("an endpoint that repeats the token does not bring it into a text")
  func echo() throws {
    let body = #"{"code":"Bad","message":"token sesame-open refused"}"#
    let folder = try TokenFolder()
    folder.write("sesame-open\n")
    for environment in [
      [relative: "/role", token: "sesame-open"], [relative: "/role", tokenFile: folder.path],
    ] {
      let asker = Asker(environment, Endpoint(HTTPAnswer(status: 401, body: Array(body.utf8))))
      let problem = #expect(throws: S3Problem.self) { try asker.accessKeyID() }
      #expect(try #require(problem).detail == "Bad: token *** refused")
    }
  }

  @Test(
    "an expiration is a time of RFC 3339",
    arguments: [
      ("2026-01-01T06:00:00Z", end), ("2026-01-01T06:00:00.123456789Z", end),
      ("2026-01-01T06:00:00+00:00", end), ("2026-01-01T08:30:00+02:30", end),
      ("2026-01-01T01:00:00.5-05:00", end), ("2026-01-01T06:00:00", nil), ("2026-01-01", nil),
      ("2026-13-01T06:00:00Z", nil), ("2026-01-01T06:00:00.Z", nil),
      ("2026-01-01T06:00:00+0000", nil), ("2026-01-01T06:00:00+-1:00", nil), ("", nil),
      ("1767247200", nil), ("2026-01-01T06:00:00Zx", nil), ("2026-01-01T06:00:00+24:00", nil),
    ] as [(String, Int64?)])
  func expiration(text: String, seconds: Int64?) {
    #expect(ContainerCredentials.seconds(text) == seconds)
  }
}

/// A file with a token in a folder of its own, gone with this object.
private final class TokenFolder {
  private let folder: String
  var path: String { folder + "/token" }

  init() throws {
    folder = "/tmp/par-token-" + randomHexadecimal(bytes: 8)
    try #require(makePrivateFolder(folder))
  }

  func write(_ text: String) {
    guard let file = fopen(path, "w") else {
      Issue.record("\(path) cannot be written")
      return
    }
    fputs(text, file)
    fclose(file)
  }

  deinit { removeTree(folder) }
}
