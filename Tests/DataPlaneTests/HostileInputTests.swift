import CPlatform
import Glibc
import Lifecycle
import Testing

@testable import DataPlane

/// The same numbers in each run.
struct SeededNumbers: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}

@Suite("Hostile input")
struct HostileInputTests {
  static let seeds: [String] = [
    "GET /a/%2e%2e/b?c=d HTTP/1.1\r\nHost: a\r\nConnection: close, x\r\nX: y\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
    "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nT: u\r\n\r\n",
    handshake,
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 3\r\n\r\nabc",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    switching + "\u{1}\u{2}ab\u{8}\u{0}",
  ]

  private static func mutated(_ seed: String, _ numbers: inout SeededNumbers) -> [UInt8] {
    var bytes = Array(seed.utf8)
    let special: [UInt8] = [0, 9, 10, 13, 32, 37, 44, 47, 58, 59, 127, 128, 255, 46, 48]
    for _ in 0..<Int.random(in: 1...4, using: &numbers) where !bytes.isEmpty {
      let place = Int.random(in: 0..<bytes.count, using: &numbers)
      switch Int.random(in: 0..<5, using: &numbers) {
      case 0: bytes[place] = special.randomElement(using: &numbers) ?? 0
      case 1: bytes.insert(special.randomElement(using: &numbers) ?? 0, at: place)
      case 2: bytes.remove(at: place)
      case 3: bytes.removeSubrange(place...)
      default: bytes.insert(contentsOf: bytes[place...].prefix(20), at: place)
      }
    }
    return bytes
  }

  @Test(
    "Whatever comes, the parsers neither read beyond it nor accept what they then read otherwise",
    arguments: 0..<8)
  func parsers(seed: Int) throws {
    var numbers = SeededNumbers(state: UInt64(seed))
    let limits = HTTPLimits()
    for _ in 0..<2000 {
      let text = try #require(Self.seeds.randomElement(using: &numbers))
      let bytes = Self.mutated(text, &numbers)
      // A copy of exact size: reading beyond it traps in debug builds.
      bytes.withUnsafeBytes { bytes in
        var scanner = HeadScanner()
        guard case .complete(let length)? = try? scanner.scan(bytes, limits: limits) else { return }
        let head = UnsafeRawBufferPointer(rebasing: bytes[..<length])
        let response = ResponseHead(limits: limits)
        _ = try? response.parse(head, toHEAD: false)
        let request = RequestHead(limits: limits)
        guard (try? request.parse(head)) != nil else { return }
        // What is accepted has no byte that could end or split a line for another reader.
        for field in request.lines.fields {
          #expect(field.valueBytes(head).allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 9 })
          #expect(field.nameBytes(head).allSatisfy { ByteSet.token.contains($0) })
        }
        var normal: [UInt8] = []
        let target = UnsafeRawBufferPointer(rebasing: head[request.targetRange])
        if (try? NormalPath.write(target, into: &normal)) != nil {
          #expect(normal.first == Byte.slash)
          let segments = normal.split(separator: Byte.slash)
          #expect(!segments.contains { $0.elementsEqual([46]) || $0.elementsEqual([46, 46]) })
        }
        var body = BodyDecoder(request.framing)
        var rest = UnsafeRawBufferPointer(rebasing: bytes[length...])
        while !body.isDone, let step = try? body.decode(rest, most: 7, limits: limits),
          step.consumed > 0
        {
          rest = UnsafeRawBufferPointer(rebasing: rest[step.consumed...])
        }
      }
    }
  }

  @Test("The server outlives whatever clients and agent send")
  func server() throws {
    let server = try TestServer { options, _, _ in
      options.bodyIdleTimeout = .milliseconds(20)
      options.limits.headTime = .milliseconds(20)
      options.limits.lingerTime = .milliseconds(20)
      options.limits.halfClosedPatience = .milliseconds(20)
    }
    defer { server.stop() }
    server.agent { connection in
      var numbers = SeededNumbers(state: UInt64(connection.number))
      while connection.head() != nil {
        connection.write(
          HostileInputTests.mutated(HostileInputTests.seeds[4 + connection.number % 3], &numbers))
        if connection.number % 3 == 0 { return }
      }
    }
    var numbers = SeededNumbers(state: 1)
    for _ in 0..<300 {
      let client = server.client()
      let seed = HostileInputTests.seeds[Int.random(in: 0..<4, using: &numbers)]
      client.send(Self.mutated(seed, &numbers))
      client.finishSending()
      #expect(client.isClosed())
    }
    #expect(server.client().get("/livez")?.status == 200)
    #expect(eventually { server.plane.inFlight == 0 })
  }

  @Test("Without descriptors the listener rests, and goes on when there are some")
  func descriptors() async {
    await #expect(processExitsWith: .success) {
      let server = try TestServer { options, _, _ in options.loopCount = 1 }
      let first = server.client()
      guard first.get("/livez")?.status == 200 else { exit(2) }
      // Everything up to the limit is in use; the client's own descriptor is made before.
      let waiting = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      var limit = rlimit(rlim_cur: 64, rlim_max: 64)
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      var fillers: [Int32] = []
      while true {
        let filler = dup(0)
        guard filler >= 0 else { break }
        fillers.append(filler)
      }
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = server.port.bigEndian
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      let connected = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(waiting, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      guard connected == 0 else { exit(3) }
      let request = Array("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
      guard send(waiting, request, request.count, 0) == request.count else { exit(4) }
      // Those who are connected are served meanwhile.
      for _ in 0..<20 { guard first.get("/livez")?.status == 200 else { exit(5) } }
      for filler in fillers { close(filler) }
      var answer = [UInt8](repeating: 0, count: 15)
      guard recv(waiting, &answer, 15, Int32(MSG_WAITALL)) == 15,
        String(decoding: answer, as: UTF8.self) == "HTTP/1.1 200 OK"
      else { exit(6) }
      server.stop()
      exit(0)
    }
  }
}
