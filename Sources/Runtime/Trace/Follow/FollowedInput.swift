internal import Glibc
internal import LinuxSystem

/// One input to which more is written while it is read: a file, whichever has its name, or a pipe.
final class FollowedInput {
  /// A file as the system knows it, whatever its name.
  private struct Identity: Equatable {
    let device: dev_t
    let node: ino_t

    init(_ status: stat) { (device, node) = (status.st_dev, status.st_ino) }
  }

  let name: String
  /// Nothing more will come.
  private(set) var isEnded = false
  /// Lines before the chunk that was handed out last.
  private(set) var linesBefore = 0

  private let input: Input
  private var filler = ChunkFiller(follows: true)
  private var identity: Identity?
  private var isAwaited = false

  init(_ name: String) {
    self.name = name
    input = Input(name)
  }

  /// What can be waited for; negative: a file, which is always readable.
  var waitable: Int32 { input.waitable }
  /// Whether another file may get the name.
  var isFile: Bool { name != "-" && waitable < 0 }

  /// Opens it, as far as it is there. A sentence when it is not.
  func open() -> String? {
    guard identity == nil, !isEnded else { return nil }
    if name != "-", Self.status(of: name) == nil {
      defer { isAwaited = true }
      return isAwaited ? nil : "\(name) is not there yet"
    }
    do throws(InputFault) {
      try input.open()
      guard !input.isPacked else {
        input.close()
        throw InputFault(name, "is packed: nothing is written to it any more; leave out --follow")
      }
    } catch {
      isEnded = true
      return error.sentence
    }
    identity = input.status.map(Identity.init)
    return nil
  }

  /// Reads all that is there and hands it on, from the file that has got the name too.
  /// - Parameter take: gets whole lines; `linesBefore` is of them.
  func read(into chunk: Chunk, _ take: (Chunk) -> Void) -> String? {
    while !isEnded {
      if let trouble = open() { return trouble }
      guard identity != nil else { return nil }
      if let trouble = readToEnd(chunk, take) { return trouble }
      if waitable >= 0 || name == "-" {
        if chunk.isLast { end(chunk, take) }
        return nil
      }
      guard let status = Self.status(of: name) else { return nil }
      if Identity(status) == identity, status.st_size >= input.position { return nil }
      // Renamed away or cut to its beginning: what was written before that is still taken.
      if Identity(status) != identity, let trouble = readToEnd(chunk, take) { return trouble }
      begin(chunk, take)
    }
    return nil
  }

  /// Hands on what stands behind the last line feed.
  func end(_ chunk: Chunk, _ take: (Chunk) -> Void) {
    guard identity != nil else { return }
    begin(chunk, take)
    isEnded = true
  }

  /// A pipe is read as far as it has something; a file to its end.
  private func readToEnd(_ chunk: Chunk, _ take: (Chunk) -> Void) -> String? {
    do throws(InputFault) {
      repeat {
        try filler.fill(chunk, from: input)
        hand(chunk, take)
      } while waitable < 0 && !chunk.isLast
    } catch {
      // Most often it was cut while it was read: it is looked at anew the next time.
      hand(chunk, take)
      begin(chunk, take)
      return error.sentence
    }
    return nil
  }

  /// The file is done with; one that has its name is opened next.
  private func begin(_ chunk: Chunk, _ take: (Chunk) -> Void) {
    filler.finish(chunk)
    hand(chunk, take)
    input.close()
    filler = ChunkFiller(follows: true)
    (identity, linesBefore) = (nil, 0)
  }

  private func hand(_ chunk: Chunk, _ take: (Chunk) -> Void) {
    take(chunk)
    linesBefore += chunk.lineCount
  }

  private static func status(of name: String) -> stat? {
    var status = stat()
    return stat(name, &status) == 0 ? status : nil
  }
}
