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

  /// Prints the Python stacks of the agents of this user that run here; returns 1 when there is
  /// none.
  ///
  /// - Parameter port: the REST port of the one that is meant; nil: all.
  public static func printStacks(port: UInt16?, environment: [String: String]) -> Int32 {
    var found = false
    for path in RunFolder.bases(environment).flatMap(RunFolder.runs(in:)) {
      let socket = par_connect_unix(path + RunFolder.controlName)
      guard socket >= 0 else { continue }
      let answer = readAll(socket)
      closeDescriptor(socket)
      if let port, !answer.starts(with: StacksSocket.header(port: port).utf8) { continue }
      found = true
      writeAll(1, answer)
    }
    let which = port.map { " with REST port \($0)" } ?? ""
    if !found {
      writeAll(2, Array("par-lifecycle: no agent of this user\(which) runs here\n".utf8))
    }
    return found ? 0 : 1
  }

  /// The connection is non-blocking, so the end of the answer is waited for here.
  private static func readAll(_ socket: Int32) -> [UInt8] {
    var answer: [UInt8] = []
    while waitReadable(socket, milliseconds: timeoutMilliseconds),
      case .bytes(let bytes) = readAvailable(socket)
    {
      answer += bytes
    }
    return answer
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
