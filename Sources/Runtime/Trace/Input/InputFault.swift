/// Why an input cannot be read, or not to its end, as one sentence.
struct InputFault: Error, Sendable, Equatable {
  let sentence: String

  init(_ input: String, _ what: String) {
    sentence = "\(input == "-" ? "standard input" : input) \(what)"
  }
}
