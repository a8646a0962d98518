import CPlatform
import Glibc
import LinuxSystem

/// Asks an agent that runs on this machine, for `par-lifecycle health`.
public enum LocalProbe {
  /// How long connecting and each read may take.
  public static let timeoutMilliseconds: Int32 = 2000
  /// The longest answer that is read.
  public static let answerLimit = 1 << 20

  /// Prints the body of `/health` and returns 0 on status 200, else 1.
  ///
  /// - Parameter address: what the agent is bound to; a wildcard is asked on the loopback.
  public static func printHealth(port: UInt16, address: String?) -> Int32 {
    let target = target(address)
    let socket = par_connect_tcp_blocking(target, port, timeoutMilliseconds)
    guard socket >= 0 else {
      let error = SystemError("connect to", "\(target) port \(port)")
      writeAll(2, Array("par-lifecycle: nothing answers: \(error)\n".utf8))
      return 1
    }
    defer { closeDescriptor(socket) }
    writeAll(
      socket, Array("GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8))
    let answer = String(decoding: readToEnd(socket), as: UTF8.self)
    // A line feed after a carriage return is one character with it.
    let parts = answer.split(separator: "\r\n\r\n", maxSplits: 1)
    guard let statusLine = answer.split(separator: "\r\n").first,
      statusLine.hasPrefix("HTTP/1."), parts.count == 2
    else {
      writeAll(2, Array("par-lifecycle: the answer of port \(port) is not HTTP\n".utf8))
      return 1
    }
    writeAll(1, Array("\(parts[1])\n".utf8))
    return statusLine.split(separator: " ").dropFirst().first == "200" ? 0 : 1
  }

  /// Prints the Python stacks of every agent of this user that runs here; 1 when there is none.
  public static func printStacks(environment: [String: String]) -> Int32 {
    var found = false
    for base in RunFolder.bases(environment) {
      for name in RunFolder.runs(in: base) {
        let socket = par_connect_unix("\(base)/\(name)/control.sock")
        guard socket >= 0 else { continue }
        found = true
        // The connection is non-blocking, so the end of the answer is waited for here.
        while waitReadable(socket, milliseconds: timeoutMilliseconds) {
          guard case .bytes(let bytes) = readAvailable(socket) else { break }
          writeAll(1, bytes)
        }
        closeDescriptor(socket)
      }
    }
    if !found { writeAll(2, Array("par-lifecycle: no agent of this user runs here\n".utf8)) }
    return found ? 0 : 1
  }

  private static func target(_ address: String?) -> String {
    switch address {
    case nil, "", "0.0.0.0": "127.0.0.1"
    case "::": "::1"
    case let address?: address
    }
  }

  private static func readToEnd(_ socket: Int32) -> [UInt8] {
    var content: [UInt8] = []
    while content.count < answerLimit, case .bytes(let bytes) = readAvailable(socket) {
      content += bytes
    }
    return content
  }
}
