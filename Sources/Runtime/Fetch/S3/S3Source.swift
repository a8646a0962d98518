import RunConfiguration

/// An object in S3 or in a service that speaks S3's protocol, from an `s3://bucket/key` URL and the
/// environment: where it is asked for, and the signed requests for it.
struct S3Source {
  static let defaultRegion = "us-east-1"
  /// The longest key of an object ("Naming Amazon S3 objects", S3 user guide), in bytes.
  static let maximumKeyBytes = 1024
  /// Names of old buckets in us-east-1 have up to 255 characters; those of new ones 63.
  static let maximumBucketBytes = 255
  /// Sent without being signed: proxies and some S3-like services change them on the way.
  static let unsignedFields: Set<String> = [
    "accept", "accept-encoding", "connection", "user-agent",
  ]

  let bucket: String
  /// As it stands after the bucket's slash: nothing in it is decoded, `?` and `#` belong to it.
  let key: String
  /// What requests are signed for; changed by `move(to:)` alone.
  private(set) var region: String
  /// `AWS_NO_SIGN_REQUEST`: requests are not signed, no credentials are wanted.
  let isUnsigned: Bool
  /// From `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL`; nil: AWS itself.
  let endpoint: ServiceURL?

  /// - Parameter environment: an empty value is the same as none.
  init(url: String, environment: [String: String]) throws(S3Problem) {
    guard HMACSHA256.isUsable else {
      throw S3Problem(
        "libcrypto.so.3 (OpenSSL 3) cannot be loaded, so no request to S3 can be signed",
        hint: "install the system's OpenSSL library; docs/errors.md#libcrypto")
    }
    let environment = environment.filter { !$0.value.isEmpty }
    (bucket, key) = try Self.parts(of: url)
    isUnsigned = try Self.isUnsigned(environment)
    endpoint = try Self.endpoint(environment)
    region = try Self.region(environment)
    if endpoint == nil, bucket.hasSuffix("--x-s3") {
      throw S3Problem(
        "\(bucket) is a directory bucket of S3 Express, which cannot be read from",
        hint: "put the package into a general purpose bucket; docs/errors.md#s3-address")
    }
  }

  // MARK: - Requests

  /// A GET for the object, signed unless `isUnsigned`.
  ///
  /// - Parameters:
  ///   - fields: sent as given, such as `Range` or `If-None-Match`, and signed but for
  ///     `unsignedFields`.
  ///   - credentials: nil signs nothing.
  ///   - seconds: now, since 1970; S3 refuses what is more than 15 minutes off.
  func request(
    fields: [(String, String)] = [], credentials: AWSCredentials?, at seconds: Int64
  ) -> HTTPRequest {
    let (origin, authority, path) = target
    var sent: [(name: String, value: String)] = fields.map { ($0.0, $0.1) }
    if let credentials, !isUnsigned {
      let signature = SignatureV4(
        credentials: credentials, region: region, service: "s3", at: seconds)
      sent.append(("X-Amz-Content-SHA256", SignatureV4.emptyPayload))
      sent.append(("X-Amz-Date", signature.timestamp))
      if let token = credentials.sessionToken { sent.append(("X-Amz-Security-Token", token)) }
      let signed = sent.filter { !Self.unsignedFields.contains($0.name.lowercased()) }
      let authorization = signature.authorization(
        method: "GET", path: path, fields: signed + [("Host", authority)])
      sent.append(("Authorization", authorization))
    }
    return HTTPRequest(url: origin + path, fields: sent)
  }

  /// The object's URL: no secret in it, and another one for every object.
  var url: String { target.origin + target.path }

  /// Path style with an endpoint of one's own; on AWS the bucket is part of the host, unless it
  /// cannot be a label of it: a dot, for one, would need a certificate that nobody has.
  private var target: (origin: String, authority: String, path: String) {
    let object = "/" + Self.percentEncoded(key)
    if let endpoint {
      let base = String(endpoint.path.reversed().drop { $0 == "/" }.reversed())
      return (endpoint.origin, endpoint.authority, "\(base)/\(bucket)\(object)")
    }
    let service = "s3.\(region).\(region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com")"
    if Self.isHostLabel(bucket) {
      return ("https://\(bucket).\(service)", "\(bucket).\(service)", object)
    }
    return ("https://\(service)", service, "/\(bucket)\(object)")
  }

  /// As `s3://bucket/key`, fit for a log.
  var shown: String {
    "s3://\(bucket)/" + (ServiceText.shown(String(key.prefix { $0 != "?" && $0 != "#" })) ?? "")
  }

  /// Asks and signs for another region from now on, when S3 says that the bucket is there.
  /// - Returns: false when that is no region, or the one already asked.
  mutating func move(to other: String?) -> Bool {
    guard let other, other != region, Self.isRegion(other) else { return false }
    region = other
    return true
  }

  // MARK: - The URL

  private static func parts(of url: String) throws(S3Problem) -> (bucket: String, key: String) {
    let rest = Array(url.utf8.dropFirst(5))
    guard url.prefix(5).lowercased() == "s3://",
      let slash = rest.firstIndex(of: UInt8(ascii: "/"))
    else { throw address("the package's URL is not of the form s3://bucket/key") }
    let name = rest[..<slash]
    let key = rest[(slash + 1)...]
    guard (1...maximumBucketBytes).contains(name.count), name.first != UInt8(ascii: "."),
      name.allSatisfy({ $0.isLetterOrDigit || "-._".utf8.contains($0) })
    else { throw address("the package's s3:// URL has no usable bucket name") }
    guard (1...maximumKeyBytes).contains(key.count),
      key.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
    else {
      throw address(
        "the package's s3:// URL needs a key of 1 to \(maximumKeyBytes) bytes without control "
          + "characters")
    }
    return (String(decoding: name, as: UTF8.self), String(decoding: key, as: UTF8.self))
  }

  private static func address(_ error: String) -> S3Problem {
    S3Problem(error, hint: "correct PACKAGE_URL; docs/errors.md#s3-address")
  }

  /// Each byte but unreserved characters and the slash, once, as S3 wants it.
  static func percentEncoded(_ key: String) -> String {
    String(decoding: URLText.percentEncoded(key.utf8, keeping: "/"), as: UTF8.self)
  }

  private static func isHostLabel(_ bucket: String) -> Bool {
    let bytes = Array(bucket.utf8)
    return (3...63).contains(bytes.count) && bytes.first != 0x2D && bytes.last != 0x2D
      && bytes.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D }
  }

  // MARK: - The environment

  private static func region(_ environment: [String: String]) throws(S3Problem) -> String {
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
      guard let region = environment[name] else { continue }
      guard isRegion(region) else {
        throw S3Problem(
          "\(name) is not the name of a region",
          hint: "set it to the bucket's region, as us-east-2; docs/errors.md#s3-region")
      }
      // The region of clients that are in none.
      return region == "aws-global" ? defaultRegion : region
    }
    return defaultRegion
  }

  /// It becomes part of a host name, so nothing but a label of one.
  private static func isRegion(_ name: String) -> Bool {
    (1...63).contains(name.utf8.count) && name.first != "-" && name.last != "-"
      && name.utf8.allSatisfy { $0.isLetterOrDigit || $0 == 0x2D }
  }

  private static func endpoint(_ environment: [String: String]) throws(S3Problem) -> ServiceURL? {
    // As botocore reads it: nothing but "true" is true.
    if environment["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"]?.lowercased() == "true" { return nil }
    for name in ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"] {
      guard let text = environment[name] else { continue }
      let hint = "set it to an address as https://storage.example.com; docs/errors.md#s3-endpoint"
      let url: ServiceURL
      do {
        url = try ServiceURL(text)
      } catch {
        throw S3Problem("\(name) \(error.sentence)", hint: hint)
      }
      guard url.query.isEmpty else { throw S3Problem("\(name) has a query", hint: hint) }
      return url
    }
    return nil
  }

  static func isUnsigned(_ environment: [String: String]) throws(S3Problem) -> Bool {
    switch environment["AWS_NO_SIGN_REQUEST"]?.lowercased() ?? "" {
    case "true", "yes", "on", "1": return true
    case "false", "no", "off", "0", "": return false
    default:
      throw S3Problem(
        "AWS_NO_SIGN_REQUEST is neither true nor false",
        hint: "set it to true for a public bucket, or unset it; docs/errors.md#credentials")
    }
  }
}
