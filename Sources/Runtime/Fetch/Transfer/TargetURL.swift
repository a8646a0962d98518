import AgentPackages
import CCurl
import Glibc

/// An absolute URL, taken apart by the parser that will use it (`LibCurl.open` comes first).
struct TargetURL: Equatable {
  /// Without a fragment.
  let text: String
  /// Lower case.
  let scheme: String
  /// Lower case, an IPv6 address in brackets, an IPv4 address in four decimal parts.
  let host: String
  let port: Int
  let hasUserInfo: Bool

  /// The host, and the port when it is not the scheme's own; fit for a sentence.
  var authority: String {
    PrintableText.name(port == (scheme == "https" ? 443 : 80) ? host : "\(host):\(port)")
  }

  /// Same scheme, host and port (RFC 6454).
  func hasSameOrigin(as other: TargetURL) -> Bool {
    scheme == other.scheme && host == other.host && port == other.port
  }

  /// Nil when it is no URL with a host.
  init?(_ text: String) {
    guard let parts = Parts(), parts.set(text, 0) else { return nil }
    self.init(parts)
  }

  /// Where a `Location` leads (RFC 9110 section 10.2.2): user-info of its own is dropped, and this
  /// URL's goes along to the same origin alone.
  func redirected(to location: String) -> TargetURL? {
    guard let parts = Parts(), parts.set(text, 0),
      parts.set(location, UInt32(PAR_CURLU_URLENCODE)), parts.removeUserInfo(),
      let bare = TargetURL(parts)
    else { return nil }
    guard hasUserInfo, hasSameOrigin(as: bare), let ours = Parts(), ours.set(text, 0),
      parts.takeUserInfo(of: ours), let whole = TargetURL(parts)
    else { return bare }
    return whole
  }

  private init?(_ parts: Parts) {
    guard parts.removeFragment(), let text = parts[PAR_CURLUPART_URL],
      let scheme = parts[PAR_CURLUPART_SCHEME], let host = parts[PAR_CURLUPART_HOST], !host.isEmpty
    else { return nil }
    self.text = text
    self.scheme = scheme.lowercased()
    self.host = host.lowercased()
    port = parts[PAR_CURLUPART_PORT].flatMap { Int($0) } ?? (self.scheme == "https" ? 443 : 80)
    hasUserInfo = parts[PAR_CURLUPART_USER] != nil
  }

  /// Owns a handle of libcurl's.
  private final class Parts {
    private let handle: OpaquePointer

    init?() {
      guard let handle = par_curl_url_new() else { return nil }
      self.handle = handle
    }
    deinit { par_curl_url_free(handle) }

    subscript(part: Int) -> String? {
      guard let text = par_curl_url_get(handle, Int32(part), 0) else { return nil }
      defer { free(text) }
      return String(cString: text)
    }

    /// The whole URL, or one relative to what is there. Any scheme, so that a sentence can name it.
    func set(_ url: String, _ flags: UInt32) -> Bool {
      set(PAR_CURLUPART_URL, url, flags | UInt32(PAR_CURLU_NON_SUPPORT_SCHEME))
    }
    private func set(_ part: Int, _ text: String?, _ flags: UInt32 = 0) -> Bool {
      par_curl_url_set(handle, Int32(part), text, flags) == 0
    }

    func removeFragment() -> Bool { set(PAR_CURLUPART_FRAGMENT, nil) }
    func removeUserInfo() -> Bool {
      set(PAR_CURLUPART_USER, nil) && set(PAR_CURLUPART_PASSWORD, nil)
    }
    func takeUserInfo(of other: Parts) -> Bool {
      set(PAR_CURLUPART_USER, other[PAR_CURLUPART_USER])
        && set(PAR_CURLUPART_PASSWORD, other[PAR_CURLUPART_PASSWORD])
    }
  }
}
