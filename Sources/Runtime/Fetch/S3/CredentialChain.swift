/// Where credentials come from, in this order: `AWS_NO_SIGN_REQUEST` (none are wanted), the
/// variables `AWS_ACCESS_KEY_ID` and so on, the container's endpoint. Other sources of the SDKs
/// (profiles, web identities, instance metadata) are not asked.
///
/// Credentials of a container are kept, and asked for anew before they expire.
struct CredentialChain {
  /// Credentials that hold for less than this are replaced, in seconds: a download that begins with
  /// them is not to end without.
  static let refreshMargin: Int64 = 300
  /// How often refused credentials are replaced in a chain's life: a role without rights would
  /// otherwise be asked for ever.
  static let maximumRefusals = 3

  private enum Source {
    case unsigned
    case environment(AWSCredentials)
    case container(ContainerCredentials)
    case unusable(S3Problem)
  }

  private let source: Source
  private var kept: AWSCredentials?
  private var refusals = 0

  /// - Parameter environment: an empty value is the same as none. What is wrong with it is thrown by
  ///   `credentials`.
  init(environment: [String: String]) {
    do throws(S3Problem) {
      source = try Self.source(environment.filter { !$0.value.isEmpty })
    } catch {
      source = .unusable(error)
    }
  }

  /// What to sign with; nil: requests are not signed.
  ///
  /// - Parameters:
  ///   - now: seconds since 1970.
  ///   - perform: sends a request to the container's endpoint, without a proxy and without following
  ///     redirects, and holds no more of the body than `ContainerCredentials.maximumAnswerBytes`
  ///     and one byte. What it throws is thrown on, unless the credentials kept still hold.
  /// - Throws: `S3Problem`, and what `perform` throws.
  mutating func credentials(
    at now: Int64, perform: (HTTPRequest) throws -> HTTPAnswer
  ) throws -> AWSCredentials? {
    switch source {
    case .unsigned: return nil
    case .environment(let credentials): return credentials
    case .unusable(let problem): throw problem
    case .container(let container):
      if let kept, kept.hold(at: now + Self.refreshMargin) { return kept }
      do {
        let request = try container.request()
        let fresh = try container.credentials(from: try perform(request), to: request)
        kept = fresh
        return fresh
      } catch {
        // Five minutes are enough for many a download, and for the endpoint to come back.
        if let kept, kept.hold(at: now) { return kept }
        throw error
      }
    }
  }

  /// The credentials were refused as expired or unknown: the next call asks for others.
  /// - Returns: false when there can be no others.
  @discardableResult
  mutating func invalidate() -> Bool {
    guard case .container = source, refusals < Self.maximumRefusals else { return false }
    refusals += 1
    kept = nil
    return true
  }

  // MARK: - The environment

  private static func source(_ environment: [String: String]) throws(S3Problem) -> Source {
    if try S3Source.isUnsigned(environment) { return .unsigned }
    let id = "AWS_ACCESS_KEY_ID"
    let secret = "AWS_SECRET_ACCESS_KEY"
    if let accessKeyID = environment[id] {
      guard let secretAccessKey = environment[secret] else {
        throw problem("\(id) is set, but \(secret) is not")
      }
      // The second is what the first SDKs called it.
      let token = ["AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"].first { environment[$0] != nil }
      for name in [id, secret] + (token.map { [$0] } ?? []) {
        guard let value = environment[name], AWSCredentials.isPlain(value) else {
          throw problem(
            "\(name) has a blank, a line break or another character that no credential has")
        }
      }
      return .environment(
        AWSCredentials(
          accessKeyID: accessKeyID, secretAccessKey: secretAccessKey,
          sessionToken: token.flatMap { environment[$0] }))
    }
    if let container = try ContainerCredentials(environment: environment) {
      return .container(container)
    }
    if environment[secret] != nil { throw problem("\(secret) is set, but \(id) is not") }
    let unread = ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_PROFILE"].first { environment[$0] != nil }
    throw problem(
      "there are no AWS credentials: neither \(id) nor a container's "
        + "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI is set"
        + (unread.map { " (\($0) is not read)" } ?? ""))
  }

  private static func problem(_ error: String) -> S3Problem {
    S3Problem(
      error,
      hint: "give the task a role, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (with "
        + "AWS_SESSION_TOKEN for temporary ones), or AWS_NO_SIGN_REQUEST=true for a public bucket; "
        + "docs/errors.md#credentials")
  }
}
