import Glibc

/// A range of IP addresses in CIDR notation (RFC 4632, RFC 4291 section 2.3).
public struct AddressRange: Sendable, Hashable {
  private let prefix: IPAddress
  private let bits: Int

  /// `10.0.0.0/8`, `fd00::/8`, or one address. nil: not an address, or a prefix length out of
  /// range. Bits beyond the prefix are ignored.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = parts.first, let address = IPAddress(String(first)) else { return nil }
    let width = address.isV4 ? 32 : 128
    if parts.count == 2 {
      guard parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let count = Int(parts[1]),
        count <= width
      else { return nil }
      bits = count
    } else {
      bits = width
    }
    prefix = address.masked(bits)
  }

  /// An IPv4 address mapped into IPv6 (`::ffff:10.0.0.1`) counts as the IPv4 address.
  public func contains(_ text: String) -> Bool {
    guard let address = IPAddress(text) else { return false }
    return contains(address)
  }

  func contains(_ address: IPAddress) -> Bool {
    address.isV4 == prefix.isV4 && address.masked(bits) == prefix
  }

  static let loopback = AddressRange(
    prefix: IPAddress(isV4: true, high: 127 << 56, low: 0), bits: 8)

  private init(prefix: IPAddress, bits: Int) {
    self.prefix = prefix
    self.bits = bits
  }

  /// Loopback, private and link-local addresses (RFC 1918, 4193, 3927, 6598).
  public static let privateRanges: [AddressRange] = [
    "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
    "100.64.0.0/10", "::1", "fc00::/7", "fe80::/10",
  ].compactMap { AddressRange($0) }
}

/// An IPv4 or IPv6 address as two big-endian words; IPv4 stands in the upper half of `high`.
struct IPAddress: Sendable, Hashable {
  let isV4: Bool
  let high: UInt64
  let low: UInt64

  fileprivate init(isV4: Bool, high: UInt64, low: UInt64) {
    self.isV4 = isV4
    self.high = high
    self.low = low
  }

  init?(_ text: String) {
    var v4 = in_addr()
    if inet_pton(AF_INET, text, &v4) == 1 {
      self.init(isV4: true, high: UInt64(UInt32(bigEndian: v4.s_addr)) << 32, low: 0)
      return
    }
    var bytes = (UInt64(0), UInt64(0))
    guard inet_pton(AF_INET6, text, &bytes) == 1 else { return nil }
    let (high, low) = (UInt64(bigEndian: bytes.0), UInt64(bigEndian: bytes.1))
    if high == 0, low >> 32 == 0xFFFF {
      self.init(isV4: true, high: low << 32, low: 0)
    } else {
      self.init(isV4: false, high: high, low: low)
    }
  }

  func masked(_ bits: Int) -> IPAddress {
    IPAddress(
      isV4: isV4, high: bits >= 64 ? high : bits == 0 ? 0 : high & ~(UInt64.max >> bits),
      low: bits >= 128 ? low : bits <= 64 ? 0 : low & ~(UInt64.max >> (bits - 64)))
  }
}
