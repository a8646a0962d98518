/// The rules of the variables that say which agent and which package.
extension EnvironmentReader {
  static let maximumDeploymentIDBytes = 512

  /// Empty when it is missing or bad.
  mutating func agentAppID() -> String {
    let name = "AGENT_APP_ID"
    guard let value = text(name) else {
      refuse(name, sentence: "AGENT_APP_ID missing or empty", .agentAppID)
      return ""
    }
    guard AgentAppID.isGood(value) else {
      refuse(name, value, needs: AgentAppID.rule, .agentAppID)
      return ""
    }
    return value
  }

  /// The URL as it was written; nil when it is unset or bad.
  mutating func packageURL() -> String? {
    let name = "PACKAGE_URL"
    guard let value = text(name) else { return nil }
    let shown = Self.quoted(Redactor.redactURL(value))
    do throws(PackageURL.Mistake) {
      _ = try PackageURL(value)
      return value
    } catch {
      switch error {
      case .file:
        refuse(
          name,
          sentence: "\(name) is \(shown): file:// URLs are not allowed; a local file or "
            + "folder goes into AGENT_PACKAGE_PATH", .packageSource)
      case .rule(let rule):
        refuse(name, sentence: "\(name) is \(shown): it must be \(rule)", .packageSource)
      }
      return nil
    }
  }

  mutating func packagePath() -> String? {
    guard let value = text("AGENT_PACKAGE_PATH") else { return nil }
    refuseURL(value, of: "AGENT_PACKAGE_PATH")
    return value
  }

  mutating func checkPackageArgument(_ argument: String) {
    guard !argument.isEmpty else {
      refuse(
        "PACKAGE", sentence: "PACKAGE is empty: it must be an .apkg file or a package folder",
        .packageSource)
      return
    }
    refuseURL(argument, of: "PACKAGE")
  }

  /// A URL where a path belongs would only be "no such file", far from the mistake.
  private mutating func refuseURL(_ value: String, of name: String) {
    let scheme = value.utf8.prefix { $0.isLetterOrDigit || "+-.".utf8.contains($0) }
    guard !scheme.isEmpty, value.utf8.dropFirst(scheme.count).starts(with: "://".utf8) else {
      return
    }
    let isFile = String(Substring(scheme)).lowercased() == "file"
    let rule =
      isFile
      ? "file:// URLs are not allowed; write the path alone"
      : "it must be a local path; a URL goes into PACKAGE_URL"
    refuse(
      name, sentence: "\(name) is \(Self.quoted(Redactor.redactURL(value))): \(rule)",
      .packageSource)
  }

  mutating func sha256() -> String? {
    let name = "PACKAGE_SHA256"
    guard let value = text(name) else { return nil }
    let lower = value.lowercased()
    guard lower.utf8.count == 64,
      lower.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
    else {
      refuse(name, value, needs: "64 hexadecimal digits", .packageHash)
      return nil
    }
    return lower
  }

  mutating func deploymentID() -> String? {
    let name = "DEPLOYMENT_ID"
    guard let value = text(name) else { return nil }
    guard value.utf8.count <= Self.maximumDeploymentIDBytes,
      !value.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
    else {
      let rule =
        "text of at most \(Self.maximumDeploymentIDBytes) bytes without control characters"
      refuse(name, value, needs: rule, .badText)
      return nil
    }
    return value
  }

  mutating func bucket(into field: inout String) {
    let name = "S3_BUCKET"
    guard let value = text(name) else { return }
    guard PackageURL.isBucket(value.utf8) else {
      let rule =
        "a bucket's name: at most \(PackageURL.maximumBucketBytes) letters, digits, '.', '_' or '-'"
      refuse(name, value, needs: rule, .badText)
      return
    }
    field = value
  }
}
