/// The one form of a path that is routed and forwarded (RFC 3986 section 6.2.2).
///
/// Escapes are decoded once: of unreserved characters for good, all others stay escaped in upper
/// case, an encoded slash among them. Characters that must be escaped are. Dot segments, escaped
/// ones too, are resolved and cannot climb above the root.
enum NormalPath {
  /// Writes the normal form of `path`, which starts with a slash, into `normal`.
  static func write(
    _ path: UnsafeRawBufferPointer, into normal: inout [UInt8]
  ) throws(HTTPProblem) {
    normal.removeAll(keepingCapacity: true)
    guard path.first == Byte.slash else { throw .bad("The request's target is not a path") }
    if isNormal(path) {
      normal.append(contentsOf: path)
      return
    }
    var index = 0
    while index < path.count {
      let byte = path[index]
      if byte == Byte.slash {
        if !resolvesDots(&normal) { normal.append(byte) }
        index &+= 1
      } else if byte == Byte.percent {
        guard index + 2 < path.count, let high = Byte.hexadecimal(path[index &+ 1]),
          let low = Byte.hexadecimal(path[index &+ 2])
        else { throw .bad("The path has a percent sign without two hexadecimal digits") }
        let decoded = high << 4 | low
        guard decoded != 0 else { throw .bad("The path has a NUL character") }
        append(decoded, literal: ByteSet.unreserved.contains(decoded), &normal)
        index &+= 3
      } else {
        append(byte, literal: ByteSet.pathLiteral.contains(byte), &normal)
        index &+= 1
      }
    }
    _ = resolvesDots(&normal)
  }

  /// Most paths are: no escape, nothing to escape, no segment that begins with a dot.
  private static func isNormal(_ path: UnsafeRawBufferPointer) -> Bool {
    var previous: UInt8 = 0
    for byte in path {
      guard ByteSet.pathLiteral.contains(byte), byte != Byte.dot || previous != Byte.slash else {
        return false
      }
      previous = byte
    }
    return true
  }

  @inline(__always)
  private static func append(_ byte: UInt8, literal: Bool, _ normal: inout [UInt8]) {
    if literal {
      normal.append(byte)
    } else {
      normal.append(Byte.percent)
      normal.append(Byte.upperDigit(byte >> 4))
      normal.append(Byte.upperDigit(byte & 15))
    }
  }

  /// Resolves the last segment when it is `.` or `..`; what is left then ends with a slash.
  @inline(__always)
  private static func resolvesDots(_ normal: inout [UInt8]) -> Bool {
    let count = normal.count
    guard count >= 2, normal[count - 1] == Byte.dot else { return false }
    if normal[count - 2] == Byte.slash {
      normal.removeLast()
      return true
    }
    guard count >= 3, normal[count - 2] == Byte.dot, normal[count - 3] == Byte.slash else {
      return false
    }
    normal.removeLast(2)
    guard normal.count > 1 else { return true }
    normal.removeLast()
    while normal.last != Byte.slash { normal.removeLast() }
    return true
  }
}
