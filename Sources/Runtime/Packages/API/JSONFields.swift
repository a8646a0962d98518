package import Lifecycle

/// The members of one JSON object by name, or a sentence that says which one is missing or of the
/// wrong kind. What it reads was written by this same program, so a failure is a defect or a mix of
/// two versions, not a person's mistake.
package struct JSONFields {
  package let value: JSONValue
  package let owner: String

  package init(_ value: JSONValue, of owner: String) {
    self.value = value
    self.owner = owner
  }

  private func wrong(_ name: String) -> StepFailure {
    StepFailure("the \(owner) message between two processes of this program lacks a usable \(name)")
  }

  private func present(_ name: String) -> JSONValue? {
    guard let found = value[name], !found.isNull else { return nil }
    return found
  }

  package func text(_ name: String) throws(StepFailure) -> String {
    guard let text = present(name)?.text else { throw wrong(name) }
    return text
  }

  package func optionalText(_ name: String) throws(StepFailure) -> String? {
    guard let found = present(name) else { return nil }
    guard let text = found.text else { throw wrong(name) }
    return text
  }

  package func whole(_ name: String) throws(StepFailure) -> Int64 {
    guard let number = present(name)?.whole else { throw wrong(name) }
    return number
  }

  package func flag(_ name: String) throws(StepFailure) -> Bool {
    guard let flag = present(name)?.flag else { throw wrong(name) }
    return flag
  }

  package func object(_ name: String) throws(StepFailure) -> JSONValue {
    guard let found = present(name), found.members != nil else { throw wrong(name) }
    return found
  }

  package func list(_ name: String) throws(StepFailure) -> [JSONValue] {
    guard let list = present(name)?.list else { throw wrong(name) }
    return list
  }

  package func texts(_ name: String) throws(StepFailure) -> [String] {
    let list = try list(name)
    let texts = list.compactMap(\.text)
    guard texts.count == list.count else { throw wrong(name) }
    return texts
  }

  package func choice<Choice: RawRepresentable<String>>(
    _ name: String, _: Choice.Type = Choice.self
  ) throws(StepFailure) -> Choice {
    guard let choice = Choice(rawValue: try text(name)) else { throw wrong(name) }
    return choice
  }
}

extension JSONValue {
  package static func optional(_ text: String?) -> JSONValue { text.map(JSONValue.string) ?? .null }
}
