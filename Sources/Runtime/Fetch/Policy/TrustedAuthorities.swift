/// Where the certificates of trusted authorities are, when not where the system keeps them.
struct TrustedAuthorities: Equatable, Sendable {
  /// The variable that names the file, and its value.
  var file: (variable: String, path: String)?
  /// A folder of certificates by hash.
  var folder: String?

  /// `SSL_CERT_FILE` and `SSL_CERT_DIR` as OpenSSL and curl read them; for S3 the SDKs'
  /// `AWS_CA_BUNDLE` comes before them.
  init(environment: [String: String], isS3: Bool) {
    for variable in (isS3 ? ["AWS_CA_BUNDLE"] : []) + ["SSL_CERT_FILE"] {
      if let path = environment[variable], !path.isEmpty {
        file = (variable, path)
        break
      }
    }
    if let path = environment["SSL_CERT_DIR"], !path.isEmpty { folder = path }
  }

  static func == (left: Self, right: Self) -> Bool {
    left.file?.variable == right.file?.variable && left.file?.path == right.file?.path
      && left.folder == right.folder
  }
}
