import Testing

@testable import DataPlane

@Suite("Address ranges")
struct AddressRangeTests {
  @Test(
    "A range contains its addresses",
    arguments: [
      ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false),
      ("10.1.2.3/8", "10.0.0.1", true), ("0.0.0.0/0", "8.8.8.8", true), ("0.0.0.0/0", "::1", false),
      ("192.168.1.1", "192.168.1.1", true), ("192.168.1.1", "192.168.1.2", false),
      ("::1", "::1", true), ("::/0", "fe80::1", true), ("fc00::/7", "fd12::1", true),
      ("fc00::/7", "fe00::1", false), ("2001:db8::/65", "2001:db8::1", true),
      ("2001:db8::/65", "2001:db8:0:0:8000::1", false), ("10.0.0.0/8", "::ffff:10.0.0.1", true),
      ("10.0.0.0/8", "nonsense", false),
    ])
  func contains(range: String, address: String, expected: Bool) throws {
    #expect(try #require(AddressRange(range)).contains(address) == expected)
  }

  @Test(
    "What is no range is nil",
    arguments: [
      "", "10.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "::/129", "a/8", "10.0.0.0/8/8",
    ])
  func refuses(text: String) { #expect(AddressRange(text) == nil) }
}
