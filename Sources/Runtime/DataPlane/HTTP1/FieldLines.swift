import Glibc

/// The field lines of a head, or of a trailer section, parsed in place.
///
/// One per loop, refilled for each head, so that parsing allocates nothing; a class over raw memory,
/// so that going through the fields counts no references.
final class FieldLines {
  private var storage: UnsafeMutablePointer<Field>
  private var capacity: Int
  private var count = 0
  /// A bit for each name that is there.
  private var names: UInt64 = 0
  /// A `Connection` field names other fields that go no further.
  private(set) var connectionNamesOthers = false

  init(limits: HTTPLimits) {
    capacity = limits.fields + 1
    storage = .allocate(capacity: capacity)
  }

  deinit { storage.deallocate() }

  /// In the order in which they came.
  struct Fields: RandomAccessCollection {
    fileprivate let lines: FieldLines

    var startIndex: Int { 0 }
    @inline(__always) var endIndex: Int { lines.count }
    @inline(__always) subscript(index: Int) -> Field {
      precondition(index >= 0 && index < lines.count)
      return lines.storage[index]
    }
  }

  var fields: Fields { Fields(lines: self) }

  @inline(__always)
  func has(_ name: FieldName) -> Bool { names & Self.bit(name) != 0 }

  @inline(__always)
  private static func bit(_ name: FieldName) -> UInt64 { 1 << UInt64(name.rawValue & 63) }

  /// Parses lines that each end in CRLF, up to the empty one.
  /// - Parameters:
  ///   - head: begins at the head's first byte and ends with the empty line.
  ///   - start: where the first field line begins.
  func parse(_ head: UnsafeRawBufferPointer, from start: Int) throws(HTTPProblem) {
    count = 0
    names = 0
    connectionNamesOthers = false
    var position = start
    let end = head.count - 2
    while position < end {
      if head[position] == Byte.space || head[position] == Byte.tab {
        throw .bad("A header field is folded over several lines")
      }
      let nameStart = position
      while ByteSet.token.contains(head[position]) { position &+= 1 }
      guard position > nameStart, head[position] == Byte.colon else {
        throw .bad("A header field's name is empty, has a blank or another forbidden character")
      }
      let nameEnd = position
      position &+= 1
      while head[position] == Byte.space || head[position] == Byte.tab { position &+= 1 }
      let valueStart = position
      // Visible ASCII, obs-text and inner blanks (RFC 9110 section 5.5).
      position = Byte.endOfText(head, from: position)
      guard head[position] == Byte.carriageReturn, head[position &+ 1] == Byte.lineFeed else {
        throw .bad("A header field's value has a control character")
      }
      var valueEnd = position
      while valueEnd > valueStart,
        head[valueEnd &- 1] == Byte.space || head[valueEnd &- 1] == Byte.tab
      {
        valueEnd &-= 1
      }
      position &+= 2
      let name = FieldName.of(UnsafeRawBufferPointer(rebasing: head[nameStart..<nameEnd]))
      append(
        Field(
          name: name, nameStart: Int32(truncatingIfNeeded: nameStart),
          nameEnd: Int32(truncatingIfNeeded: nameEnd),
          valueStart: Int32(truncatingIfNeeded: valueStart),
          valueEnd: Int32(truncatingIfNeeded: valueEnd)))
    }
  }

  @inline(__always)
  private func append(_ field: Field) {
    if count == capacity { grow() }
    storage[count] = field
    count &+= 1
    names |= Self.bit(field.name)
  }

  /// Heads that the program itself wrote anew may have more than the limit.
  private func grow() {
    let larger = UnsafeMutablePointer<Field>.allocate(capacity: capacity * 2)
    larger.moveInitialize(from: storage, count: count)
    storage.deallocate()
    storage = larger
    capacity *= 2
  }

  /// The framing that Content-Length and Transfer-Encoding give together; nil when neither is
  /// there. Anything that another reader could take differently is refused.
  func framing(_ head: UnsafeRawBufferPointer) throws(HTTPProblem) -> BodyFraming? {
    guard has(.contentLength) || has(.transferEncoding) else { return nil }
    var length: Int64?
    var chunked = false
    for field in fields {
      switch field.name {
      case .contentLength:
        guard length == nil else { throw .bad("Content-Length is there twice") }
        let value = field.valueBytes(head)
        // 18 digits always fit.
        guard (1...18).contains(value.count), value.allSatisfy({ Byte.isDigit($0) }) else {
          throw .bad("Content-Length is not a number")
        }
        length = value.reduce(0) { $0 * 10 + Int64($1 &- 0x30) }
      case .transferEncoding:
        guard !chunked, FieldName.matches(field.valueBytes(head), "chunked") else {
          throw .bad("Transfer-Encoding is something else than chunked")
        }
        chunked = true
      case .other, .host, .connection, .expect, .te, .upgrade, .keepAlive, .proxyConnection,
        .proxyAuthorization, .proxyAuthenticate, .trailer, .http2Settings, .forwarded,
        .forwardedFor, .forwardedProto, .forwardedHost, .forwardedPrefix, .forwardedOther,
        .requestID, .traceparent, .tracestate, .acceptEncoding, .ifNoneMatch, .ifModifiedSince,
        .ifRange, .range, .contentType, .date, .serverTiming, .lookalike:
        break
      }
    }
    if chunked {
      guard length == nil else {
        throw .bad("Content-Length and Transfer-Encoding are there together")
      }
      return .chunked
    }
    return length.map { .length($0) }
  }

  /// What the `Connection` fields say. Names other than those that are acted on are remembered.
  func connectionOptions(
    _ head: UnsafeRawBufferPointer
  ) -> (close: Bool, keepAlive: Bool, upgrade: Bool) {
    var (close, keepAlive, upgrade) = (false, false, false)
    guard has(.connection) else { return (close, keepAlive, upgrade) }
    for field in fields where field.name == .connection {
      let value = field.valueBytes(head)
      ListElements.forEach(value) { element in
        if FieldName.matches(element, "close") {
          close = true
        } else if FieldName.matches(element, "keep-alive") {
          keepAlive = true
        } else if FieldName.matches(element, "upgrade") {
          // The field of that name goes no further in any case.
          upgrade = true
        } else {
          connectionNamesOthers = true
        }
      }
    }
    return (close, keepAlive, upgrade)
  }

  /// Whether a `Connection` field names this field. What frames and routes a message cannot be
  /// taken away like this.
  func isNamedByConnection(_ field: Field, _ head: UnsafeRawBufferPointer) -> Bool {
    guard connectionNamesOthers else { return false }
    switch field.name {
    case .host, .contentLength, .transferEncoding, .forwarded, .forwardedFor, .forwardedProto,
      .forwardedHost, .forwardedPrefix, .forwardedOther, .requestID, .traceparent:
      return false
    case .other, .connection, .expect, .te, .upgrade, .keepAlive, .proxyConnection,
      .proxyAuthorization, .proxyAuthenticate, .trailer, .http2Settings, .tracestate,
      .acceptEncoding, .ifNoneMatch, .ifModifiedSince, .ifRange, .range, .contentType, .date,
      .serverTiming, .lookalike:
      break
    }
    let name = field.nameBytes(head)
    var found = false
    for connection in fields where connection.name == .connection {
      ListElements.forEach(connection.valueBytes(head)) { element in
        if element.count == name.count,
          zip(element, name).allSatisfy({ Byte.lowercase($0) == Byte.lowercase($1) })
        {
          found = true
        }
      }
    }
    return found
  }

  /// The one value of a field; nil when it is absent or there several times.
  func single(_ name: FieldName, _ head: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    guard has(name) else { return nil }
    var found: UnsafeRawBufferPointer?
    for field in fields where field.name == name {
      guard found == nil else { return nil }
      found = field.valueBytes(head)
    }
    return found
  }

  /// Whether a field's list has this element.
  /// - Parameter element: lower case letters, digits and hyphens.
  func lists(
    _ name: FieldName, _ element: StaticString, _ head: UnsafeRawBufferPointer
  ) -> Bool {
    var found = false
    for field in fields where field.name == name {
      ListElements.forEach(field.valueBytes(head)) {
        if FieldName.matches($0, element) { found = true }
      }
    }
    return found
  }

  /// The first value of a field.
  func first(_ name: FieldName, _ head: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    guard has(name) else { return nil }
    return fields.first { $0.name == name }?.valueBytes(head)
  }
}

/// The elements of a comma-separated value (RFC 9110 section 5.6.1), blanks trimmed, empty ones
/// left out.
enum ListElements {
  @inline(__always)
  static func forEach(
    _ value: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void
  ) {
    var start = 0
    while start < value.count {
      var end = start
      while end < value.count, value[end] != Byte.comma { end &+= 1 }
      let next = end &+ 1
      while start < end, value[start] == Byte.space || value[start] == Byte.tab { start &+= 1 }
      while end > start, value[end &- 1] == Byte.space || value[end &- 1] == Byte.tab {
        end &-= 1
      }
      if end > start { body(UnsafeRawBufferPointer(rebasing: value[start..<end])) }
      start = next
    }
  }
}
