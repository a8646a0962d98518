/// Why an input cannot be read, or not to its end, as one sentence.
struct InputFault: Error, Sendable, Equatable {
  let sentence: String

  init(_ input: String, _ what: String) {
    // A file may be called anything, and the sentence is for a terminal.
    sentence = DisplayText.escape("\(input == "-" ? "standard input" : input) \(what)")
  }
}
