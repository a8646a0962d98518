/// Where the package comes from.
public enum PackageSource: Sendable, Equatable {
  /// An absolute path of an `.apkg` file or an unpacked package folder.
  case path(String)
  /// `s3://bucket/key` or an `https://` URL, as the operator wrote it: it can hold credentials in
  /// its query or user-info, so only `Redactor.redactURL` of it may be shown.
  case url(String)
}

/// The rule for `PACKAGE_URL`: `s3://bucket/key`, or `https://` with a host.
struct PackageURL: Equatable {
  static let maximumBytes = 8192
  /// The longest key of an object in S3, in bytes (S3 user guide, "Naming objects").
  static let maximumKeyBytes = 1024
  /// Names of old buckets in us-east-1 have up to 255 characters; those of new ones 63.
  static let maximumBucketBytes = 255

  enum Mistake: Error, Equatable {
    case file
    case rule(String)
  }

  /// The bucket of an `s3://` URL; nil for `https://`.
  let bucket: String?

  init(_ text: String) throws(Mistake) {
    guard text.utf8.count <= Self.maximumBytes else {
      throw .rule("at most \(Self.maximumBytes) bytes long")
    }
    let scheme = text.prefix { $0 != ":" }.lowercased()
    guard scheme != "file" else { throw .file }
    guard text.utf8.dropFirst(scheme.utf8.count).starts(with: "://".utf8) else {
      throw .rule("s3://bucket/key or an https:// URL")
    }
    let rest = text.utf8.dropFirst(scheme.utf8.count + 3)
    switch scheme {
    case "s3": bucket = try Self.bucket(of: rest)
    case "https":
      try Self.checkHTTPS(rest)
      bucket = nil
    default: throw .rule("s3://bucket/key or an https:// URL; no other scheme is allowed")
    }
  }

  static func isBucket(_ name: some Collection<UInt8>) -> Bool {
    (1...maximumBucketBytes).contains(name.count)
      && name.allSatisfy { $0.isLetterOrDigit || [0x2D, 0x2E, 0x5F].contains($0) }
  }

  private static func bucket(of rest: Substring.UTF8View) throws(Mistake) -> String {
    let name = rest.prefix { $0 != UInt8(ascii: "/") }
    let key = rest.dropFirst(name.count + 1)
    guard isBucket(name), (1...maximumKeyBytes).contains(key.count) else {
      throw .rule("s3://bucket/key with a bucket name and a key of 1 to \(maximumKeyBytes) bytes")
    }
    guard key.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
      throw .rule("free of control characters")
    }
    return String(Substring(name))
  }

  /// RFC 3986, section 3.2, without what no package server needs: the host is a name or an address
  /// in brackets, and whatever is not printable ASCII must be percent-encoded.
  private static func checkHTTPS(_ rest: Substring.UTF8View) throws(Mistake) {
    guard rest.allSatisfy({ (0x21..<0x7F).contains($0) && !#""<>\^`{|}"#.utf8.contains($0) })
    else { throw .rule("percent-encoded: printable ASCII without blanks") }
    let authority = rest.prefix { !"/?#".utf8.contains($0) }
    let address =
      authority.lastIndex(of: UInt8(ascii: "@"))
      .map { authority[authority.index(after: $0)...] } ?? authority
    guard authority.count(where: { $0 == UInt8(ascii: "@") }) <= 1 else {
      throw .rule("an https:// URL with one @ at most before its path; write others as %40")
    }
    var host = address
    var port: Substring.UTF8View?
    if address.first == UInt8(ascii: "[") {
      guard let end = address.firstIndex(of: UInt8(ascii: "]")) else {
        throw .rule("an https:// URL with a host")
      }
      let after = address[address.index(after: end)...]
      guard after.isEmpty || after.first == UInt8(ascii: ":"),
        NetworkAddress(String(Substring(address[..<end].dropFirst())))?.bytes.count == 16
      else { throw .rule("an https:// URL with a host") }
      port = after.isEmpty ? nil : after.dropFirst()
    } else {
      if let colon = address.firstIndex(of: UInt8(ascii: ":")) {
        host = address[..<colon]
        port = address[address.index(after: colon)...]
      }
      guard !host.isEmpty, host.allSatisfy({ $0.isLetterOrDigit || "-._~".utf8.contains($0) })
      else { throw .rule("an https:// URL with a host") }
    }
    if let port, !port.isEmpty {
      guard let number = DecimalText.whole(String(Substring(port))), 1...65535 ~= number else {
        throw .rule("an https:// URL whose port, if any, is from 1 to 65535")
      }
    }
  }
}

extension UInt8 {
  /// ASCII alone.
  package var isLetterOrDigit: Bool {
    switch self {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    default: false
    }
  }
}
