/// How far an OPTIONS request may go (RFC 9110 section 7.6.2); TRACE goes nowhere from here.
enum MaxForwards {
  /// - Returns: how many hops are left; nil when the field is another one, or says nothing that can
  ///   be counted with.
  static func left(_ field: Field, _ head: UnsafeRawBufferPointer) -> Int64? {
    guard field.name == .other, FieldName.matches(field.nameBytes(head), "max-forwards") else {
      return nil
    }
    let value = field.valueBytes(head)
    // 18 digits always fit.
    guard (1...18).contains(value.count), value.allSatisfy({ Byte.isDigit($0) }) else { return nil }
    return value.reduce(0) { $0 * 10 + Int64($1 &- 0x30) }
  }

  /// This program is where it ends.
  static func isSpent(_ lines: FieldLines, _ head: UnsafeRawBufferPointer) -> Bool {
    lines.fields.contains { left($0, head) == 0 }
  }
}
