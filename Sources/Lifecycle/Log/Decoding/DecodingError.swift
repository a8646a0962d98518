extension LogLine {
  /// Why a line is no line of this log.
  public enum DecodingError: Error, Equatable, CustomStringConvertible {
    case notJSON(JSONError)
    /// A member that every line has is missing or of another kind.
    case missingField(String)
    case unknownEvent(String)
    /// A member of the event is missing, of another kind, or contradicts it.
    case malformedEvent(String, field: String)

    public var description: String {
      switch self {
      case .notJSON(let error): "it is no JSON: \(error)"
      case .missingField(let name): "it has no usable \(name)"
      case .unknownEvent(let name): "no event is called \(name)"
      case .malformedEvent(let name, field: "level"): "its level is not that of \(name)"
      case .malformedEvent(let name, let field): "it has no usable \(field), as \(name) must"
      }
    }
  }
}
