/// The rules for a member's name, and the register of all names of an archive.
struct MemberPaths {
  static let maximumPartBytes = 255
  static let maximumDepth = 64
  /// Leaves room for the cache folder below Linux's PATH_MAX of 4096.
  static let maximumPathBytes = 3072

  private enum Entry {
    case file
    /// A folder, either written as a member or implied by a deeper name.
    case folder(explicit: Bool)
  }

  private var entries: [[UInt8]: Entry] = [:]
  /// From the folded name to the exact one that took it. Swift compares text by canonical
  /// equivalence, so two Unicode normal forms of a name are one key.
  private var folded: [String: [UInt8]] = [:]

  /// Checks a raw name and returns the path without its trailing slash.
  static func check(_ raw: [UInt8]) throws(ArchiveRefusal) -> (path: String, isFolder: Bool) {
    func refuse(_ problem: String) -> ArchiveRefusal {
      ArchiveRefusal(problem, member: PrintableText.name(raw))
    }
    guard !raw.isEmpty else { throw ArchiveRefusal("has a member without a name") }
    guard let name = String(validating: raw, as: UTF8.self) else {
      throw refuse("has a name that is not valid UTF-8")
    }
    for scalar in name.unicodeScalars {
      if scalar.value == 0 { throw refuse("has a NUL in its name") }
      if scalar == "\\" { throw refuse("has a backslash in its name") }
      if scalar.properties.generalCategory == .control {
        throw refuse("has a control character in its name")
      }
    }
    guard raw[0] != UInt8(ascii: "/") else { throw refuse("has an absolute path") }
    if raw.count >= 2, raw[1] == UInt8(ascii: ":"),
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(raw[0] | 0x20)
    {
      throw refuse("has a drive letter in its path")
    }
    guard raw.count <= maximumPathBytes else {
      throw refuse("has a path of more than \(maximumPathBytes) bytes")
    }
    let isFolder = raw.last == UInt8(ascii: "/")
    let bare = isFolder ? raw.dropLast() : raw[...]
    let parts = bare.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard parts.count <= maximumDepth else {
      throw refuse("is more than \(maximumDepth) folders deep")
    }
    for part in parts {
      if part.isEmpty { throw refuse("has an empty part in its path") }
      if part.elementsEqual(".".utf8) { throw refuse("has the part '.' in its path") }
      if part.elementsEqual("..".utf8) { throw refuse("has the part '..' in its path") }
      guard part.count <= maximumPartBytes else {
        throw refuse("has a part of more than \(maximumPartBytes) bytes in its path")
      }
    }
    return (String(decoding: bare, as: UTF8.self), isFolder)
  }

  /// Takes a checked path into the register.
  mutating func insert(_ path: String, isFolder: Bool) throws(ArchiveRefusal) {
    let bytes = Array(path.utf8)
    for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "/") {
      try add(Array(bytes[..<index]), .folder(explicit: false), member: path)
    }
    try add(bytes, isFolder ? .folder(explicit: true) : .file, member: path)
  }

  private mutating func add(
    _ bytes: [UInt8], _ entry: Entry, member: String
  ) throws(ArchiveRefusal) {
    switch (entries[bytes], entry) {
    case (nil, _):
      let key = Self.fold(bytes)
      if let taken = folded[key] {
        throw ArchiveRefusal(
          "has the same name as '\(PrintableText.name(taken))' when case or Unicode form is"
            + " ignored", member: member)
      }
      folded[key] = bytes
      entries[bytes] = entry
    case (.folder(explicit: true), .folder(explicit: true)), (.file, .file):
      throw ArchiveRefusal("is there twice", member: member)
    case (.folder, .folder(explicit: true)): entries[bytes] = entry
    case (.folder, .folder(explicit: false)): break
    case (.file, .folder), (.folder, .file):
      throw ArchiveRefusal(
        "needs '\(PrintableText.name(bytes))' to be both a file and a folder", member: member)
    }
  }

  /// Upper case first, so that `ß` and `ss` meet, then lower case.
  private static func fold(_ bytes: [UInt8]) -> String {
    if bytes.allSatisfy({ $0 < 0x80 }) {
      return String(
        decoding: bytes.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    }
    return String(decoding: bytes, as: UTF8.self).uppercased().lowercased()
  }
}
