/// The names of a line that are not known, told apart without an allocation: a hash table whose places are
/// free again with the next line.
struct OtherNames: Sendable {
  /// Names in one line, at most, that are told apart here.
  static let limit = 192

  private struct Name {
    /// Which object; 0: the place is free.
    var object: UInt64 = 0
    var hash: UInt64 = 0
    var start = 0
    var count = 0
  }

  private static let places = 256

  private var names = [Name](repeating: Name(), count: OtherNames.places)
  private var count = 0
  /// Objects so far, of all lines: each has a number of its own.
  private var objects: UInt64 = 0
  private var firstObject: UInt64 = 0
  /// Whether names have escapes, or there are too many of them.
  private(set) var areUnusual = false

  @inline(__always)
  mutating func beginLine(trustsNames: Bool) {
    firstObject = objects &+ 1
    count = trustsNames ? Self.limit : 0
    areUnusual = false
  }

  /// A number for an object.
  @inline(__always)
  mutating func beginObject() -> UInt64 {
    objects &+= 1
    return objects
  }

  /// Refuses a second name of the same bytes in one object.
  mutating func tellApart(
    _ bytes: Span<UInt8>, _ name: JSONScan.StringBody, _ words: NameWords, _ object: UInt64
  ) throws(JSONError) {
    guard count < Self.limit, !name.hasEscapes else {
      areUnusual = true
      return
    }
    count += 1
    let length = name.end - name.start
    let hash = words.hash ^ (object &* 0x9E37_79B9_7F4A_7C15) ^ UInt64(length)
    var place = Int(truncatingIfNeeded: hash >> 56)
    while names[place].object >= firstObject {
      if names[place].hash == hash, names[place].object == object, names[place].count == length,
        Self.isSame(bytes, names[place].start, name.start, length)
      {
        throw JSONError(problem: .duplicateName, offset: name.start - 1)
      }
      place = (place + 1) % Self.places
    }
    names[place] = Name(object: object, hash: hash, start: name.start, count: length)
  }

  private static func isSame(
    _ bytes: Span<UInt8>, _ first: Int, _ second: Int, _ count: Int
  ) -> Bool {
    for index in 0..<count where bytes[first + index] != bytes[second + index] { return false }
    return true
  }
}
