import CYaml

/// Reads one YAML 1.1 document with libyaml, within bounds.
///
/// Keys must be scalars and differ; an alias may only name a node that is complete; `<<` merges.
package final class YAMLReader {
  package static let maximumBytes = 1 << 20
  package static let maximumAliases = 64
  package static let maximumDepth = 64

  // Owned; yaml_parser_t points into itself, so it must not move.
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private var anchors: [String: YAMLNode] = [:]
  private var aliases = 0

  private init() {
    parser = .allocate(capacity: 1)
    parser.initialize(to: yaml_parser_t())
  }

  deinit {
    yaml_parser_delete(parser)
    parser.deinitialize(count: 1)
    parser.deallocate()
  }

  /// The document's root; nil when the text holds no document or only comments.
  package static func read(_ bytes: [UInt8]) throws(YAMLError) -> YAMLNode? {
    guard bytes.count <= maximumBytes else {
      throw YAMLError(problem: "more than \(maximumBytes) bytes", line: 1, column: 1)
    }
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw YAMLError(problem: "text that is not valid UTF-8", line: 1, column: 1)
    }
    let reader = YAMLReader()
    guard yaml_parser_initialize(reader.parser) == 1 else {
      throw YAMLError(problem: "no memory for the YAML parser", line: 1, column: 1)
    }
    return try withExtendedLifetime(reader) { () throws(YAMLError) -> YAMLNode? in
      // libyaml reads the bytes during `document()` only, while they are kept in place here.
      let result = bytes.withUnsafeBufferPointer { buffer -> Result<YAMLNode?, YAMLError> in
        yaml_parser_set_input_string(reader.parser, buffer.baseAddress, buffer.count)
        yaml_parser_set_encoding(reader.parser, YAML_UTF8_ENCODING)
        do throws(YAMLError) { return .success(try reader.document()) } catch {
          return .failure(error)
        }
      }
      return try result.get()
    }
  }

  private enum Event {
    case end
    case scalar(String, isPlain: Bool, anchor: String?)
    case listStart(anchor: String?)
    case mappingStart(anchor: String?)
    case collectionEnd
    case alias(String)
    case documentStart
    case other
  }

  private func next() throws(YAMLError) -> (event: Event, line: Int, column: Int) {
    var event = yaml_event_t()
    guard yaml_parser_parse(parser, &event) == 1 else {
      let problem = parser.pointee.problem.map { String(cString: $0) } ?? "a syntax error"
      let mark = parser.pointee.problem_mark
      throw YAMLError(problem: problem, line: Int(mark.line) + 1, column: Int(mark.column) + 1)
    }
    defer { yaml_event_delete(&event) }
    func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
      pointer.map { String(cString: $0) }
    }
    let kind: Event =
      switch event.type {
      case YAML_STREAM_END_EVENT, YAML_NO_EVENT: .end
      case YAML_SCALAR_EVENT:
        .scalar(
          String(
            decoding: UnsafeBufferPointer(
              start: event.data.scalar.value, count: event.data.scalar.length), as: UTF8.self),
          isPlain: event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE,
          anchor: text(event.data.scalar.anchor))
      case YAML_SEQUENCE_START_EVENT: .listStart(anchor: text(event.data.sequence_start.anchor))
      case YAML_MAPPING_START_EVENT: .mappingStart(anchor: text(event.data.mapping_start.anchor))
      case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: .collectionEnd
      case YAML_ALIAS_EVENT: .alias(text(event.data.alias.anchor) ?? "")
      case YAML_DOCUMENT_START_EVENT: .documentStart
      default: .other
      }
    return (kind, Int(event.start_mark.line) + 1, Int(event.start_mark.column) + 1)
  }

  private func document() throws(YAMLError) -> YAMLNode? {
    var root: YAMLNode?
    while true {
      let (event, line, column) = try next()
      switch event {
      case .end: return root
      case .documentStart:
        guard root == nil else {
          throw YAMLError(problem: "a second document", line: line, column: column)
        }
        root = try node(depth: 0)
      case .scalar, .listStart, .mappingStart, .collectionEnd, .alias, .other: continue
      }
    }
  }

  private func node(depth: Int) throws(YAMLError) -> YAMLNode {
    let (event, line, column) = try next()
    guard let node = try node(event, line: line, column: column, depth: depth) else {
      throw YAMLError(problem: "a value that is missing", line: line, column: column)
    }
    return node
  }

  /// nil at the end of a collection.
  private func node(
    _ event: Event, line: Int, column: Int, depth: Int
  ) throws(YAMLError) -> YAMLNode? {
    func fail(_ problem: String) -> YAMLError {
      YAMLError(problem: problem, line: line, column: column)
    }
    guard depth < Self.maximumDepth else {
      throw fail("more than \(Self.maximumDepth) levels of nesting")
    }
    let content: YAMLNode.Content
    let name: String?
    switch event {
    case .scalar(let text, let isPlain, let anchor):
      content = .scalar(text, isPlain: isPlain)
      name = anchor
    case .listStart(let anchor):
      content = .list(try list(depth: depth))
      name = anchor
    case .mappingStart(let anchor):
      content = .mapping(try mapping(depth: depth))
      name = anchor
    case .alias(let anchor):
      aliases += 1
      guard aliases <= Self.maximumAliases else {
        throw fail("more than \(Self.maximumAliases) aliases")
      }
      guard let node = anchors[anchor] else { throw fail("the unknown alias *\(anchor)") }
      return node
    case .collectionEnd: return nil
    case .end, .documentStart, .other: throw fail("an unexpected end")
    }
    let node = YAMLNode(content: content, line: line, column: column)
    if let name { anchors[name] = node }
    return node
  }

  private func list(depth: Int) throws(YAMLError) -> [YAMLNode] {
    var elements: [YAMLNode] = []
    while true {
      let (event, line, column) = try next()
      guard let element = try node(event, line: line, column: column, depth: depth + 1) else {
        return elements
      }
      elements.append(element)
    }
  }

  private func mapping(depth: Int) throws(YAMLError) -> [(key: String, value: YAMLNode)] {
    var pairs: [(key: String, value: YAMLNode)] = []
    var seen: Set<String> = []
    var merged: [(key: String, value: YAMLNode)] = []
    while true {
      let (event, line, column) = try next()
      guard let key = try node(event, line: line, column: column, depth: depth + 1) else { break }
      guard case .scalar(let name, let isPlain) = key.content else {
        throw YAMLError(problem: "a key that is no text", line: line, column: column)
      }
      guard seen.insert(name).inserted else {
        throw YAMLError(
          problem: "the key '\(name)' for the second time", line: line, column: column)
      }
      let value = try node(depth: depth + 1)
      if name == "<<", isPlain {
        switch value.content {
        case .mapping(let more): merged += more
        case .list(let nodes): for node in nodes { merged += node.pairs ?? [] }
        case .scalar:
          throw YAMLError(problem: "a merge of what is no mapping", line: line, column: column)
        }
      } else {
        pairs.append((name, value))
      }
    }
    for pair in merged where seen.insert(pair.key).inserted { pairs.append(pair) }
    return pairs
  }
}
