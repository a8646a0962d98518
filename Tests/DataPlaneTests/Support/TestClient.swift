import CPlatform
import Glibc

/// A client with a blocking socket; every wait ends after ten seconds.
final class TestClient {
  struct Response: CustomStringConvertible {
    var status = 0
    var fields: [(name: String, value: String)] = []
    var body: [UInt8] = []
    /// Chunked, and the last chunk came; or the declared length came.
    var isComplete = false
    var trailers: [String] = []

    subscript(name: String) -> String? {
      fields.first { $0.name.lowercased() == name.lowercased() }?.value
    }
    func all(_ name: String) -> [String] {
      fields.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }
    var text: String { String(decoding: body, as: UTF8.self) }
    var description: String { "\(status) \(fields) \(text.prefix(500))" }
  }

  let descriptor: Int32
  private var buffered: [UInt8] = []
  /// Bytes that came with what was read before.
  var bufferedBytes: Int { buffered.count }
  private(set) var hasEnded = false

  init(_ port: UInt16) {
    descriptor = par_connect_tcp_blocking("127.0.0.1", port, 10_000)
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  func send(_ text: String) { send(Array(text.utf8)) }

  @discardableResult
  func send(_ bytes: [UInt8]) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return false }
      sent += count
    }
    return true
  }

  /// No more is sent; the answer can still be read.
  func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

  private func fill() -> Bool {
    var space = [UInt8](repeating: 0, count: 65536)
    let count = recv(descriptor, &space, space.count, 0)
    guard count > 0 else {
      hasEnded = count == 0 || errno == ECONNRESET
      return false
    }
    buffered += space[..<count]
    return true
  }

  private func line() -> String? {
    while true {
      if let feed = buffered.firstIndex(of: 0x0A) {
        let text = String(decoding: buffered[..<feed], as: UTF8.self)
        buffered.removeSubrange(...feed)
        return text.hasSuffix("\r") ? String(text.dropLast()) : text
      }
      guard fill() else { return nil }
    }
  }

  func take(_ count: Int) -> [UInt8]? {
    while buffered.count < count { guard fill() else { return nil } }
    defer { buffered.removeSubrange(..<count) }
    return Array(buffered[..<count])
  }

  /// Reads up to `count` bytes of whatever comes, for slow readers.
  func readSome(_ count: Int) -> Int {
    var space = [UInt8](repeating: 0, count: count)
    return recv(descriptor, &space, count, 0)
  }

  /// The head of the next response, interim ones too.
  func head() -> Response? {
    guard let status = line(), status.hasPrefix("HTTP/1.1 ") else { return nil }
    var response = Response()
    response.status = Int(status.dropFirst(9).prefix(3)) ?? 0
    while let field = line(), !field.isEmpty {
      let parts = field.split(separator: ":", maxSplits: 1)
      let value = parts.count == 2 ? String(parts[1].drop { $0 == " " }) : ""
      response.fields.append((String(parts[0]), value))
    }
    return response
  }

  /// The next final response with its body.
  func response(toHEAD: Bool = false) -> Response? {
    guard var response = head() else { return nil }
    if (100..<200).contains(response.status) { return self.response(toHEAD: toHEAD) }
    if toHEAD || response.status == 204 || response.status == 304 {
      response.isComplete = true
      return response
    }
    if response["Transfer-Encoding"] == "chunked" {
      while let chunk = chunk() {
        if chunk.isEmpty {
          while let trailer = line() {
            if trailer.isEmpty {
              response.isComplete = true
              break
            }
            response.trailers.append(trailer)
          }
          return response
        }
        response.body += chunk
      }
      return response
    }
    if let length = response["Content-Length"].flatMap({ Int($0) }) {
      while buffered.count < length, fill() {}
      response.isComplete = buffered.count >= length
      let count = min(length, buffered.count)
      response.body = Array(buffered[..<count])
      buffered.removeSubrange(..<count)
      return response
    }
    while fill() {}
    response.body = buffered
    response.isComplete = hasEnded
    buffered = []
    return response
  }

  /// The next chunk; empty for the last; nil when the connection ended in the middle.
  func chunk() -> [UInt8]? {
    guard let size = line(), let count = Int(size, radix: 16) else { return nil }
    if count == 0 { return [] }
    guard let data = take(count), let end = line(), end.isEmpty else { return nil }
    return data
  }

  /// Whether the server closes the connection; anything that comes before is thrown away.
  func isClosed() -> Bool {
    while fill() {}
    return hasEnded
  }

  func get(_ path: String, _ fields: String = "") -> Response? {
    send("GET \(path) HTTP/1.1\r\nHost: example.org\r\n\(fields)\r\n")
    return response()
  }
}
