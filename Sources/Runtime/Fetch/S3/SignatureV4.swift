import AgentPackages
import Lifecycle

/// Signature Version 4 of a request without a body ("Create a signed AWS API request", AWS IAM user
/// guide), put into the `Authorization` field.
struct SignatureV4 {
  static let algorithm = "AWS4-HMAC-SHA256"
  /// SHA-256 of nothing.
  static let emptyPayload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

  let credentials: AWSCredentials
  let region: String
  let service: String
  /// UTC, as `20130524T000000Z`.
  let timestamp: String

  /// - Parameter seconds: since 1970.
  init(credentials: AWSCredentials, region: String, service: String, at seconds: Int64) {
    self.credentials = credentials
    self.region = region
    self.service = service
    let text = Timestamp.format(nanosecondsSince1970: seconds * 1_000_000_000)
    timestamp = text.prefix(19).filter { $0 != "-" && $0 != ":" } + "Z"
  }

  private var scope: String { "\(timestamp.prefix(8))/\(region)/\(service)/aws4_request" }

  /// The value of `Authorization`.
  ///
  /// - Parameters:
  ///   - path: as it is sent, percent-encoded; never empty.
  ///   - query: names and values, percent-encoded as they are sent.
  ///   - fields: all that are signed, `Host` among them.
  ///   - payload: the value of `X-Amz-Content-SHA256`.
  func authorization(
    method: String, path: String, query: [(name: String, value: String)] = [],
    fields: [(name: String, value: String)], payload: String = emptyPayload
  ) -> String {
    let canonical = Self.canonicalFields(fields)
    let signedFields = canonical.map(\.name).joined(separator: ";")
    let parameters =
      query.sorted { ($0.name, $0.value) < ($1.name, $1.value) }
      .map { "\($0.name)=\($0.value)" }.joined(separator: "&")
    let request =
      [method, path, parameters]
      + canonical.map { "\($0.name):\($0.value)" } + ["", signedFields, payload]
    let hash = HMACSHA256.digest(of: Array(request.joined(separator: "\n").utf8))
    let text = [Self.algorithm, timestamp, scope, SHA256.hexadecimal(hash)]
    let signature = HMACSHA256.code(
      key: signingKey, message: Array(text.joined(separator: "\n").utf8))
    return "\(Self.algorithm) Credential=\(credentials.accessKeyID)/\(scope), "
      + "SignedHeaders=\(signedFields), Signature=\(SHA256.hexadecimal(signature))"
  }

  private var signingKey: [UInt8] {
    [String(timestamp.prefix(8)), region, service, "aws4_request"]
      .reduce(Array("AWS4\(credentials.secretAccessKey)".utf8)) { key, part in
        HMACSHA256.code(key: key, message: Array(part.utf8))
      }
  }

  /// Sorted by lower-case name; blanks around a value go, blanks within become one; values of one
  /// name are joined with commas in the order they are sent.
  private static func canonicalFields(
    _ fields: [(name: String, value: String)]
  ) -> [(name: String, value: String)] {
    var values: [String: [String]] = [:]
    for field in fields {
      let trimmed = field.value.split { $0 == " " || $0 == "\t" || $0.isNewline }
      values[field.name.lowercased(), default: []].append(trimmed.joined(separator: " "))
    }
    return values.sorted { $0.key < $1.key }.map { ($0.key, $0.value.joined(separator: ",")) }
  }
}
