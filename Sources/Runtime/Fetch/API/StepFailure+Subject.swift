import AgentPackages

extension StepFailure {
  /// The same failure in the words of what was downloaded. The sentences are written for packages,
  /// which nearly all downloads are.
  func about(_ subject: FetchRequest.Subject) -> StepFailure {
    guard subject == .config else { return self }
    func worded(_ text: String) -> String {
      text.replacing("Failed to download package", with: "Failed to download the config")
        .replacing("the package", with: "the config")
        .replacing("PACKAGE_URL", with: "SUPERVISOR_CONFIG")
    }
    return StepFailure(worded(error), detail: detail, hint: hint.map(worded))
  }
}
