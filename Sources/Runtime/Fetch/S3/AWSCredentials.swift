/// What a request to AWS is signed with. Descriptions show nothing of it.
struct AWSCredentials: Equatable, Sendable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  var accessKeyID: String
  var secretAccessKey: String
  /// Of temporary credentials; sent along as `X-Amz-Security-Token`.
  var sessionToken: String?
  /// Seconds since 1970; nil: they hold until someone revokes them.
  var expiresAt: Int64?

  init(
    accessKeyID: String, secretAccessKey: String, sessionToken: String? = nil,
    expiresAt: Int64? = nil
  ) {
    self.accessKeyID = accessKeyID
    self.secretAccessKey = secretAccessKey
    self.sessionToken = sessionToken
    self.expiresAt = expiresAt
  }

  func hold(at seconds: Int64) -> Bool { expiresAt.map { $0 > seconds } ?? true }

  /// What must be in no text.
  var secrets: [String] { [accessKeyID, secretAccessKey, sessionToken ?? ""] }

  var description: String { "AWSCredentials(***)" }
  var debugDescription: String { description }
  var customMirror: Mirror { Mirror(self, children: []) }

  /// Whether a text can stand in a header field as it is: printable ASCII, no blank. An invisible
  /// character at the end, as a file's newline, is the usual mistake, and S3 would only say that
  /// the signature does not match.
  static func isPlain(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { (0x21..<0x7F).contains($0) }
  }
}
