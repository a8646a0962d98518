import Lifecycle

/// A text's JSON value, and back.
func json(_ text: String) throws -> JSONValue { try JSONReader.decode(text) }

enum JSONText {
  static func encode(_ value: JSONValue) -> [UInt8] { JSONWriter.encode(value) }
}
