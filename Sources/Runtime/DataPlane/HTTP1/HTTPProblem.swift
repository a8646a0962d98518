/// A head or body that is refused: the status to answer with, and the sentence for its sender.
/// The connection always closes, because what follows cannot be told apart from the mistake.
struct HTTPProblem: Error, Equatable {
  let status: Int
  let text: String

  static func bad(_ text: String) -> HTTPProblem { HTTPProblem(status: 400, text: text) }

  static let headTooLarge = HTTPProblem(status: 431, text: "The request's head is too large")
  static let requestLineTooLong = HTTPProblem(
    status: 414, text: "The request line is too long")
  static let tooManyFields = HTTPProblem(
    status: 431, text: "The request has too many header fields")
}
