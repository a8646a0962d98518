internal import CPlatform

/// The Content-Security-Policy of a page that stands in the program: nothing is loaded from anywhere,
/// and only the two texts that this program wrote are obeyed.
package enum PagePolicy {
  /// - Parameters:
  ///   - style: what stands between the page's `style` tags, byte by byte.
  ///   - script: what stands between its `script` tags.
  ///   - asksItsOrigin: whether it may ask where it came from for more.
  package static func text(style: [UInt8], script: [UInt8], asksItsOrigin: Bool = false) -> String {
    "default-src 'none'; style-src \(source(style)); script-src \(source(script)); "
      + (asksItsOrigin ? "connect-src 'self'; " : "")
      + "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
  }

  /// The text's hash (CSP 3, 2.3.1). Without libcrypto there is none, and any inline text would be
  /// obeyed; there is no other than ours.
  private static func source(_ text: [UInt8]) -> String {
    digest(text).map { "'sha256-\($0)'" } ?? "'unsafe-inline'"
  }

  /// SHA-256 of a text in base64; nil without libcrypto.
  package static func digest(_ text: [UInt8]) -> String? {
    guard let context = par_sha256_new() else { return nil }
    _ = par_sha256_update(context, text, text.count)
    var digest = [UInt8](repeating: 0, count: 32)
    guard par_sha256_finish(context, &digest) == 0 else { return nil }
    return base64(digest)
  }

  /// RFC 4648, section 4.
  package static func base64(_ bytes: [UInt8]) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
      for place in 0..<4 {
        text.append(
          place <= group.count ? alphabet[bits >> (18 - 6 * place) & 63] : UInt8(ascii: "="))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }
}
