import RunConfiguration
import Testing

@testable import PackageFetch

@Suite("Where a redirect may lead")
struct AddressReachTests {
  @Test(
    "each address reaches as far as its registry says",
    arguments: [
      ("8.8.8.8", AddressReach.everywhere), ("1.1.1.1", .everywhere),
      ("9.255.255.255", .everywhere), ("11.0.0.0", .everywhere), ("100.63.255.255", .everywhere),
      ("100.128.0.0", .everywhere), ("126.255.255.255", .everywhere), ("128.0.0.0", .everywhere),
      ("169.253.255.255", .everywhere), ("169.255.0.0", .everywhere),
      ("172.15.255.255", .everywhere), ("172.32.0.0", .everywhere),
      ("192.167.255.255", .everywhere), ("192.169.0.0", .everywhere),
      ("198.17.255.255", .everywhere), ("198.20.0.0", .everywhere),
      ("223.255.255.255", .everywhere),
      ("0.0.0.0", .special), ("0.1.2.3", .special),
      ("10.0.0.0", .privateNetwork), ("10.255.255.255", .privateNetwork),
      ("100.64.0.0", .privateNetwork), ("100.127.255.255", .privateNetwork),
      ("100.100.100.200", .special), ("168.63.129.16", .special),
      ("127.0.0.1", .loopback), ("127.255.255.255", .loopback),
      ("169.254.0.0", .special), ("169.254.169.254", .special), ("169.254.170.2", .special),
      ("172.16.0.0", .privateNetwork), ("172.31.255.255", .privateNetwork),
      ("192.0.0.192", .special), ("192.0.2.1", .special), ("192.88.99.1", .special),
      ("192.168.0.0", .privateNetwork), ("192.168.255.255", .privateNetwork),
      ("198.18.0.0", .special), ("198.19.255.255", .special), ("198.51.100.1", .special),
      ("203.0.113.1", .special), ("224.0.0.1", .special), ("239.255.255.255", .special),
      ("240.0.0.1", .special), ("255.255.255.255", .special),
      ("2600::1", .everywhere), ("2a00:1450::1", .everywhere), ("3ffe::1", .everywhere),
      ("::", .special), ("::1", .loopback), ("::2", .special), ("::7f00:1", .special),
      ("fc00::1", .privateNetwork), ("fd00::1", .privateNetwork), ("fdff:ffff::1", .privateNetwork),
      ("fd00:ec2::254", .special), ("fd00:ec2::23", .special), ("fd20:ce::254", .special),
      ("fe80::1", .special), ("febf::1", .special), ("fec0::1", .privateNetwork),
      ("ff02::1", .special), ("2001::1", .special), ("2001:db8::1", .special),
      ("2001:1ff::1", .special), ("2001:200::1", .everywhere), ("3fff::1", .special),
      ("4000::1", .special), ("100::1", .special), ("64:ff9b:1::1", .special),
      ("::ffff:8.8.8.8", .everywhere), ("::ffff:127.0.0.1", .loopback),
      ("::ffff:10.0.0.1", .privateNetwork), ("::ffff:169.254.169.254", .special),
      ("::ffff:0:8.8.8.8", .everywhere), ("::ffff:0:10.0.0.1", .privateNetwork),
      ("64:ff9b::8.8.8.8", .everywhere), ("64:ff9b::127.0.0.1", .loopback),
      ("64:ff9b::169.254.169.254", .special),
      ("2002:808:808::1", .everywhere), ("2002:7f00:1::", .loopback),
      ("2002:a9fe:a9fe::1", .special), ("2002:a00:1::", .privateNetwork),
    ])
  func reach(address: String, expected: AddressReach) throws {
    let bytes = try #require(NetworkAddress(address)?.bytes)
    #expect(AddressReach(bytes) == expected)
    #expect(AddressReach(host: bytes.count == 16 ? "[\(address)]" : address) == expected)
  }

  @Test("what has another length is no place", arguments: [0, 3, 5, 15, 17])
  func odd(count: Int) {
    #expect(AddressReach([UInt8](repeating: 8, count: count)) == .special)
  }

  @Test(
    "a name counts as what it says",
    arguments: [
      ("localhost", AddressReach.loopback), ("LOCALHOST.", .loopback), ("a.localhost", .loopback),
      ("printer", .privateNetwork), ("a.local", .privateNetwork),
      ("metadata.google.internal", .privateNetwork), ("example.com", .everywhere),
      ("localhost.example.com", .everywhere), ("[fe80::1%25eth0]", .special),
    ])
  func names(host: String, expected: AddressReach) { #expect(AddressReach(host: host) == expected) }

  @Test(
    "a redirect leads further out and never further in",
    arguments: [
      (AddressReach.everywhere, [AddressReach.everywhere]), (.special, [.everywhere]),
      (.privateNetwork, [.privateNetwork, .everywhere]),
      (.loopback, [.loopback, .privateNetwork, .everywhere]),
    ])
  func redirects(from source: AddressReach, allowed: [AddressReach]) {
    for target in [AddressReach.loopback, .privateNetwork, .everywhere, .special] {
      #expect(source.permitsRedirect(to: target) == allowed.contains(target))
    }
  }
}
