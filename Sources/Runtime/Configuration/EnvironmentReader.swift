internal import Lifecycle

/// Reads typed values out of an environment and collects every mistake.
///
/// Each method overwrites its field when the variable is set and good. A bad value leaves the
/// field alone, which never becomes a fallback: with one problem the whole configuration is refused.
package struct EnvironmentReader {
  /// The longest time that can be set: 31 years. Sums of a few of them fit an `Interval`.
  package static let maximumSeconds: Double = 1_000_000_000
  /// The largest size that can be set, in units of 1,048,576 bytes: one pebibyte.
  static let maximumMegabytes: Int64 = 1 << 30
  static let megabyte: Int64 = 1 << 20
  /// What `MAX_PACKAGE_FILES` can be: files and folders of an archive.
  static let packageFiles = 1...10_000_000
  /// What `HOLD_MAX_REQUESTS` can be.
  static let heldRequests = 0...1_000_000
  /// How much of a refused value a sentence shows, in characters.
  static let shownCharacters = 120

  private let environment: [String: String]
  private(set) var problems: [ConfigurationProblem] = []

  init(_ environment: [String: String]) { self.environment = environment }

  /// The value; nil when the variable is unset or empty, which is the same.
  func text(_ name: String) -> String? {
    guard let value = environment[name], !value.isEmpty else { return nil }
    return value
  }

  /// True while nothing is wrong with the variable: rules about two variables ask first, so that
  /// one mistake is one problem.
  func isGood(_ name: String) -> Bool { !problems.contains { $0.variable == name } }

  mutating func refuse(_ name: String, sentence: String, _ advice: Advice) {
    problems.append(ConfigurationProblem(variable: name, error: sentence, hint: advice.hint))
  }

  mutating func refuse(_ name: String, _ value: String, needs rule: String, _ advice: Advice) {
    refuse(name, sentence: "\(name) is \(Self.quoted(value)): it must be \(rule)", advice)
  }

  // MARK: - Kinds of values

  mutating func whole<Number: FixedWidthInteger>(
    _ name: String, into field: inout Number, in range: ClosedRange<Number>,
    _ advice: Advice = .badNumber
  ) {
    guard let value = text(name) else { return }
    if let number = DecimalText.whole(value).flatMap({ Number(exactly: $0) }), range ~= number {
      field = number
    } else {
      let rule = "a whole number from \(range.lowerBound) to \(range.upperBound)"
      refuse(name, value, needs: rule, advice)
    }
  }

  /// A size in units of 1,048,576 bytes, into bytes.
  mutating func megabytes(_ name: String, into field: inout Int64) {
    var count = field / Self.megabyte
    whole(name, into: &count, in: 1...Self.maximumMegabytes)
    field = count * Self.megabyte
  }

  enum LeastTime { case zero, aboveZero }

  mutating func seconds(_ name: String, into field: inout Interval, least: LeastTime = .aboveZero) {
    guard let value = text(name) else { return }
    if let time = Self.seconds(value, least: least) {
      field = time
    } else {
      let bound = DecimalText.describe(Self.maximumSeconds)
      let rule = least == .zero ? "from 0 to \(bound)" : "above 0, at most \(bound)"
      refuse(name, value, needs: "a decimal number of seconds \(rule)", .badTime)
    }
  }

  /// Seconds as text; nil when it is no decimal number or out of bounds. What rounds to no
  /// nanosecond at all is not above zero.
  static func seconds(_ value: String, least: LeastTime) -> Interval? {
    guard let number = DecimalText.fraction(value), number <= maximumSeconds else { return nil }
    let time = Interval.seconds(number)
    return least == .zero || time > .zero ? time : nil
  }

  mutating func flag(_ name: String, into field: inout Bool) {
    guard let value = text(name) else { return }
    if let isOn = Self.flag(value) {
      field = isOn
    } else {
      refuse(name, value, needs: "true, 1, yes, on, or false, 0, no, off", .badBoolean)
    }
  }

  /// What a switch says; nil when it is none of its words.
  static func flag(_ value: String) -> Bool? {
    switch value.lowercased() {
    case "true", "1", "yes", "on": true
    case "false", "0", "no", "off": false
    default: nil
    }
  }

  /// One of the words of an enumeration, in any case.
  mutating func choice<Choice: CaseIterable & RawRepresentable<String>>(
    _ name: String, into field: inout Choice
  ) {
    guard let value = text(name) else { return }
    if let choice = Choice(rawValue: value.lowercased()) {
      field = choice
    } else {
      let words = Choice.allCases.map(\.rawValue)
      let list = words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
      refuse(name, value, needs: list, .badChoice)
    }
  }

  // MARK: - Showing values

  /// A value in quotation marks for a sentence: control characters escaped, cut when long.
  package static func quoted(_ value: String) -> String {
    var shown = "\""
    for scalar in value.unicodeScalars.prefix(shownCharacters) {
      if scalar.properties.generalCategory == .control {
        shown += "\\u{\(String(scalar.value, radix: 16))}"
      } else {
        shown.unicodeScalars.append(scalar)
      }
    }
    return shown + (value.unicodeScalars.count > shownCharacters ? "…\"" : "\"")
  }
}
