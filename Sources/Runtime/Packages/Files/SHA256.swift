import CPlatform

/// SHA-256 (FIPS 180-4) by the system's libcrypto.
package final class SHA256 {
  // Freed by par_sha256_finish; nil afterwards.
  private var context: UnsafeMutableRawPointer?

  package init() throws(StepFailure) {
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
    ContiguousArray(bytes).withUnsafeBytes { update($0) }
  }

  package func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

  package func update(_ bytes: UnsafeRawBufferPointer) {
    guard let context else { return }
    _ = par_sha256_update(context, bytes.baseAddress, bytes.count)
  }

  /// 64 lower-case hex digits. Once.
  package func finish() -> String {
    var digest = [UInt8](repeating: 0, count: 32)
    if let context { _ = par_sha256_finish(context, &digest) }
    context = nil
    return FileTree.hexadecimal(digest)
  }
}
