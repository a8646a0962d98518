/// The rule for an agent's id: it stands in paths and URLs as it is.
package enum AgentAppID {
  package static let maximumBytes = 128
  package static let rule =
    "1 to \(maximumBytes) letters, digits, '.', '_' or '-', starting with a letter or digit"

  package static func isGood(_ text: some StringProtocol) -> Bool {
    let bytes = text.utf8
    return bytes.count <= maximumBytes && bytes.first?.isLetterOrDigit == true
      && bytes.allSatisfy { $0.isLetterOrDigit || "._-".utf8.contains($0) }
  }
}
