import RunConfiguration

/// What S3 said when it refused a request ("Error responses", S3 API reference), and what follows
/// from it.
struct S3ErrorBody: Equatable {
  /// More of a body is not looked at.
  static let maximumBytes = 64 * 1024
  /// The longest code; those of S3 have some 50 letters.
  static let maximumCodeBytes = 100

  /// A word such as `NoSuchKey`; empty when the answer was no error of S3's form, as a proxy's.
  let code: String
  let message: String
  /// The bucket's region, when S3 named it.
  let region: String?
  let status: Int

  init(_ answer: HTTPAnswer) {
    let elements = XMLElements.texts(in: answer.body.prefix(Self.maximumBytes))
    code = elements["Code"].flatMap { Self.isWord($0) ? $0 : nil } ?? ""
    message = elements["Message"] ?? ""
    region = answer.value(of: "x-amz-bucket-region") ?? elements["Region"]
    status = answer.status
  }

  /// Anybody can answer; only a word is put into a sentence.
  private static func isWord(_ text: String) -> Bool {
    (1...maximumCodeBytes).contains(text.utf8.count)
      && text.utf8.allSatisfy { $0.isLetterOrDigit || "._-".utf8.contains($0) }
  }

  /// The credentials were temporary ones whose time is over, or others than S3 knows by now: ask
  /// for new ones, if there is someone to ask, and try again.
  var refusesCredentials: Bool {
    switch code {
    case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "InvalidToken",
      "InvalidAccessKeyId":
      true
    default: false
    }
  }

  /// Where to ask instead, for `S3Source.move(to:)`; nil when the region is not what is wrong.
  var otherRegion: String? {
    switch code {
    case "PermanentRedirect", "TemporaryRedirect", "Redirect", "AuthorizationHeaderMalformed",
      "IllegalLocationConstraintException", "IncorrectEndpoint":
      region
    default: [301, 302, 307, 308].contains(status) ? region : nil
    }
  }

  /// The same request can succeed later.
  var canPass: Bool {
    switch code {
    case "SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "OperationAborted",
      "Throttling", "ThrottlingException", "RequestThrottled", "TooManyRequests",
      "BandwidthLimitExceeded", "RequestLimitExceeded", "Busy":
      true
    case "NotImplemented": false
    default: status >= 500 || status == 408 || status == 425 || status == 429
    }
  }

  /// The sentence for the person who can mend it.
  /// - Parameter credentials: those of the request, masked should the answer quote them.
  func problem(of source: S3Source, credentials: AWSCredentials?) -> S3Problem {
    let (sentence, hint) = words(source, isSigned: credentials != nil)
    let secrets = credentials?.secrets ?? []
    let name = ServiceText.shown(code, hiding: secrets)
    return S3Problem(
      "\(sentence) (HTTP \(status)\(name.map { ", \($0)" } ?? ""))",
      detail: ServiceText.shown(message, hiding: secrets), hint: hint, canPass: canPass)
  }

  private func words(_ source: S3Source, isSigned: Bool) -> (sentence: String, hint: String) {
    let object = source.shown
    switch code {
    case "NoSuchKey":
      return (
        "there is no object \(object)",
        "see that PACKAGE_URL names an object that was uploaded; docs/errors.md#s3-missing"
      )
    case "NoSuchBucket":
      return (
        "there is no bucket \(source.bucket)",
        "see that PACKAGE_URL names the right bucket; docs/errors.md#s3-missing"
      )
    case "InvalidAccessKeyId":
      return (
        "S3 does not know the access key",
        "see that AWS_ACCESS_KEY_ID is of this account and still active, and that AWS_SESSION_TOKEN "
          + "is set when it is a temporary one; docs/errors.md#credentials"
      )
    case "SignatureDoesNotMatch":
      return (
        "S3 does not accept the request's signature",
        "AWS_SECRET_ACCESS_KEY does not belong to the access key, or a proxy changes requests; "
          + "docs/errors.md#credentials"
      )
    case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "InvalidToken":
      return (
        "S3 does not accept the session token: it has expired or belongs to other keys",
        "use fresh credentials, or a task role, whose credentials are renewed by themselves; "
          + "docs/errors.md#credentials"
      )
    case "RequestTimeTooSkewed", "RequestExpired":
      return (
        "this machine's clock is more than 15 minutes off S3's",
        "set the machine's clock; docs/errors.md#clock"
      )
    case "PermanentRedirect", "TemporaryRedirect", "Redirect", "AuthorizationHeaderMalformed",
      "IllegalLocationConstraintException", "IncorrectEndpoint":
      return region(of: source)
    case "InvalidObjectState":
      return (
        "\(object) is archived and has to be restored first",
        "restore it, or keep packages in a storage class without archiving; "
          + "docs/errors.md#s3-archived"
      )
    default: break
    }
    if canPass {
      return (
        "S3 could not answer at the moment",
        "try again later; docs/errors.md#s3-unavailable"
      )
    }
    switch status {
    case 301, 302, 307, 308: return region(of: source)
    case 401, 403:
      return (
        "S3 denies access to \(object)",
        (isSigned
          ? "allow the role or user s3:GetObject on it (kms:Decrypt too if it has a key of its own)"
            + ", and s3:ListBucket on the bucket, without which S3 does not tell a missing object "
            + "from a forbidden one"
          : "the request was not signed (AWS_NO_SIGN_REQUEST), so the object has to be there and "
            + "public") + "; docs/errors.md#s3-access"
      )
    case 404:
      return (
        "there is no object \(object)",
        "see that PACKAGE_URL and the endpoint are right; docs/errors.md#s3-missing"
      )
    default:
      return (
        "S3 refuses the request for \(object)",
        "see what it said in detail; docs/errors.md#s3-refused"
      )
    }
  }

  private func region(of source: S3Source) -> (sentence: String, hint: String) {
    let place = region.flatMap { ServiceText.shown($0) }
    return (
      "the bucket \(source.bucket) is not in \(source.region)"
        + (place.map { " but in \($0)" } ?? ""),
      "set AWS_REGION to the bucket's region; docs/errors.md#s3-region"
    )
  }
}
