import RunConfiguration

/// How far an IP address reaches: what decides where a redirect may lead.
///
/// From the registries of special-purpose addresses (RFC 6890, RFC 8190) and what cloud providers
/// serve credentials from.
enum AddressReach: Int, Comparable, Sendable {
  /// This machine.
  case loopback
  /// A network of the operator's: RFC 1918, RFC 4193, shared addresses (RFC 6598).
  case privateNetwork
  /// Anywhere.
  case everywhere
  /// No place for a package: link-local, metadata services, multicast, reserved, unspecified.
  case special

  static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

  /// - Parameter bytes: 4 or 16 of them, in network order.
  init(_ bytes: [UInt8]) {
    switch bytes.count {
    case 4: self = Self.ofIPv4(bytes)
    case 16: self = Self.ofIPv6(bytes)
    default: self = .special
    }
  }

  /// Of a host as a URL writes it: an address, with or without brackets, or a name. A name counts
  /// as what it says: `localhost` and names that only inner networks have are not everywhere.
  init(host: String) {
    let text = Self.withoutBrackets(host)
    if let address = NetworkAddress(text) {
      self = AddressReach(address.bytes)
      return
    }
    let name = text.lowercased().split(separator: ".").joined(separator: ".")
    if name == "localhost" || name.hasSuffix(".localhost") {
      self = .loopback
    } else if !name.contains(".") || name.hasSuffix(".local") || name.hasSuffix(".internal") {
      self = .privateNetwork
    } else {
      self = .everywhere
    }
  }

  /// Whether a URL's host is an address in digits.
  static func isAddress(host: String) -> Bool { NetworkAddress(withoutBrackets(host)) != nil }

  /// An IPv6 address without its brackets and zone.
  static func withoutBrackets(_ host: String) -> String {
    host.hasPrefix("[") ? String(host.dropFirst().prefix { $0 != "]" && $0 != "%" }) : host
  }

  /// Whether a redirect from a host of this reach may lead to an address of that reach. It may
  /// lead further out and never further in.
  func permitsRedirect(to target: AddressReach) -> Bool {
    target != .special && target >= min(self, .everywhere)
  }

  private struct Block {
    let prefix: NetworkAddress?
    let bits: Int
    let reach: AddressReach

    init(_ text: String, _ bits: Int, _ reach: AddressReach) {
      prefix = NetworkAddress(text)
      self.bits = bits
      self.reach = reach
    }

    func holds(_ address: [UInt8]) -> Bool {
      prefix?.covers(NetworkAddress(bytes: address), prefix: bits) ?? false
    }
  }

  /// The first that holds an address decides; none: everywhere.
  private static let blocksIPv4: [Block] = [
    Block("168.63.129.16", 32, .special),  // Azure's wire server
    Block("100.100.100.200", 32, .special),  // Alibaba Cloud's metadata
    Block("0.0.0.0", 8, .special),  // this network; 0.0.0.0 connects to this machine
    Block("10.0.0.0", 8, .privateNetwork),
    Block("100.64.0.0", 10, .privateNetwork),
    Block("127.0.0.0", 8, .loopback),
    Block("169.254.0.0", 16, .special),  // link-local; metadata and task credentials
    Block("172.16.0.0", 12, .privateNetwork),
    Block("192.0.0.0", 24, .special),  // protocol assignments; Oracle Cloud's metadata
    Block("192.0.2.0", 24, .special),  // documentation
    Block("192.88.99.0", 24, .special),  // 6to4 relays, given up (RFC 7526)
    Block("192.168.0.0", 16, .privateNetwork),
    Block("198.18.0.0", 15, .special),  // benchmarks
    Block("198.51.100.0", 24, .special),  // documentation
    Block("203.0.113.0", 24, .special),  // documentation
    Block("224.0.0.0", 4, .special),  // multicast
    Block("240.0.0.0", 4, .special),  // reserved, and the broadcast address
  ]

  /// The first that holds an address decides; none: special.
  private static let blocksIPv6: [Block] = [
    Block("::1", 128, .loopback),
    Block("fd00:ec2::", 32, .special),  // AWS: metadata, task credentials, name server
    Block("fd20:ce::254", 128, .special),  // Google Cloud's metadata
    Block("fc00::", 7, .privateNetwork),
    Block("fec0::", 10, .privateNetwork),  // site-local, given up (RFC 3879)
    Block("2001::", 23, .special),  // Teredo and other protocols
    Block("2001:db8::", 32, .special),  // documentation
    Block("3fff::", 20, .special),  // documentation (RFC 9637)
    Block("2000::", 3, .everywhere),  // the only global unicast addresses that were ever given out
  ]

  /// Addresses that stand for an IPv4 address: how many bytes before it, and the prefix.
  private static let embeddings: [(block: Block, offset: Int)] = [
    (Block("::ffff:0:0", 96, .special), 12),  // mapped (RFC 4291)
    (Block("::ffff:0:0:0", 96, .special), 12),  // translated (RFC 2765)
    (Block("64:ff9b::", 96, .special), 12),  // NAT64 (RFC 6052)
    (Block("2002::", 16, .special), 2),  // 6to4 (RFC 3056)
  ]

  private static func ofIPv4(_ bytes: [UInt8]) -> AddressReach {
    blocksIPv4.first { $0.holds(bytes) }?.reach ?? .everywhere
  }

  private static func ofIPv6(_ bytes: [UInt8]) -> AddressReach {
    if let (_, offset) = embeddings.first(where: { $0.block.holds(bytes) }) {
      return ofIPv4(Array(bytes[offset..<offset + 4]))
    }
    return blocksIPv6.first { $0.holds(bytes) }?.reach ?? .special
  }
}
