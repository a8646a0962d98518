internal import Lifecycle

/// What the table says of one variable, or of a few that are read together.
///
/// Texts are Markdown as a cell of a table holds it: one line, code in backticks, links from docs/.
struct VariableRow: Sendable, Equatable {
  /// In the order in which they win; never empty.
  let names: [String]
  /// What holds without it: a value, a sentence, `required`, or `–` for nothing.
  let `default`: String
  /// The rule and what comes of it.
  let meaning: String

  static let noDefault = "–"
  static let required = "required"

  /// A variable whose default is what a `Configuration` begins with.
  init(_ name: String, _ meaning: String) {
    self.init([name], default: Self.initial(name), meaning)
  }

  init(_ name: String, default text: String, _ meaning: String) {
    self.init([name], default: text, meaning)
  }

  init(_ names: [String], default text: String = noDefault, _ meaning: String) {
    self.names = names
    self.default = text
    self.meaning = meaning
  }

  // MARK: - Numbers and defaults of the code

  /// What is the default of a run for which nothing is set. Fields that need a value are not
  /// defaults; their rows say in words what holds.
  static let initial = Configuration(
    agentAppID: "", basePath: "", cacheFolder: CacheFolder(path: "", mustBePrivate: false))
  private static let initialValues = initial.redacted

  private static func initial(_ name: String) -> String {
    switch initialValues[name] {
    case .string(let text): "`\(text)`"
    case .bool(let value): "`\(value)`"
    case .integer(let number): "\(number)"
    case .number(let number): DecimalText.describe(number)
    case .null, .array, .object, nil: noDefault
    }
  }

  /// A number for readers: `1,000,000`.
  static func grouped(_ number: some BinaryInteger) -> String {
    let digits = "\(number)"
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text += "," }
      text.append(digit)
    }
    return text
  }
}
