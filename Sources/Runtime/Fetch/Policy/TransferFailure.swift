import AgentPackages
import Lifecycle

/// Why an attempt to download failed.
struct TransferFailure: Error, Equatable, Sendable {
  /// A paragraph of docs/errors.md and what to try.
  struct Advice: Equatable, Sendable {
    let text: String

    static let download = Advice(
      "check that the host is up and can be reached; docs/errors.md#download")
    static let timeout = Advice(
      "raise FETCH_TIMEOUT_SEC or bring the package closer; docs/errors.md#fetch-timeout")
    static let refused = Advice(
      "check the URL's signature or the account's permission; docs/errors.md#download-refused")
    static let notFound = Advice(
      "check the spelling of PACKAGE_URL and that the package was uploaded;"
        + " docs/errors.md#download-not-found")
    static let hostNotFound = Advice(
      "check the host's spelling and the name server; docs/errors.md#host-not-found")
    static let certificate = Advice(
      "name the authority's certificate in SSL_CERT_FILE, or install ca-certificates;"
        + " docs/errors.md#certificate")
    static let redirect = Advice(
      "name the package's final https:// address in PACKAGE_URL; docs/errors.md#redirect")
    static let proxy = Advice("check HTTPS_PROXY and NO_PROXY; docs/errors.md#proxy")
    static let tooLarge = Advice(
      "make the package smaller or raise MAX_PACKAGE_SIZE_MB; docs/errors.md#package-too-large")
    static let configTooLarge = Advice(
      "let SUPERVISOR_CONFIG name a list of agents; docs/errors.md#supervisor-config")
    static let libcurl = Advice(
      "install it (Debian, Ubuntu: libcurl4 or libcurl4t64); docs/errors.md#libcurl")
    static let cacheFolder = Advice(
      "check that PAR_CACHE_DIR is a folder this user may write; docs/errors.md#cache-folder")
    static let diskFull = Advice(
      "free some space or set PAR_CACHE_DIR to another disk; docs/errors.md#disk-full")
    static let credentials = Advice(
      "see that the container's endpoint of credentials answers; docs/errors.md#credentials")
    static let source = Advice("correct PACKAGE_URL; docs/errors.md#package-source")

    init(_ text: String) { self.text = text }
  }

  enum Kind: Equatable, Sendable {
    /// Trying again changes nothing.
    case final
    /// It can pass.
    case passing
    /// It can pass, but rarely does: no address was found for the host, or no HTTP spoken there.
    case unlikely
    /// The pieces so far do not fit any more: the next attempt starts from the beginning.
    case outdated
    /// The next request goes to another host, at once.
    case elsewhere
  }

  /// What happened, without "Failed to download package".
  var sentence: String
  var advice: Advice
  var kind: Kind
  /// What the server asked to wait.
  var retryAfter: Interval?
  /// More of what the server said.
  var detail: String?

  init(
    _ sentence: String, _ advice: Advice, _ kind: Kind = .final, retryAfter: Interval? = nil,
    detail: String? = nil
  ) {
    self.sentence = sentence
    self.advice = advice
    self.kind = kind
    self.retryAfter = retryAfter
    self.detail = detail
  }

  var stepFailure: StepFailure {
    StepFailure("Failed to download package: \(sentence)", detail: detail, hint: advice.text)
  }
}
