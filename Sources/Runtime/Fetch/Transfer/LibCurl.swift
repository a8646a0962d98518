import CCurl

/// The system's libcurl, opened on first use.
enum LibCurl {
  /// - Throws: what to say when it is not there.
  static func open() throws(TransferFailure) {
    guard let problem = par_curl_open() else { return }
    let reason = String(cString: problem)
    throw TransferFailure(
      "libcurl (libcurl.so.4) is not installed", .libcurl,
      detail: reason.contains("No such file") ? nil : "libcurl.so.4: \(reason)")
  }
}
