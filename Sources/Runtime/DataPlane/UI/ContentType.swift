/// Media types of what web pages are made of, by extension.
enum ContentType {
  static func of(_ name: some StringProtocol) -> StaticString {
    switch fileExtension(name)?.lowercased() {
    case "html", "htm": "text/html; charset=utf-8"
    case "js", "mjs", "cjs": "text/javascript; charset=utf-8"
    case "css": "text/css; charset=utf-8"
    case "json", "map": "application/json"
    case "webmanifest": "application/manifest+json"
    case "wasm": "application/wasm"
    case "svg": "image/svg+xml"
    case "png": "image/png"
    case "jpg", "jpeg": "image/jpeg"
    case "gif": "image/gif"
    case "webp": "image/webp"
    case "avif": "image/avif"
    case "ico": "image/vnd.microsoft.icon"
    case "bmp": "image/bmp"
    case "woff2": "font/woff2"
    case "woff": "font/woff"
    case "ttf": "font/ttf"
    case "otf": "font/otf"
    case "txt": "text/plain; charset=utf-8"
    case "md": "text/markdown; charset=utf-8"
    case "csv": "text/csv; charset=utf-8"
    case "xml": "application/xml"
    case "pdf": "application/pdf"
    case "mp4": "video/mp4"
    case "webm": "video/webm"
    case "mp3": "audio/mpeg"
    case "wav": "audio/wav"
    case "ogg": "audio/ogg"
    case "zip": "application/zip"
    default: "application/octet-stream"
    }
  }

  /// What follows the last dot of the last segment; nil when there is none, or only a leading one.
  static func fileExtension(_ name: some StringProtocol) -> String? {
    let last = name.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
    guard let dot = last.lastIndex(of: "."), dot != last.startIndex else { return nil }
    let result = last[last.index(after: dot)...]
    return result.isEmpty ? nil : String(result)
  }

  /// A name that a bundler made from the content, as `main.3f2a9c1b.js` or `index-BX3k9a2d.js`:
  /// it never names anything else. Only what cannot be a word counts; all others are asked about
  /// with their ETag each time, which is slower but never wrong.
  static func isHashed(_ name: some StringProtocol) -> Bool {
    let last = name.split(separator: "/").last ?? ""
    guard let dot = last.lastIndex(of: ".") else { return false }
    let stem = last[..<dot]
    guard let separator = stem.lastIndex(where: { $0 == "." || $0 == "-" }) else { return false }
    let hash = Array(stem[stem.index(after: separator)...].utf8)
    guard hash.count >= 8 else { return false }
    let isHexadecimal = hash.allSatisfy { Byte.isDigit($0) || $0 &- 0x61 < 6 }
    let hasDigit = hash.contains { Byte.isDigit($0) }
    let hasLetter = hash.contains { !Byte.isDigit($0) }
    if isHexadecimal { return hasDigit && hasLetter }
    guard hash.count == 8, hash.allSatisfy({ ByteSet.unreserved.contains($0) }) else {
      return false
    }
    return zip(hash, hash.dropFirst()).contains { Byte.isDigit($0) && !Byte.isDigit($1) }
  }
}
