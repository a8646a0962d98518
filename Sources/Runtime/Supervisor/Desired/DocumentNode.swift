import Lifecycle
import RunConfiguration
import YAML

/// A node of a document in YAML or JSON, as far as a list of agents needs it.
///
/// Looked at level by level: what aliases repeat is never spelled out, so that a short document
/// cannot become an endless one.
struct DocumentNode {
  private enum Source {
    case yaml(YAMLNode)
    case json(JSONValue)
  }

  enum Content {
    case null
    /// Text, or what YAML leaves as it was written: numbers and switches too.
    case text(String)
    /// A number of JSON with a fraction or an exponent: how it was written is lost.
    case decimal(Double)
    case list([DocumentNode])
    case mapping([(key: String, value: DocumentNode)])
  }

  private let source: Source

  private init(_ source: Source) { self.source = source }
  init(_ json: JSONValue) { source = .json(json) }

  /// From 1; nil in JSON.
  var line: Int? { if case .yaml(let node) = source { node.line } else { nil } }

  var content: Content {
    switch source {
    case .yaml(let node):
      switch node.content {
      case .scalar(let text, _): node.isNull ? .null : .text(text)
      case .list(let elements): .list(elements.map { DocumentNode(.yaml($0)) })
      case .mapping(let pairs): .mapping(pairs.map { ($0.key, DocumentNode(.yaml($0.value))) })
      }
    case .json(let value):
      switch value {
      case .null: .null
      case .bool(let flag): .text(flag ? "true" : "false")
      case .integer(let number): .text("\(number)")
      case .number(let number): .decimal(number)
      case .string(let text): .text(text)
      case .array(let elements): .list(elements.map { DocumentNode($0) })
      case .object(let members): .mapping(members.map { ($0.name, DocumentNode($0.value)) })
      }
    }
  }

  /// What it is, for a sentence.
  var kind: String {
    switch content {
    case .null: "nothing"
    case .text(let text): EnvironmentReader.quoted(text)
    case .decimal(let number): DecimalText.describe(number)
    case .list: "a list"
    case .mapping: "a mapping"
    }
  }
}

extension DocumentNode {
  /// Reads JSON, or else YAML, which most JSON is as well.
  ///
  /// - Returns: nil for a document without a value.
  static func read(_ bytes: [UInt8], limits: DesiredLimits) throws(DesiredProblems) -> DocumentNode?
  {
    guard bytes.count <= limits.documentBytes else {
      throw DesiredProblems(
        DesiredProblem("", "the document is longer than the \(limits.documentBytes) bytes allowed"))
    }
    let first = bytes.first { !" \t\r\n".utf8.contains($0) }
    let jsonError: JSONError?
    if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") {
      do throws(JSONError) { return DocumentNode(try JSONReader.decode(bytes)) } catch {
        jsonError = error
      }
    } else {
      jsonError = nil
    }
    do throws(YAMLError) {
      return try YAMLReader.read(bytes).map { DocumentNode(.yaml($0)) }
    } catch {
      let sentence =
        jsonError.map {
          "the document is neither JSON (\($0.problem.rawValue), at line \(line(of: $0, in: bytes))) "
            + "nor YAML (\(error))"
        } ?? "the document is no YAML: \(error)"
      throw DesiredProblems(DesiredProblem("", sentence))
    }
  }

  private static func line(of error: JSONError, in bytes: [UInt8]) -> Int {
    bytes.prefix(error.offset).count { $0 == UInt8(ascii: "\n") } + 1
  }
}
