import CPlatform
import Glibc
import Lifecycle
import Synchronization

/// Files of the UI surface.
extension ClientConnection {
  private enum Coding: CaseIterable {
    case brotli, gzip

    var name: StaticString {
      switch self {
      case .brotli: "br"
      case .gzip: "gzip"
      }
    }
    var suffix: String {
      switch self {
      case .brotli: ".br"
      case .gzip: ".gz"
      }
    }
    var tag: String {
      switch self {
      case .brotli: "-br"
      case .gzip: "-gz"
      }
    }
  }

  /// - Parameter offset: where the file's name begins in the normal path.
  func serveFile(_ head: UnsafeRawBufferPointer, folder: String, from offset: Int) {
    guard var name = Self.fileName(path[offset...]) else {
      return answerError(404, "No such file")
    }
    if name.isEmpty { name = "index.html" }
    let hasExtension = ContentType.fileExtension(name) != nil
    var file = name.hasSuffix("/") ? nil : loop.files.open(name, in: folder)
    if file == nil, name.hasSuffix("/") {
      name += "index.html"
      file = loop.files.open(name, in: folder)
    }
    if file == nil, !hasExtension {
      // The page's own router knows the path.
      name = "index.html"
      file = loop.files.open(name, in: folder)
    }
    guard let identity = file else { return answerError(404, "No such file") }
    let lines = loop.requestHead.lines
    let range = lines.single(.range, head)
    var chosen = identity
    var coding: Coding?
    if range == nil {
      for candidate in Coding.allCases where Self.accepts(candidate.name, lines, head) {
        guard let packed = loop.files.open(name + candidate.suffix, in: folder) else { continue }
        close(identity.descriptor)
        chosen = packed
        coding = candidate
        break
      }
    }
    send(chosen, name: name, coding: coding, range: range, lines, head)
  }

  private func send(
    _ file: UIFolder.File, name: String, coding: Coding?, range: UnsafeRawBufferPointer?,
    _ lines: FieldLines, _ head: UnsafeRawBufferPointer
  ) {
    let stamp = file.modifiedSeconds * 1_000_000_000 + file.modifiedNanoseconds
    let tag = Array(
      "\"\(String(file.size, radix: 16))-\(String(stamp, radix: 16))\(coding?.tag ?? "")\"".utf8)
    let modified = DateField.format(max(0, file.modifiedSeconds))
    var fields: [(StaticString, [UInt8])] = [
      ("ETag", tag), ("Last-Modified", modified), ("Vary", Array("Accept-Encoding".utf8)),
      (
        "Cache-Control",
        Array(
          (ContentType.isHashed(name) ? "public, max-age=31536000, immutable" : "no-cache").utf8)
      ),
      ("Accept-Ranges", Array("bytes".utf8)),
      ("X-Content-Type-Options", Array("nosniff".utf8)),
    ]
    let contentType = ContentType.of(name)
    if isUnchanged(tag, modified, lines, head) {
      close(file.descriptor)
      writeFileHead(304, contentType, 0, fields)
      phase = .answering
      return
    }
    var part = ByteRange(range, size: file.size)
    if range != nil, lines.first(.ifRange, head) != nil,
      !(lines.single(.ifRange, head)?.elementsEqual(tag) ?? false)
    {
      part = .whole
    }
    if let coding { fields.append(("Content-Encoding", Array(coding.name.description.utf8))) }
    switch part {
    case .unsatisfiable:
      close(file.descriptor)
      answerError(
        416, "The file has \(file.size) bytes",
        extra: ("Content-Range", Array("bytes */\(file.size)".utf8)))
    case .whole:
      writeFileHead(200, contentType, file.size, fields)
      sendBody(of: file, 0..<file.size)
    case .part(let bytes):
      fields.append(
        (
          "Content-Range",
          Array("bytes \(bytes.lowerBound)-\(bytes.upperBound - 1)/\(file.size)".utf8)
        ))
      writeFileHead(206, contentType, Int64(bytes.count), fields)
      sendBody(of: file, bytes)
    }
  }

  private func writeFileHead(
    _ status: Int, _ contentType: StaticString, _ length: Int64,
    _ fields: [(StaticString, [UInt8])]
  ) {
    if !bodyHasArrived { exchange.closesAfter = true }
    writeHead(status, contentType: contentType, length: length)
    let out = outputBuffer()
    for (name, value) in fields {
      out.append("\r\n")
      out.append(name)
      out.append(": ")
      out.append(value)
    }
    out.append("\r\n\r\n")
  }

  /// A file that fits the buffer goes out with its head in one write, a larger one by sendfile(2).
  private func sendBody(of file: UIFolder.File, _ bytes: Range<Int64>) {
    let out = outputBuffer()
    guard exchange.method != .head, !bytes.isEmpty else {
      close(file.descriptor)
      phase = .answering
      return
    }
    if bytes.count <= out.room {
      let count = pread(
        file.descriptor, out.writable.baseAddress, bytes.count, Int(bytes.lowerBound))
      if count == bytes.count {
        out.commit(count)
        close(file.descriptor)
        phase = .answering
        return
      }
    }
    fileBody = FileBody(
      descriptor: file.descriptor, offset: bytes.lowerBound, remaining: Int64(bytes.count))
    phase = .file
  }

  /// - Returns: whether to go on.
  func advanceFile() -> Bool {
    switch flush() {
    case .failed:
      gone()
      return false
    case .waiting: return fileWaits()
    case .empty: break
    }
    guard var part = fileBody else {
      shut()
      return false
    }
    defer { if fileBody != nil { fileBody = part } }
    guard canWrite else { return fileWaits() }
    let sent = send(&part, most: Int(min(part.remaining, Self.filePiece)))
    if sent < 0 {
      if errno == EINTR { return true }
      guard errno == EAGAIN else {
        gone()
        return false
      }
      canWrite = false
      return fileWaits()
    }
    // The file became shorter than its head says: the client must not take it for whole.
    guard sent > 0 else {
      gone()
      return false
    }
    part.remaining -= Int64(sent)
    guard part.remaining == 0 else { return true }
    closeFile()
    phase = .answering
    return true
  }

  /// Of one sendfile call, so that a fast client does not hold the loop.
  private static let filePiece: Int64 = 256 * 1024

  private func fileWaits() -> Bool {
    setDeadline(lastMoved + loop.shared.options.bodyIdleTimeout.nanoseconds)
    return false
  }

  func closeFile() {
    guard let part = fileBody else { return }
    fileBody = nil
    close(part.descriptor)
  }

  // MARK: What the request asks for

  /// The name below the folder, escapes decoded; nil when it cannot be one.
  static func fileName(_ normal: ArraySlice<UInt8>) -> String? {
    var bytes: [UInt8] = []
    var index = normal.startIndex
    while index < normal.endIndex {
      let byte = normal[index]
      if byte == Byte.percent, index + 2 < normal.endIndex,
        let high = Byte.hexadecimal(normal[index + 1]),
        let low = Byte.hexadecimal(normal[index + 2])
      {
        let decoded = high << 4 | low
        // An encoded slash is part of a name, and no file has such a name.
        guard decoded != Byte.slash, decoded != 0 else { return nil }
        bytes.append(decoded)
        index += 3
      } else {
        bytes.append(byte)
        index += 1
      }
    }
    // "ui//x" would be an absolute name.
    guard bytes.first != Byte.slash else { return nil }
    return String(validating: bytes, as: UTF8.self)
  }

  private func isUnchanged(
    _ tag: [UInt8], _ modified: [UInt8], _ lines: FieldLines, _ head: UnsafeRawBufferPointer
  ) -> Bool {
    var (asked, matches) = (false, false)
    for field in lines.fields where field.name == .ifNoneMatch {
      asked = true
      ListElements.forEach(field.valueBytes(head)) { element in
        var element = element
        if element.count > 2, element[0] == UInt8(ascii: "W"), element[1] == Byte.slash {
          element = UnsafeRawBufferPointer(rebasing: element[2...])
        }
        if element.elementsEqual(tag) || element.elementsEqual([UInt8(ascii: "*")]) {
          matches = true
        }
      }
    }
    if asked { return matches }
    // Sent back as it was given, which is what browsers do.
    return lines.single(.ifModifiedSince, head)?.elementsEqual(modified) ?? false
  }

  private static func accepts(
    _ coding: StaticString, _ lines: FieldLines, _ head: UnsafeRawBufferPointer
  ) -> Bool {
    var accepted = false
    for field in lines.fields where field.name == .acceptEncoding {
      ListElements.forEach(field.valueBytes(head)) { element in
        var end = element.firstIndex(of: Byte.semicolon) ?? element.count
        let parameters = element[end...]
        while end > 0, element[end - 1] == Byte.space { end -= 1 }
        guard FieldName.matches(UnsafeRawBufferPointer(rebasing: element[..<end]), coding) else {
          return
        }
        // `q=0`, `q=0.0` …: not acceptable.
        let weight = parameters.drop { $0 != UInt8(ascii: "=") }.dropFirst()
        accepted =
          parameters.isEmpty || weight.contains { $0 != Byte.zero && $0 != Byte.dot }
      }
    }
    return accepted
  }
}
