/// How a file is packed, told by its first bytes.
enum Compression: CaseIterable {
  case gzip, zstd, xz, bzip2

  /// The longest of the marks below.
  static let markLength = 6

  private var mark: [UInt8] {
    switch self {
    case .gzip: [0x1F, 0x8B]  // RFC 1952, 2.3.1
    case .zstd: [0x28, 0xB5, 0x2F, 0xFD]  // RFC 8878, 3.1.1
    case .xz: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]  // The .xz file format, 2.1.1.1
    case .bzip2: [0x42, 0x5A, 0x68]  // bzip2's "BZh"
    }
  }

  /// What unpacks it to standard output; nil when this program does.
  var unpacker: String? {
    switch self {
    case .gzip: nil
    case .zstd: "zstdcat"
    case .xz: "xzcat"
    case .bzip2: "bzcat"
    }
  }

  /// Whether bytes that are not all there yet may become its mark.
  func couldBegin(_ beginning: [UInt8]) -> Bool {
    beginning.count < mark.count && mark.starts(with: beginning)
  }

  init?(_ beginning: some Collection<UInt8>) {
    guard let found = Self.allCases.first(where: { beginning.starts(with: $0.mark) }) else {
      return nil
    }
    self = found
  }
}
