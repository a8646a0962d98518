import RunConfiguration

/// The address of a service that an operator configured: `http` or `https`, a host, perhaps a port,
/// a path and a query; no user-info and no fragment (RFC 3986, section 3).
///
/// Stricter than the RFC where two readers could understand different hosts.
struct ServiceURL: Equatable {
  static let maximumBytes = 2048

  enum Mistake: Error, Equatable {
    case scheme, host, port, userInfo, characters, fragment, tooLong

    /// Goes on after "NAME ".
    var sentence: String {
      switch self {
      case .scheme: "does not begin with http:// or https://"
      case .host: "has no usable host"
      case .port: "has a port that is not from 1 to 65535"
      case .userInfo: "has a user name in it, which is not sent"
      case .characters: "has a blank or another character that a URL cannot have"
      case .fragment: "has a # in it"
      case .tooLong: "is longer than \(ServiceURL.maximumBytes) bytes"
      }
    }
  }

  let isSecure: Bool
  /// Lower-case; an IPv6 address in brackets and in its shortest form.
  let host: String
  /// Nil when the scheme's own.
  let port: Int?
  /// Empty, or from the first slash.
  let path: String
  /// Empty, or from the question mark.
  let query: String

  init(_ text: String) throws(Mistake) {
    guard text.utf8.count <= Self.maximumBytes else { throw .tooLong }
    guard text.utf8.allSatisfy({ (0x21..<0x7F).contains($0) && !#""<>\^`{|}"#.utf8.contains($0) })
    else { throw .characters }
    guard !text.utf8.contains(UInt8(ascii: "#")) else { throw .fragment }
    let scheme = text.prefix { $0 != ":" }
    let name = scheme.lowercased()
    guard name == "http" || name == "https", text.dropFirst(scheme.count).hasPrefix("://") else {
      throw .scheme
    }
    isSecure = name == "https"
    let rest = text.dropFirst(scheme.count + 3)
    let authority = rest.prefix { $0 != "/" && $0 != "?" }
    guard !authority.contains("@") else { throw .userInfo }
    let tail = rest[authority.endIndex...]
    path = String(tail.prefix { $0 != "?" })
    query = String(tail.drop { $0 != "?" })
    let hostText: Substring
    let portText: Substring
    if authority.first == "[" {
      guard let end = authority.firstIndex(of: "]") else { throw .host }
      hostText = authority[...end]
      portText = authority[authority.index(after: end)...]
      guard portText.isEmpty || portText.first == ":" else { throw .host }
    } else {
      hostText = authority.prefix { $0 != ":" }
      portText = authority[hostText.endIndex...]
    }
    host = try Self.host(hostText.lowercased())
    let number = try Self.port(portText.dropFirst())
    port = number == (isSecure ? 443 : 80) ? nil : number
  }

  /// Scheme, host and port: what may be shown, for paths and queries can hold secrets.
  var origin: String { (isSecure ? "https://" : "http://") + authority }

  /// What `Host` is.
  var authority: String { port.map { "\(host):\($0)" } ?? host }

  /// The four or sixteen bytes of a host that is an address; nil for a name.
  var address: [UInt8]? {
    NetworkAddress(host.first == "[" ? String(host.dropFirst().dropLast()) : host)?.bytes
  }

  private static func host(_ text: String) throws(Mistake) -> String {
    if text.first == "[" {
      let address = NetworkAddress(String(text.dropFirst().dropLast()))
      guard let address, address.bytes.count == 16 else { throw .host }
      return "[" + address.text + "]"
    }
    let labels = text.split(separator: ".", omittingEmptySubsequences: false)
    let isName = labels.allSatisfy { label in
      (1...63).contains(label.utf8.count)
        && label.utf8.allSatisfy { $0.isLetterOrDigit || $0 == 0x2D || $0 == 0x5F }
    }
    guard isName, text.utf8.count <= 253, let last = labels.last else { throw .host }
    // 127.1 and 0x7f000001 are addresses to some readers and names to others.
    if last.first?.isNumber == true, NetworkAddress(text) == nil { throw .host }
    return text
  }

  private static func port(_ text: Substring) throws(Mistake) -> Int? {
    guard !text.isEmpty else { return nil }
    guard text.utf8.count <= 5, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let number = Int(text), (1...65535).contains(number)
    else { throw .port }
    return number
  }
}
