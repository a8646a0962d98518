import CCurl
import Glibc
import Lifecycle
import LinuxSystem

extension TransferFailure {
  /// What a transfer that failed below HTTP says. No URL is quoted, only the host.
  ///
  /// - Parameter isProxied: a proxy was asked to connect to the host.
  init(
    _ outcome: CurlTransfer.Outcome, host: String, isProxied: Bool = false,
    authorities: TrustedAuthorities, limits: FetchLimits
  ) {
    let words = outcome.message
    if outcome.proxyStatus >= 400 {
      self.init(
        "the proxy answered HTTP \(outcome.proxyStatus) when asked for \(host)", .proxy,
        Self.canPass(status: outcome.proxyStatus) ? .passing : .final)
      return
    }
    switch outcome.code {
    case PAR_CURLE_COULDNT_RESOLVE_HOST:
      self.init("the host \(host) cannot be found", .hostNotFound, .unlikely)
    case PAR_CURLE_COULDNT_RESOLVE_PROXY:
      self.init("the proxy for \(host) cannot be found", .proxy, .unlikely)
    case PAR_CURLE_COULDNT_CONNECT:
      let reason =
        outcome.systemError == 0
        ? "" : " (\(SystemError("connect", number: outcome.systemError).reason))"
      // Who is connected to is the proxy.
      self.init(
        "cannot connect to \(isProxied ? "the proxy for " : "")\(host)\(reason)",
        isProxied ? .proxy : .download, .passing)
    case PAR_CURLE_OPERATION_TIMEDOUT where words.hasPrefix("Operation too slow"):
      let seconds = RetrySchedule.seconds(limits.stallTime)
      self.init(
        "\(host) sent less than \(limits.stallBytesPerSecond) bytes a second for \(seconds)",
        .timeout, .passing)
    case PAR_CURLE_OPERATION_TIMEDOUT:
      let words =
        outcome.head.status == 0
        ? "\(host) did not answer in time" : "the answer of \(host) did not end in time"
      self.init(words, .timeout, .passing)
    case PAR_CURLE_PEER_FAILED_VERIFICATION:
      let prefix = "SSL certificate problem: "
      let reason = words.hasPrefix(prefix) ? String(words.dropFirst(prefix.count)) : words
      self.init("the certificate of \(host) is not trusted (\(reason))", .certificate)
    case PAR_CURLE_SSL_CACERT_BADFILE:
      self.init(
        authorities.file.map {
          "the certificates in \($0.path) (\($0.variable)) cannot be read"
        } ?? "this system has no certificates of trusted authorities", .certificate)
    case PAR_CURLE_SSL_CONNECT_ERROR:
      // A connection that broke in the middle of the handshake, and no disagreement.
      let broke = ["SYSCALL", "eof", "EOF", "reset", "timed out"].contains { words.contains($0) }
      self.init(
        "no TLS connection to \(host) (\(words))", .download, broke ? .passing : .final)
    case PAR_CURLE_GOT_NOTHING:
      self.init("\(host) closed the connection without an answer", .download, .passing)
    case PAR_CURLE_PARTIAL_FILE:
      self.init("\(host) ended the package before its end", .download, .passing)
    case PAR_CURLE_RECV_ERROR where isProxied && words.hasPrefix("Proxy CONNECT"):
      self.init("the proxy for \(host) failed (\(words))", .proxy, .passing)
    case PAR_CURLE_SEND_ERROR, PAR_CURLE_RECV_ERROR:
      self.init("the connection to \(host) broke (\(words))", .download, .passing)
    case PAR_CURLE_WEIRD_SERVER_REPLY, PAR_CURLE_UNSUPPORTED_PROTOCOL:
      // The second is what libcurl says of HTTP/0.9, an answer without a head.
      self.init("\(host) does not answer in HTTP (\(words))", .download, .unlikely)
    case PAR_CURLE_PROXY:
      self.init("the proxy for \(host) failed (\(words))", .proxy, .passing)
    default: self.init("the transfer from \(host) failed (\(words))", .download)
    }
  }

  /// What an answer other than the package says.
  /// - Parameter now: nanoseconds since 1970.
  init(head: ResponseHead, host: String, now: Int64 = Clock.wallNanoseconds()) {
    let sentence = "HTTP \(head.status) from \(host)"
    switch head.status {
    case 401, 403, 407: self.init(sentence, .refused)
    case 404, 410: self.init(sentence, .notFound)
    case 300..<400 where head.status != 304:
      self.init("\(sentence), which leads nowhere", .redirect)
    case let status:
      self.init(
        sentence, .download, Self.canPass(status: status) ? .passing : .final,
        retryAfter: head["retry-after"].flatMap { RetryAfter.parse($0, now: now) })
    }
  }

  /// RFC 9110 section 15.6 and 15.5.9, RFC 8470, RFC 6585.
  static func canPass(status: Int) -> Bool {
    (500...599).contains(status) || [408, 425, 429].contains(status)
  }

  /// A failure of the file system while the package is written.
  init(_ error: SystemError, folder: String) {
    switch error.number {
    case ENOSPC, EDQUOT, EFBIG:
      self.init("the disk is full: \(folder) cannot take the package (\(error.reason))", .diskFull)
    default:
      self.init("the cache folder \(folder) cannot be written (\(error.reason))", .cacheFolder)
    }
  }
}
