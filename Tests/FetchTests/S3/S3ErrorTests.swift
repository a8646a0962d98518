import Testing

@testable import PackageFetch

/// An answer of S3 and what follows from it.
struct Refusal: CustomTestStringConvertible {
  let status: Int
  let code: String
  let sentence: String
  let paragraph: String
  var canPass = false
  var refusesCredentials = false

  var testDescription: String { "\(status) \(code)" }
}

private let refusals: [Refusal] = [
  Refusal(
    status: 403, code: "AccessDenied", sentence: "S3 denies access to s3://b/k",
    paragraph: "s3-access"),
  Refusal(
    status: 403, code: "AllAccessDisabled", sentence: "S3 denies access to s3://b/k",
    paragraph: "s3-access"),
  Refusal(status: 403, code: "", sentence: "S3 denies access to s3://b/k", paragraph: "s3-access"),
  Refusal(
    status: 404, code: "NoSuchKey", sentence: "there is no object s3://b/k",
    paragraph: "s3-missing"),
  Refusal(
    status: 404, code: "NoSuchBucket", sentence: "there is no bucket b", paragraph: "s3-missing"),
  Refusal(status: 404, code: "", sentence: "there is no object s3://b/k", paragraph: "s3-missing"),
  Refusal(
    status: 403, code: "InvalidAccessKeyId", sentence: "S3 does not know the access key",
    paragraph: "credentials", refusesCredentials: true),
  Refusal(
    status: 403, code: "SignatureDoesNotMatch",
    sentence: "S3 does not accept the request's signature", paragraph: "credentials"),
  Refusal(
    status: 400, code: "ExpiredToken", sentence: "S3 does not accept the session token",
    paragraph: "credentials", refusesCredentials: true),
  Refusal(
    status: 400, code: "InvalidToken", sentence: "S3 does not accept the session token",
    paragraph: "credentials", refusesCredentials: true),
  Refusal(
    status: 400, code: "TokenRefreshRequired", sentence: "S3 does not accept the session token",
    paragraph: "credentials", refusesCredentials: true),
  Refusal(
    status: 403, code: "RequestTimeTooSkewed", sentence: "this machine's clock", paragraph: "clock"),
  Refusal(
    status: 301, code: "PermanentRedirect", sentence: "the bucket b is not in us-east-1",
    paragraph: "s3-region"),
  Refusal(
    status: 400, code: "AuthorizationHeaderMalformed",
    sentence: "the bucket b is not in us-east-1", paragraph: "s3-region"),
  Refusal(
    status: 307, code: "", sentence: "the bucket b is not in us-east-1", paragraph: "s3-region"),
  Refusal(
    status: 403, code: "InvalidObjectState", sentence: "s3://b/k is archived",
    paragraph: "s3-archived"),
  Refusal(
    status: 503, code: "SlowDown", sentence: "S3 could not answer at the moment",
    paragraph: "s3-unavailable", canPass: true),
  Refusal(
    status: 500, code: "InternalError", sentence: "S3 could not answer at the moment",
    paragraph: "s3-unavailable", canPass: true),
  Refusal(
    status: 400, code: "RequestTimeout", sentence: "S3 could not answer at the moment",
    paragraph: "s3-unavailable", canPass: true),
  Refusal(
    status: 429, code: "", sentence: "S3 could not answer at the moment",
    paragraph: "s3-unavailable", canPass: true),
  Refusal(
    status: 502, code: "", sentence: "S3 could not answer at the moment",
    paragraph: "s3-unavailable", canPass: true),
  Refusal(
    status: 501, code: "NotImplemented", sentence: "S3 refuses the request for s3://b/k",
    paragraph: "s3-refused"),
  Refusal(
    status: 400, code: "InvalidRequest", sentence: "S3 refuses the request for s3://b/k",
    paragraph: "s3-refused"),
]

@Suite("A refusal of S3") struct S3ErrorTests {
  private func source() throws -> S3Source { try S3Source(url: "s3://b/k?x", environment: [:]) }

  private func answer(_ status: Int, _ body: String, region: String? = nil) -> HTTPAnswer {
    HTTPAnswer(
      status: status, fields: region.map { [("X-Amz-Bucket-Region", $0)] } ?? [],
      body: Array(body.utf8))
  }

  @Test("is explained, and says whether to try again and with what", arguments: refusals)
  func explained(refusal: Refusal) throws {
    let body =
      refusal.code.isEmpty
      ? "<html>not S3's</html>"
      : """
      <?xml version="1.0" encoding="UTF-8"?>
      <Error xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Code>\(refusal.code)</Code>\
      <Message>It &lt;said&gt; so</Message><RequestId>4</RequestId></Error>
      """
    let error = S3ErrorBody(answer(refusal.status, body))
    let problem = error.problem(of: try source(), credentials: .example)
    #expect(problem.error.hasPrefix(refusal.sentence), "\(problem.error)")
    let shown = refusal.code.isEmpty ? "" : ", \(refusal.code)"
    #expect(problem.error.hasSuffix("(HTTP \(refusal.status)\(shown))"))
    #expect(problem.hint.hasSuffix("; docs/errors.md#\(refusal.paragraph)"))
    #expect(problem.detail == (refusal.code.isEmpty ? nil : "It <said> so"))
    #expect(problem.canPass == refusal.canPass)
    #expect(error.canPass == refusal.canPass)
    #expect(error.refusesCredentials == refusal.refusesCredentials)
  }

  @Test("of a request without a signature says so")
  func unsigned() throws {
    let error = S3ErrorBody(answer(403, "<Error><Code>AccessDenied</Code></Error>"))
    let problem = error.problem(of: try source(), credentials: nil)
    #expect(problem.hint.contains("AWS_NO_SIGN_REQUEST"))
  }

  @Test("names the bucket's region, which is then asked")
  func region() throws {
    let malformed = S3ErrorBody(
      answer(
        400,
        "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>"))
    #expect(malformed.otherRegion == "eu-west-1")
    var moved = try source()
    let hasMoved = moved.move(to: malformed.otherRegion)
    #expect(hasMoved)
    let text = malformed.problem(of: try source(), credentials: .example).error
    #expect(text.hasPrefix("the bucket b is not in us-east-1 but in eu-west-1 ("))
    #expect(S3ErrorBody(answer(301, "", region: "us-west-2")).otherRegion == "us-west-2")
    // S3 names the region with every refusal; a missing object is not elsewhere.
    #expect(S3ErrorBody(answer(403, "", region: "us-west-2")).otherRegion == nil)
    let missing = "<Error><Code>NoSuchKey</Code><Region>r</Region></Error>"
    #expect(S3ErrorBody(answer(404, missing)).otherRegion == nil)
    #expect(S3ErrorBody(answer(301, "")).otherRegion == nil)
  }

  @Test("that quotes the request shows no credential of it")
  func quoting() throws {
    let credentials = AWSCredentials(
      accessKeyID: "ASIAHIDDEN", secretAccessKey: "HIDDENkey", sessionToken: "HIDDENkey+token")
    let body = """
      <Error><Code>Bad-ASIAHIDDEN</Code><Message>key ASIAHIDDEN,\ttoken
      HIDDENkey+token, secret HIDDENkey&#10;&#x1b;[0m</Message>
      <AWSAccessKeyId>ASIAHIDDEN</AWSAccessKeyId></Error>
      """
    let problem = S3ErrorBody(answer(400, body)).problem(
      of: try source(), credentials: credentials)
    #expect(problem.detail == "key ***, token ***, secret *** [0m")
    #expect(problem.error.hasSuffix("(HTTP 400, Bad-***)"))
  }

  @Test("that goes on and on is cut")
  func long() throws {
    let message = String(repeating: "m", count: ServiceText.maximumScalars + 1)
    let body = "<Error><Code>X</Code><Message>\(message)</Message></Error>"
    let problem = S3ErrorBody(answer(400, body)).problem(of: try source(), credentials: nil)
    #expect(problem.detail?.unicodeScalars.count == ServiceText.maximumScalars)
    let padding = String(repeating: " ", count: S3ErrorBody.maximumBytes)
    #expect(S3ErrorBody(answer(400, padding + "<Code>X</Code>")).code == "")
    #expect(S3ErrorBody(answer(400, padding.dropLast(20) + "<Code>X</Code>")).code == "X")
  }

  @Test(
    "is read from whatever comes",
    arguments: [
      ("", [:]), ("<", [:]), ("<<>>", [:]), ("<a>", [:]), ("<a>b</a>", ["a": "b"]),
      ("<a>b</a", ["a": "b"]), ("<a>b</c>", [:]), ("<a><b>1</b><b>2</b></a>", ["b": "1"]),
      ("<a x=\"1\">b</a >", ["a": "b"]), ("<a/>", [:]), ("<a></a>", ["a": ""]),
      ("<a>&amp;&lt;&gt;&quot;&apos;&#65;&#x41;</a>", ["a": "&<>\"'AA"]),
      (
        "<a>&amp;amp; &nope; & &#xD800; &#x110000;</a>", ["a": "&amp; &nope; & &#xD800; &#x110000;"]
      ),
      ("<aa>b</a>", [:]), ("<a>b</aa>", [:]), ("<!-- <a>b</a> -->", ["a": "b"]),
    ] as [(String, [String: String])])
  func elements(text: String, found: [String: String]) {
    #expect(XMLElements.texts(in: text.utf8) == found)
  }
}
