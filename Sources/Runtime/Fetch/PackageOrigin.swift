import AgentPackages
import Lifecycle
import LinuxSystem
import RunConfiguration

/// Where a package is asked for.
protocol PackageOrigin {
  /// What an answer without a hash of its own is remembered by.
  var cacheKey: String { get }
  /// As it may be shown.
  var shown: String { get }
  var followsRedirects: Bool { get }
  /// The request of an attempt.
  mutating func request(
    fields: [(String, String)], client: HTTPClient, deadline: Instant
  ) throws(TransferFailure) -> HTTPRequest
  /// What an answer that is not the package means.
  mutating func failure(_ answer: HTTPClient.Answer) -> TransferFailure
}

/// An https:// URL, as it is.
struct HTTPSOrigin: PackageOrigin {
  let url: String
  var shown: String { Redactor.redactURL(url) }
  var followsRedirects: Bool { true }
  var cacheKey: String { Self.cacheKey(of: url) }

  init(url: String) throws(TransferFailure) {
    guard url.prefix(8).lowercased() == "https://" else {
      throw TransferFailure("the package's URL is neither https:// nor s3://", .source)
    }
    self.url = url
  }

  func request(
    fields: [(String, String)], client: HTTPClient, deadline: Instant
  ) -> HTTPRequest {
    HTTPRequest(url: url, fields: fields.map { ($0.0, $0.1) })
  }

  func failure(_ answer: HTTPClient.Answer) -> TransferFailure {
    var failure = TransferFailure(head: answer.head, host: answer.host)
    // A presigned URL of S3: its own words say whether it expired.
    let error = S3ErrorBody(
      HTTPAnswer(status: answer.head.status, fields: answer.head.fields, body: answer.body))
    if let code = ServiceText.shown(error.code) { failure.sentence += " (\(code))" }
    failure.detail = ServiceText.shown(error.message)
    return failure
  }

  /// Without the fragment, and without what a signature adds to a query: a URL presigned anew
  /// names the same package.
  static func cacheKey(of url: String) -> String {
    let whole = url.prefix { $0 != "#" }
    let parts = whole.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { return String(whole) }
    let names = Set(parts[1].split(separator: "&").map(Self.name))
    let kept = parts[1].split(separator: "&", omittingEmptySubsequences: false)
      .filter { !isOfSignature($0, among: names) }
    return String(parts[0]) + (kept.isEmpty ? "" : "?" + kept.joined(separator: "&"))
  }
}

extension HTTPSOrigin {
  private static func name(_ parameter: Substring) -> String {
    parameter.prefix { $0 != "=" }.lowercased()
  }

  /// The parameters of presigned URLs: Signature V4 (`X-Amz-…`) and Google's (`X-Goog-…`) have names
  /// of their own; those of S3's V2 and CloudFront, and of Azure's shared access signatures, count
  /// only beside the signature itself.
  private static func isOfSignature(_ parameter: Substring, among all: Set<String>) -> Bool {
    let name = name(parameter)
    if name.hasPrefix("x-amz-") || name.hasPrefix("x-goog-") { return true }
    if all.contains("signature") {
      return ["signature", "expires", "awsaccesskeyid", "policy", "key-pair-id"].contains(name)
    }
    return all.isSuperset(of: ["sig", "se", "sv"])
      && ["sig", "se", "sv", "st", "sp", "sr", "spr", "sip"].contains(name)
  }
}

/// An object in S3.
struct S3Origin: PackageOrigin {
  /// Regions that one download is sent on to.
  static let maximumMoves = 2

  private var source: S3Source
  private var chain: CredentialChain
  private var credentials: AWSCredentials?
  private var moves = 0
  let cacheKey: String

  init(url: String, environment: [String: String]) throws(TransferFailure) {
    do throws(S3Problem) {
      source = try S3Source(url: url, environment: environment)
    } catch {
      throw TransferFailure(error)
    }
    chain = CredentialChain(environment: environment)
    cacheKey = source.url
  }

  var shown: String { source.shown }
  /// A signature is for one host.
  var followsRedirects: Bool { false }

  mutating func request(
    fields: [(String, String)], client: HTTPClient, deadline: Instant
  ) throws(TransferFailure) -> HTTPRequest {
    let now = Clock.wallNanoseconds() / 1_000_000_000
    do {
      credentials = try chain.credentials(at: now) { request in
        try client.ask(
          request, maximumBytes: ContainerCredentials.maximumAnswerBytes, deadline: deadline)
      }
    } catch let problem as S3Problem {
      throw TransferFailure(problem)
    } catch let failure as TransferFailure {
      throw failure
    } catch {
      throw TransferFailure("no credentials: \(error)", .credentials)
    }
    return source.request(fields: fields, credentials: credentials, at: now)
  }

  mutating func failure(_ answer: HTTPClient.Answer) -> TransferFailure {
    let error = S3ErrorBody(
      HTTPAnswer(status: answer.head.status, fields: answer.head.fields, body: answer.body))
    var failure = TransferFailure(error.problem(of: source, credentials: credentials))
    failure.retryAfter = TransferFailure(head: answer.head, host: answer.host).retryAfter
    if error.refusesCredentials, chain.invalidate() {
      failure.kind = .passing
    } else if moves < Self.maximumMoves, source.move(to: error.otherRegion) {
      moves += 1
      failure.kind = .elsewhere
    }
    return failure
  }
}

extension TransferFailure {
  init(_ problem: S3Problem) {
    self.init(
      problem.error, Advice(problem.hint), problem.canPass ? .passing : .final,
      detail: problem.detail)
  }
}
