import RunConfiguration

/// Which proxy a request goes through, from the environment as curl reads it.
///
/// Decided here and told to libcurl, because whoever is asked to connect to an address has to know
/// whether that is the host or its proxy.
struct ProxyChoice: Sendable {
  let environment: [String: String]

  /// The proxy's URL for a request, or nil for none.
  func proxy(scheme: String, host: String) -> String? {
    // `HTTP_PROXY` in capitals is what a CGI program gets from a request's `Proxy` field.
    let names = scheme == "https" ? ["https_proxy", "HTTPS_PROXY"] : ["http_proxy"]
    guard let proxy = first(names + ["all_proxy", "ALL_PROXY"]), !isExcepted(host) else {
      return nil
    }
    return proxy
  }

  private func first(_ names: [String]) -> String? {
    names.lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
  }

  /// `NO_PROXY`: names with all beneath them, addresses, `address/bits`, or `*`.
  private func isExcepted(_ host: String) -> Bool {
    guard let list = first(["no_proxy", "NO_PROXY"]) else { return false }
    let bare = AddressReach.withoutBrackets(host)
    let name = Self.withoutDots(bare.lowercased())
    let address = NetworkAddress(bare)
    for entry in list.split(whereSeparator: { $0 == "," || $0 == " " || $0 == "\t" }) {
      if entry == "*" { return true }
      let entry = entry.lowercased()
      if let address {
        if Self.holds(entry, address) { return true }
      } else {
        let suffix = Self.withoutDots(entry)
        if !suffix.isEmpty, name == suffix || name.hasSuffix("." + suffix) { return true }
      }
    }
    return false
  }

  private static func withoutDots(_ name: String) -> String {
    var name = Substring(name)
    if name.hasPrefix(".") { name.removeFirst() }
    if name.hasSuffix(".") { name.removeLast() }
    return String(name)
  }

  private static func holds(_ entry: String, _ address: NetworkAddress) -> Bool {
    let parts = entry.split(separator: "/", omittingEmptySubsequences: false)
    var text = parts[0]
    if text.hasPrefix("["), text.hasSuffix("]") { text = text.dropFirst().dropLast() }
    guard let network = NetworkAddress(String(text)) else { return false }
    guard parts.count == 2 else { return parts.count == 1 && network == address }
    guard let bits = Int(parts[1]), (0...address.bitCount).contains(bits) else { return false }
    return network.covers(address, prefix: bits)
  }
}
