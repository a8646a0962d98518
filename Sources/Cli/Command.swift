/// A command of the program: its name, its help and what it does.
struct Command: Sendable {
  let name: String
  let usage: String
  let summary: String
  let help: String
  let run:
    @Sendable (_ arguments: Arguments, _ environment: [String: String]) throws(UsageError) -> Int32
}

/// What is wrong with a command line, in one sentence.
struct UsageError: Error {
  let message: String

  init(_ message: String) { self.message = message }
}
