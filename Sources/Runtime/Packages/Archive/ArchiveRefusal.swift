/// Why an archive is refused: the member at fault, when one is, and what is wrong with it.
struct ArchiveRefusal: Error, Equatable, CustomStringConvertible {
  let member: String?
  let problem: String

  init(_ problem: String, member: String? = nil) {
    self.problem = problem
    self.member = member
  }

  var description: String {
    if let member { "the archive member '\(member)' \(problem)" } else { "the archive \(problem)" }
  }
}
