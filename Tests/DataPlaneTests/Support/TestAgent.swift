import CPlatform
import Glibc
import LinuxSystem
import Synchronization

@testable import DataPlane

/// An agent's HTTP server with a script: each connection gets a thread that runs it.
final class TestAgent: Sendable {
  /// One connection as the script sees it.
  final class Connection {
    let descriptor: Int32
    /// From 0, in the order of accepting.
    let number: Int
    private var buffered: [UInt8] = []

    init(_ descriptor: Int32, number: Int) {
      self.descriptor = descriptor
      self.number = number
    }

    private func fill() -> Bool {
      var space = [UInt8](repeating: 0, count: 65536)
      let count = recv(descriptor, &space, space.count, 0)
      guard count > 0 else { return false }
      buffered += space[..<count]
      return true
    }

    /// The lines of the next head, without its empty line; nil when the connection ended.
    func head() -> [String]? {
      while true {
        if let end = buffered.indices.first(where: {
          buffered[$0...].starts(with: [13, 10, 13, 10])
        }) {
          let text = String(decoding: buffered[..<end], as: UTF8.self)
          buffered.removeSubrange(..<(end + 4))
          return text.split(separator: "\r\n").map { String($0) }
        }
        guard fill() else { return nil }
      }
    }

    func take(_ count: Int) -> [UInt8]? {
      while buffered.count < count { guard fill() else { return nil } }
      defer { buffered.removeSubrange(..<count) }
      return Array(buffered[..<count])
    }

    /// Bytes that came and were not taken.
    var bufferedBytes: Int { buffered.count }

    /// Reads once.
    /// - Returns: false when nothing came within `milliseconds`, or the connection ended.
    func more(within milliseconds: Int32 = 10_000) -> Bool {
      var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      return poll(&poller, 1, milliseconds) > 0 && fill()
    }

    /// The content of a chunked body; nil when it is not whole.
    func chunks() -> [UInt8]? {
      var body: [UInt8] = []
      while let line = line(), let size = Int(line, radix: 16) {
        guard let chunk = take(size), take(2) == [13, 10] else { return nil }
        if size == 0 { return body }
        body += chunk
      }
      return nil
    }

    private func line() -> String? {
      while true {
        if let end = buffered.firstIndex(of: 10) {
          let text = String(decoding: buffered[..<end], as: UTF8.self)
          buffered.removeSubrange(...end)
          return String(text.dropLast())
        }
        guard fill() else { return nil }
      }
    }

    /// Everything of a chunked body, framing included.
    func chunkedBody() -> String? {
      while true {
        let text = String(decoding: buffered, as: UTF8.self)
        if text.hasPrefix("0\r\n") || text.contains("\r\n0\r\n"), text.hasSuffix("\r\n\r\n") {
          buffered = []
          return text
        }
        guard fill() else { return nil }
      }
    }

    @discardableResult
    func write(_ text: String) -> Bool { write(Array(text.utf8)) }

    @discardableResult
    func write(_ bytes: [UInt8]) -> Bool {
      var sent = 0
      while sent < bytes.count {
        let count = bytes[sent...].withUnsafeBytes {
          send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        guard count > 0 else { return false }
        sent += count
      }
      return true
    }

    /// Whether the other side ends the connection.
    func isClosed() -> Bool {
      while fill() {}
      return true
    }
  }

  /// Empty: it is on a port.
  let path: String
  /// Of 127.0.0.1; 0: it is on a Unix socket.
  let port: UInt16
  private let listener: Int32
  private let threads = Locked<[TestThread]>([])
  private let open = Locked<[Int32]>([])
  private let stopping = Atomic<Bool>(false)
  let accepted = Counter()

  /// - Parameter path: nil: on a free port of 127.0.0.1.
  init(_ path: String?, script: @escaping @Sendable (Connection) -> Void) {
    self.path = path ?? ""
    var bound: UInt16 = 0
    listener = path.map { par_listen_unix($0, 64) } ?? par_listen_tcp("127.0.0.1", 0, 64, &bound)
    port = bound
    precondition(listener >= 0, "no test without its agent")
    let thread = TestThread { [self] in accept(script) }
    threads.withLock { $0.append(thread) }
  }

  /// Answers every request with the same response.
  convenience init(_ path: String?, always response: String) {
    self.init(path) { connection in
      while connection.head() != nil { connection.write(response) }
    }
  }

  var address: WorkerAddress { path.isEmpty ? .loopback(port: port) : .unix(path) }

  private func accept(_ script: @escaping @Sendable (Connection) -> Void) {
    while !stopping.load(ordering: .relaxed) {
      var poller = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
      guard poll(&poller, 1, 20) > 0 else { continue }
      let descriptor = Glibc.accept(listener, nil, nil)
      guard descriptor >= 0 else { continue }
      // A child that another test starts must not keep the connection open.
      par_set_cloexec(descriptor, true)
      var limit = timeval(tv_sec: 10, tv_usec: 0)
      setsockopt(
        descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
      let number = accepted.value
      accepted.increment()
      open.withLock { $0.append(descriptor) }
      let thread = TestThread { [self] in
        script(Connection(descriptor, number: number))
        open.withLock { open in
          open.removeAll { $0 == descriptor }
          close(descriptor)
        }
      }
      threads.withLock { $0.append(thread) }
    }
  }

  /// Ends all connections and joins the threads.
  func stop() {
    guard !stopping.exchange(true, ordering: .relaxed) else { return }
    // The accepting thread first, so that no connection is added behind our back.
    threads.withLock { $0.first }?.join()
    close(listener)
    if !path.isEmpty { unlink(path) }
    open.withLock { open in for descriptor in open { shutdown(descriptor, Int32(SHUT_RDWR)) } }
    for thread in threads.withLock({ $0 }) { thread.join() }
  }
}
