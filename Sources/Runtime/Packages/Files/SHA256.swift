import CPlatform

/// SHA-256 (FIPS 180-4) by the system's libcrypto.
final class SHA256 {
  // Freed by par_sha256_finish; nil afterwards.
  private var context: UnsafeMutableRawPointer?

  init() throws(StepFailure) {
    guard let context = par_sha256_new() else {
      throw StepFailure(
        "libcrypto.so.3 (OpenSSL 3) cannot be loaded, so no SHA-256 can be computed",
        hint: "install the system's OpenSSL library; docs/errors.md#libcrypto")
    }
    self.context = context
  }

  deinit {
    if let context {
      var digest = [UInt8](repeating: 0, count: 32)
      _ = par_sha256_finish(context, &digest)
    }
  }

  func update(_ bytes: some Collection<UInt8>) {
    guard let context else { return }
    let contiguous = ContiguousArray(bytes)
    _ = contiguous.withUnsafeBytes { par_sha256_update(context, $0.baseAddress, $0.count) }
  }

  func update(_ bytes: [UInt8]) {
    guard let context else { return }
    _ = bytes.withUnsafeBytes { par_sha256_update(context, $0.baseAddress, $0.count) }
  }

  /// 64 lower-case hex digits. Once.
  func finish() -> String {
    var digest = [UInt8](repeating: 0, count: 32)
    if let context { _ = par_sha256_finish(context, &digest) }
    context = nil
    return FileTree.hexadecimal(digest)
  }
}
