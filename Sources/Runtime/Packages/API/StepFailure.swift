public import Lifecycle

/// Why a step of the boot failed, for the person who can mend it.
public struct StepFailure: Error, Sendable, Equatable, CustomStringConvertible {
  /// One sentence that names the file, variable or value at fault.
  public var error: String
  /// The last lines of a tool's output, when a tool failed.
  public var detail: String?
  /// What to try; ends with the paragraph of the docs that says more.
  public var hint: String?

  public init(_ error: String, detail: String? = nil, hint: String? = nil) {
    self.error = error
    self.detail = detail
    self.hint = hint
  }

  public init(json: JSONValue) throws {
    let fields = JSONFields(json, of: "failure")
    error = try fields.text("error")
    detail = try fields.optionalText("detail")
    hint = try fields.optionalText("hint")
  }

  public var json: JSONValue {
    .members([
      "error": .string(error), "detail": .optional(detail), "hint": .optional(hint),
    ])
  }

  public var description: String { error }
}

/// Something a boot survives but a person should know.
public struct StepWarning: Sendable, Equatable {
  /// A word from a closed list, as `python_newer`.
  public var code: String
  /// One sentence.
  public var message: String

  public init(code: String, message: String) {
    self.code = code
    self.message = message
  }

  public init(json: JSONValue) throws {
    let fields = JSONFields(json, of: "warning")
    code = try fields.text("code")
    message = try fields.text("message")
  }

  public var json: JSONValue { .members(["code": .string(code), "message": .string(message)]) }
}
