internal import Lifecycle

/// Some whole lines of one input, as they were read and what they say: what threads hand each other.
///
/// Unchecked, because the compiler cannot see that one thread at a time has it: whoever fills, scans or
/// judges it took it out of the queue (`ScanQueue`), under whose lock it changes hands.
final class Chunk: @unchecked Sendable {
  /// Bytes that are read before lines are handed on.
  static let readBytes = 128 << 10
  /// The longest line that is looked at, in bytes, without its line feed: one of ours has 16 KiB, which
  /// another's wrapping may escape twice.
  static let lineLimit = 256 << 10
  /// A part line before what is read.
  static let capacity = readBytes + lineLimit

  /// What is there to be said of a line of ours.
  enum Kind: Sendable {
    /// The next one of `lines`.
    case line
    /// The next one of `counted`.
    case counted
    /// It cannot be read: the next one of `corrupt`.
    case corrupt
    /// It is the input's last, and has no end.
    case cutOff
  }

  struct Mark: Sendable {
    /// From 1, in this chunk.
    let number: Int32
    /// The run that it is of: its place in `keys`.
    let run: Int32
    /// Of what the line says, without what is around it.
    let hash: UInt64
    let kind: Kind
  }

  /// A line that looks like ours and cannot be read. The run's id, where it can be told.
  struct Corrupt: Sendable {
    let runID: String?
    let why: String
  }

  let storage = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
  /// Bytes of whole lines.
  var count = 0
  /// Which of the inputs it is from.
  var input = 0
  var isFirst = false
  /// Nothing follows in this input: its last line may have no line feed.
  var isLast = false
  /// Lines before the first that were too long to be looked at.
  var skippedLines = 0
  /// Why the input could not be read further than this.
  var fault: InputFault?

  // What scanning found.
  /// In the order of the input; what they tell of stands in the three lists that follow.
  var marks: [Mark] = []
  var lines: [LogLine] = []
  /// Lines of the access log and of output, when nobody wants to see them.
  var counted: [CountedLine] = []
  /// Whose lines these are; an owner may be there more than once. And the keys of their runs.
  var owners: [LineOwner] = []
  var keys: [RunKey] = []
  var corrupt: [Corrupt] = []
  /// Lines, the blank ones and those skipped included.
  var lineCount = 0
  var foreign = 0
  var tooLong = 0

  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: storage[..<count]) }

  deinit { storage.deallocate() }
}
