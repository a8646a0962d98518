internal import Glibc

/// An IPv4 or IPv6 address in its usual text (inet_pton(3)), without zone and port.
package struct NetworkAddress: Equatable, Sendable {
  /// 4 or 16 bytes in network order.
  package let bytes: [UInt8]

  package init?(_ text: String) {
    // inet_pton would stop at a NUL and take what stands before it.
    guard !text.utf8.contains(0) else { return nil }
    let isIPv6 = text.utf8.contains(UInt8(ascii: ":"))
    var bytes = [UInt8](repeating: 0, count: isIPv6 ? 16 : 4)
    guard inet_pton(isIPv6 ? AF_INET6 : AF_INET, text, &bytes) == 1 else { return nil }
    self.bytes = bytes
  }

  package init(bytes: [UInt8]) { self.bytes = bytes }

  package var bitCount: Int { bytes.count * 8 }

  /// The same address with every bit after the prefix cleared.
  func masked(to prefix: Int) -> NetworkAddress {
    NetworkAddress(
      bytes: bytes.enumerated().map { index, byte in
        let kept = min(max(prefix - index * 8, 0), 8)
        return byte & UInt8(truncatingIfNeeded: 0xFF00 >> kept)
      })
  }

  /// Whether an address begins with the first `prefix` bits of this one.
  package func covers(_ address: NetworkAddress, prefix: Int) -> Bool {
    address.bitCount == bitCount && address.masked(to: prefix) == masked(to: prefix)
  }

  /// The canonical text (inet_ntop(3), RFC 5952).
  package var text: String {
    var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let family = bytes.count == 16 ? AF_INET6 : AF_INET
    guard inet_ntop(family, bytes, &buffer, socklen_t(buffer.count)) != nil else { return "" }
    let end = buffer.firstIndex(of: 0) ?? buffer.endIndex
    return String(decoding: buffer[..<end].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

/// A range of addresses as `address/prefix` (RFC 4632); an address alone is a range of one.
struct AddressRange: Equatable {
  enum Mistake: Error, Equatable {
    case notARange
    /// Bits after the prefix are set; the range that was probably meant.
    case bitsBeyondPrefix(meant: String)
  }

  let address: NetworkAddress
  let prefix: Int

  init(_ text: some StringProtocol) throws(Mistake) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2, let address = NetworkAddress(String(parts[0])) else {
      throw .notARange
    }
    var prefix = address.bitCount
    if parts.count == 2 {
      guard let number = DecimalText.whole(String(parts[1])), 0...Int64(prefix) ~= number else {
        throw .notARange
      }
      prefix = Int(number)
    }
    guard address.masked(to: prefix) == address else {
      throw .bitsBeyondPrefix(meant: "\(address.masked(to: prefix).text)/\(prefix)")
    }
    self.address = address
    self.prefix = prefix
  }

  var text: String { "\(address.text)/\(prefix)" }
}
