import CPlatform

/// SHA-256 (FIPS 180-4) of small texts and HMAC with it (RFC 2104), by the system's libcrypto.
enum HMACSHA256 {
  private static let blockBytes = 64
  private static let digestBytes = 32

  /// Whether libcrypto can be opened; everything else here takes for granted that it was asked.
  static var isUsable: Bool {
    guard let context = par_sha256_new() else { return false }
    var digest = [UInt8](repeating: 0, count: digestBytes)
    return par_sha256_finish(context, &digest) == 0
  }

  static func digest(of bytes: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: digestBytes)
    guard let context = par_sha256_new() else {
      // Cannot be: libcrypto stays open once isUsable has found it, and a want of memory for the
      // few bytes of a context ends a Swift program in any allocation.
      preconditionFailure("libcrypto was there and is gone")
    }
    _ = bytes.withUnsafeBytes { par_sha256_update(context, $0.baseAddress, $0.count) }
    _ = par_sha256_finish(context, &digest)
    return digest
  }

  static func code(key: [UInt8], message: [UInt8]) -> [UInt8] {
    var block = key.count > blockBytes ? digest(of: key) : key
    block += [UInt8](repeating: 0, count: blockBytes - block.count)
    let inner = digest(of: block.map { $0 ^ 0x36 } + message)
    return digest(of: block.map { $0 ^ 0x5C } + inner)
  }
}
