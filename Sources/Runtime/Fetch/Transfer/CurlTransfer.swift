import CCurl
import Lifecycle

/// One GET by libcurl, from the connection to the last byte of the body. `LibCurl.open` comes first.
///
/// HTTP/1.1 alone, TLS 1.2 or newer, certificates always verified; no cookies, no netrc, no other
/// protocol, no redirect, no decoding of a body.
final class CurlTransfer {
  struct Settings {
    var url: String
    var fields: [(name: String, value: String)] = []
    /// A proxy's URL; nil: none.
    var proxy: String?
    var authorities: TrustedAuthorities
    /// For the whole transfer.
    var timeout: Interval
    var allowsHTTP = false
  }

  /// How it ended.
  struct Outcome {
    /// A CURLcode.
    let code: Int
    /// libcurl's words for it.
    let message: String
    /// The proxy's answer to CONNECT; 0 without one.
    let proxyStatus: Int
    /// Why a connection failed; 0 when libcurl does not know.
    let systemError: Int32
    let head: ResponseHead

    /// No address of the host could be connected to.
    var isUnconnected: Bool { code == PAR_CURLE_COULDNT_CONNECT }
  }

  private let limits: FetchLimits
  private var head = ResponseHead()
  private var hasHead = false
  private var isOverlong = false
  private var mayConnect: ([UInt8]) -> Bool = { _ in true }
  private var takeHead: (ResponseHead) -> Bool = { _ in true }
  private var takeBody: (UnsafeRawBufferPointer) -> Bool = { _ in true }

  init(limits: FetchLimits) { self.limits = limits }

  /// - Parameters:
  ///   - mayConnect: whether to connect to an address (4 or 16 bytes): the host's, or its proxy's.
  ///   - takeHead: called before the first byte of the body, and not at all without a body; false
  ///     ends the transfer.
  ///   - takeBody: false ends the transfer.
  func perform(
    _ settings: Settings, mayConnect: @escaping ([UInt8]) -> Bool,
    takeHead: @escaping (ResponseHead) -> Bool,
    takeBody: @escaping (UnsafeRawBufferPointer) -> Bool
  ) throws(TransferFailure) -> Outcome {
    (self.mayConnect, self.takeHead, self.takeBody) = (mayConnect, takeHead, takeBody)
    // The context is this object, which outlives the handle: it is freed at the end of this call.
    var hooks = par_curl_hooks(
      head_line: { context, bytes, count in
        CurlTransfer.of(context).headLine(UnsafeRawBufferPointer(start: bytes, count: count))
      },
      body: { context, bytes, count in
        CurlTransfer.of(context).body(UnsafeRawBufferPointer(start: bytes, count: count))
      },
      may_connect: { context, address, length in
        CurlTransfer.of(context).mayConnect(
          Array(UnsafeBufferPointer(start: address, count: Int(length))))
      })
    guard let handle = par_curl_new(&hooks, Unmanaged.passUnretained(self).toOpaque()) else {
      throw TransferFailure("libcurl has no memory", .libcurl)
    }
    defer { par_curl_free(handle) }
    try configure(handle, settings)
    let code = withExtendedLifetime(self) { Int(par_curl_perform(handle)) }
    if isOverlong {
      throw TransferFailure(
        "the answer's head is longer than \(limits.headBytes) bytes", .download)
    }
    return Outcome(
      code: code, message: String(cString: par_curl_message(handle, Int32(code))),
      proxyStatus: par_curl_number(handle, Int32(PAR_CURLINFO_HTTP_CONNECTCODE)),
      systemError: Int32(truncatingIfNeeded: par_curl_number(handle, Int32(PAR_CURLINFO_OS_ERRNO))),
      head: head)
  }

  private static func of(_ context: UnsafeMutableRawPointer?) -> CurlTransfer {
    // Never nil: `perform` gave it.
    Unmanaged<CurlTransfer>.fromOpaque(context.unsafelyUnwrapped).takeUnretainedValue()
  }

  private func headLine(_ line: UnsafeRawBufferPointer) -> Bool {
    if hasHead, line.starts(with: "HTTP/".utf8) { hasHead = false }
    isOverlong = !head.take(line, limit: limits.headBytes)
    return !isOverlong
  }

  private func body(_ bytes: UnsafeRawBufferPointer) -> Bool {
    if !hasHead {
      hasHead = true
      guard takeHead(head) else { return false }
    }
    return takeBody(bytes)
  }

  private func configure(_ handle: OpaquePointer, _ settings: Settings) throws(TransferFailure) {
    let protocols =
      PAR_CURLPROTO_HTTPS | (settings.allowsHTTP ? PAR_CURLPROTO_HTTP : 0)
    let connect = min(limits.connectTimeout, settings.timeout)
    let numbers: [(Int, Int)] = [
      (PAR_CURLOPT_PROTOCOLS, protocols), (PAR_CURLOPT_FOLLOWLOCATION, 0),
      (PAR_CURLOPT_SSL_VERIFYPEER, 1), (PAR_CURLOPT_SSL_VERIFYHOST, 2),
      (PAR_CURLOPT_SSLVERSION, PAR_CURL_TLS_1_2),
      (PAR_CURLOPT_PROXY_SSLVERSION, PAR_CURL_TLS_1_2),
      (PAR_CURLOPT_HTTP_VERSION, PAR_CURL_HTTP_1_1),
      (PAR_CURLOPT_HTTP09_ALLOWED, 0), (PAR_CURLOPT_NETRC, 0), (PAR_CURLOPT_NOSIGNAL, 1),
      (PAR_CURLOPT_PATH_AS_IS, 1), (PAR_CURLOPT_SUPPRESS_CONNECT_HEADERS, 1),
      (PAR_CURLOPT_BUFFERSIZE, Self.bufferBytes),
      (PAR_CURLOPT_TIMEOUT_MS, Self.milliseconds(settings.timeout)),
      (PAR_CURLOPT_CONNECTTIMEOUT_MS, Self.milliseconds(connect)),
      (PAR_CURLOPT_LOW_SPEED_LIMIT, limits.stallBytesPerSecond),
      (PAR_CURLOPT_LOW_SPEED_TIME, max(1, Int(limits.stallTime.seconds))),
    ]
    for (option, value) in numbers {
      try check(par_curl_set_number(handle, Int32(option), value), option)
    }
    // Not to wait for a name server that is away after the time is over. Before libcurl 7.87 there
    // is no such choice, so nothing is lost when it is not known.
    _ = par_curl_set_number(handle, Int32(PAR_CURLOPT_QUICK_EXIT), 1)
    // An empty proxy is none, whatever the environment says; which it is was decided before.
    var texts: [(Int, String)] = [
      (PAR_CURLOPT_URL, settings.url), (PAR_CURLOPT_PROXY, settings.proxy ?? ""),
      (PAR_CURLOPT_NOPROXY, ""),
    ]
    if let file = settings.authorities.file {
      texts += [(PAR_CURLOPT_CAINFO, file.path), (PAR_CURLOPT_PROXY_CAINFO, file.path)]
    }
    if let folder = settings.authorities.folder {
      texts += [(PAR_CURLOPT_CAPATH, folder), (PAR_CURLOPT_PROXY_CAPATH, folder)]
    }
    for (option, value) in texts {
      try check(par_curl_set_text(handle, Int32(option), value), option)
    }
    for field in settings.fields {
      // libcurl sends a field without a value only when it is written with a semicolon.
      let line = field.value.isEmpty ? "\(field.name);" : "\(field.name): \(field.value)"
      guard !line.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
        throw TransferFailure("the field \(field.name) has a control character", .source)
      }
      try check(par_curl_add_field(handle, line), 0)
    }
  }

  /// libcurl takes 0 for no time-out at all, and refuses what no 32 bits hold.
  private static func milliseconds(_ interval: Interval) -> Int {
    Int(min(max(interval.milliseconds, 1), Int64(Int32.max)))
  }

  /// What libcurl reads from a socket at once.
  static let bufferBytes = 256 << 10

  private func check(_ code: Int32, _ option: Int) throws(TransferFailure) {
    guard code == 0 else {
      throw TransferFailure(
        "libcurl (libcurl.so.4) is too old: it does not know option \(option)", .libcurl)
    }
  }
}
