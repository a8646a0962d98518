internal import Lifecycle

extension Configuration {
  /// Below this a boot is cut off before an interpreter can even start: seconds were meant.
  static let shortestUsefulHardLimit = Interval.milliseconds(500)
  /// Below this nothing is left of the drain: the agent's processes are killed 0.2 s before its end.
  static let shortestUsefulDrain = Interval.seconds(1)

  mutating func findWarnings() {
    warnings = []
    func text(_ time: Interval) -> String { "\(DecimalText.describe(time.seconds)) s" }
    func warn(_ code: String, _ message: String) {
      warnings.append(ConfigurationWarning(code: code, message: message))
    }

    if case .url(let url) = package, let bucket = try? PackageURL(url).bucket, bucket != s3Bucket {
      warn(
        "bucket_differs",
        "PACKAGE_URL names the bucket \(bucket), S3_BUCKET is \(s3Bucket): "
          + "the package comes from \(bucket)")
    }
    if let hardLimit, hardLimit < Self.shortestUsefulHardLimit {
      warn(
        "limit_short",
        "BOOT_BUDGET_MS times BOOT_HARD_LIMIT_MULTIPLIER is \(text(hardLimit)): "
          + "hardly any boot can be that short")
    }
    if shutdownTimeout < Self.shortestUsefulDrain {
      warn(
        "limit_short",
        "GRACEFUL_SHUTDOWN_TIMEOUT_SEC is \(text(shutdownTimeout)): "
          + "requests in flight will be cut off")
    }
    if streamDrain > shutdownTimeout {
      warn(
        "limit_short",
        "STREAM_DRAIN_SEC is \(text(streamDrain)): open streams are cut after "
          + "GRACEFUL_SHUTDOWN_TIMEOUT_SEC, \(text(shutdownTimeout)), all the same")
    }
    if wheelhouseOnly, wheelhouse == nil {
      warn(
        "wheelhouse_missing",
        "WHEELHOUSE_ONLY is set without WHEELHOUSE_DIR: nothing new can be installed")
    }
  }
}
