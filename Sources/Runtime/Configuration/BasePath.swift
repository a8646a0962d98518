/// The rule for `BASE_PATH`, the path under which an agent is served.
enum BasePath {
  static let maximumBytes = 1024

  struct Mistake: Error, Equatable {
    let rule: String
  }

  /// The path with a leading and without a trailing slash; empty for `/`.
  static func normalize(_ text: String) throws(Mistake) -> String {
    guard text.utf8.count <= maximumBytes else {
      throw Mistake(rule: "at most \(maximumBytes) bytes long")
    }
    guard text.utf8.allSatisfy({ $0.isLetterOrDigit || "/_.~-".utf8.contains($0) }) else {
      throw Mistake(rule: "made of letters, digits and / _ . ~ -")
    }
    guard text != "/" else { return "" }
    var segments = text.split(separator: "/", omittingEmptySubsequences: false)
    if segments.first?.isEmpty == true { segments.removeFirst() }
    if segments.last?.isEmpty == true { segments.removeLast() }
    guard !segments.isEmpty, !segments.contains("") else {
      throw Mistake(rule: "a path without //")
    }
    guard !segments.contains("."), !segments.contains("..") else {
      throw Mistake(rule: "a path without . and .. segments")
    }
    return "/" + segments.joined(separator: "/")
  }
}
