import CPlatform
import Glibc
import LinuxSystem

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
    return Self.hexadecimal(digest)
  }

  /// Of a whole open file, from its start; its position stays.
  package static func hash(of file: Descriptor) throws -> String {
    let sha256 = try SHA256()
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    var offset = 0
    while true {
      let got = buffer.withUnsafeMutableBytes {
        pread(file.number, $0.baseAddress, $0.count, offset)
      }
      if got < 0 && errno == EINTR { continue }
      guard got >= 0 else { throw SystemError("read") }
      if got == 0 { return sha256.finish() }
      buffer.withUnsafeBytes { sha256.update(UnsafeRawBufferPointer(rebasing: $0[..<got])) }
      offset += got
    }
  }

  /// Two lower-case digits for each byte.
  package static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }
}
