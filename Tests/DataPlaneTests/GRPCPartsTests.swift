import Testing

@testable import DataPlane

/// The parts of gRPC that need no socket.
@Suite struct GRPCPartsTests {
  private func bytes(_ hexadecimal: String) -> [UInt8] {
    let digits = Array(hexadecimal.utf8)
    return stride(from: 0, to: digits.count, by: 2).map {
      (Byte.hexadecimal(digits[$0]) ?? 0) << 4 | (Byte.hexadecimal(digits[$0 + 1]) ?? 0)
    }
  }

  // The bytes of the next three tests were made by the protobuf package 6.33 of Python, from messages
  // with the fields of the contract and from grpcio-health-checking's.

  @Test(
    "A HealthStatus is encoded as protobuf does",
    arguments: [
      (true, "ready", 1_790_000_000_123, "08011205726561647918fbd8c1a28c34"),
      (false, "installing", 1, "120a696e7374616c6c696e671801"),
      (false, "", 0, ""),
      (false, "é", -1, "1202c3a918ffffffffffffffffff01"),
      (
        true, String(repeating: "x", count: 200), 1 << 62,
        "080112c801" + String(repeating: "78", count: 200) + "18808080808080808040"
      ),
    ] as [(Bool, String, Int64, String)])
  func healthStatus(_ ok: Bool, _ message: String, _ timestamp: Int64, _ golden: String) {
    let body = bytes(golden)
    #expect(
      HealthMessages.healthStatus(ok: ok, message: message, timestamp: timestamp)
        == grpcMessage(body))
  }

  @Test("A HealthCheckResponse is encoded as protobuf does")
  func checkResponse() {
    #expect(HealthMessages.checkResponse(.serving) == grpcMessage(bytes("0801")))
    #expect(HealthMessages.checkResponse(.notServing) == grpcMessage(bytes("0802")))
    #expect(HealthMessages.checkResponse(.serviceUnknown) == grpcMessage(bytes("0803")))
  }

  @Test(
    "A HealthCheckRequest is decoded as protobuf does",
    arguments: [
      ("", ""),
      ("0a19706978656c6c2e6167656e742e4167656e7453657276696365", "pixell.agent.AgentService"),
      ("0a05c3bc6ec3af", "ünï"),
      ("0a8201" + String(repeating: "78", count: 130), String(repeating: "x", count: 130)),
      // Unknown fields of every wire type, and the last of two values.
      ("10ff01" + "190102030405060708" + "2501020304" + "3a0161" + "0a0161" + "0a0162", "b"),
    ])
  func checkRequest(_ message: String, _ service: String) {
    #expect(HealthMessages.service(bytes(message)[...]) == service)
  }

  @Test(
    "A malformed HealthCheckRequest is refused",
    arguments: ["0a", "0a05", "0a02c328", "0b", "00", "0affffffffffffffffff7f", "19010203", "80"])
  func malformed(_ message: String) {
    #expect(HealthMessages.service(bytes(message)[...]) == nil)
  }

  @Test(
    "grpc-timeout is one to eight digits and a unit",
    arguments: [
      ("1n", 1), ("12u", 12_000), ("5m", 5_000_000), ("5S", 5_000_000_000),
      ("2M", 120_000_000_000), ("1H", 3_600_000_000_000), ("0S", 0),
      ("99999999H", Int64.max / 2), ("99999999S", 99_999_999_000_000_000),
      ("", nil), ("S", nil), ("5", nil), ("5s", nil), ("123456789n", nil), ("-5S", nil),
      ("+5S", nil), ("5 S", nil), (" 5S", nil), ("5SS", nil), ("0x5S", nil), ("5h", nil),
    ] as [(String, Int64?)])
  func timeout(_ text: String, _ nanoseconds: Int64?) {
    #expect(Array(text.utf8).withUnsafeBytes { GRPCTimeout.nanoseconds($0) } == nanoseconds)
  }

  @Test("grpc-message is percent-encoded")
  func message() {
    #expect(GRPCMessage.encode("100% ü\n~") == Array("100%25 %C3%BC%0A~".utf8))
  }

  @Test(
    "Content types of gRPC, and those that only begin like it",
    arguments: [
      ("application/grpc", true), ("application/grpc+proto", true),
      ("application/grpc;x=y", true), ("Application/GRPC", true), ("application/grpc-web", false),
      ("application/grpc2", false), ("application/json", false), ("", false),
    ])
  func contentType(_ text: String, _ isGRPC: Bool) {
    #expect(Array(text.utf8).withUnsafeBytes { GRPCContentType.matches($0) } == isGRPC)
  }

  @Test(
    "A status that is no number of gRPC is UNKNOWN",
    arguments: [
      ("0", GRPCStatus.ok), ("16", .unauthenticated), ("17", .unknown), ("", .unknown),
      ("-1", .unknown), ("007", .unknown), ("x", .unknown),
    ])
  func status(_ text: String, _ status: GRPCStatus) {
    #expect(Array(text.utf8).withUnsafeBytes { GRPCStatus($0) } == status)
  }

  @Test(
    "Paths are routed with and without the agent's prefix, on whole segments",
    arguments: [
      ("/pixell.agent.AgentService/Health", 0, GRPCRoute.agentHealth),
      ("/agents/x/a2a/pixell.agent.AgentService/Health", 13, .agentHealth),
      ("/grpc.health.v1.Health/Check", 0, .check), ("/grpc.health.v1.Health/Watch", 0, .watch),
      ("/grpc.health.v1.Health/List", 0, .unknownHealth),
      ("/grpc.health.v1.Healthy/Check", 0, .agent),
      ("/pixell.agent.AgentService/Ping", 0, .agent), ("/agents/x/a2a", 0, .agent),
      ("/agents/x/a2ab/t/M", 0, .agent), ("/agents/y/a2a/t/M", 0, .agent), ("", 0, .agent),
    ])
  func route(_ path: String, _ prefix: Int, _ route: GRPCRoute) {
    let router = GRPCRouter(DataPlaneOptions(agentAppID: "x", basePath: ""))
    Array(path.utf8).withUnsafeBytes { bytes in
      let count = router.prefixCount(bytes)
      #expect(count == prefix)
      #expect(router.route(UnsafeRawBufferPointer(rebasing: bytes[count...])) == route)
    }
  }

  @Test("A bucket gives what it holds, then so many a second, and no more than it can hold")
  func bucket() {
    var bucket = TokenBucket(capacity: 3, perSecond: 2, now: 0)
    func taken(_ times: [Int64]) -> [Bool] { times.map { bucket.take(at: $0) } }
    #expect(taken([0, 0, 0, 499_999_999]) == [true, true, true, false])
    #expect(taken([500_000_000, 500_000_000]) == [true, false])
    bucket.add(10)
    #expect(taken([Int64](repeating: 500_000_000, count: 4)) == [true, true, true, false])
    #expect(taken([Int64](repeating: 100_000_000_000, count: 4)) == [true, true, true, false])
  }

  @Test("Frames are found however their bytes arrive", arguments: [1, 2, 3, 7, 9, 1000])
  func frames(_ piece: Int) {
    var bytes = Frames.preface + Frames.settings([0, 3, 0, 0, 0, 9]) + Frames.ping()
    bytes += Frames.frame(0, 0, 1, [UInt8](repeating: 9, count: 70_000)) + Frames.frame(0xBE)
    var walk = FrameWalk()
    var types: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: piece) {
      bytes[start..<min(start + piece, bytes.count)].withUnsafeBytes {
        walk.walk($0) { types.append($0) }
      }
    }
    #expect(types == [4, 6, 0, 0xBE])
  }
}
