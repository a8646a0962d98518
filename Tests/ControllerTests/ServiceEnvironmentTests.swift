import ControlPlane
import Lifecycle
import LinuxSystem
import Testing

@testable import Controller

@Suite("The service manager's words in the environment")
struct ServiceEnvironmentTests {
  private func read(_ environment: [String: String]) -> ServiceEnvironment {
    ServiceEnvironment(environment, processID: 42)
  }

  @Test(
    "NOTIFY_SOCKET is taken as it is; an empty one is none",
    arguments: [
      ([:], nil), (["NOTIFY_SOCKET": ""], nil), (["NOTIFY_SOCKET": "/run/n"], "/run/n"),
      (["NOTIFY_SOCKET": "@abstract"], "@abstract"),
    ] as [([String: String], String?)])
  func notifySocket(environment: [String: String], address: String?) {
    #expect(read(environment).notifyAddress == address)
  }

  static let watchdogs: [(usec: String, pid: String?, interval: Interval?, isWrong: Bool)] = [
    ("20000000", nil, .seconds(20), false), ("20000000", "42", .seconds(20), false),
    ("20000000", "", .seconds(20), false),
    // Another process is meant.
    ("20000000", "43", nil, false), ("x", "43", nil, false), ("20000000", "me", nil, false),
    ("1", nil, Interval(nanoseconds: 1000), false), ("", nil, nil, false), ("0", nil, nil, true),
    ("-1", nil, nil, true), ("1.5", nil, nil, true), ("10s", nil, nil, true),
    // Too many nanoseconds, and systemd's infinity.
    ("9223372036854775807", nil, nil, true), ("18446744073709551615", nil, nil, true),
  ]

  @Test("WATCHDOG_USEC counts for the process that it is meant for", arguments: watchdogs.indices)
  func watchdog(index: Int) {
    let row = Self.watchdogs[index]
    var environment = ["WATCHDOG_USEC": row.usec]
    environment["WATCHDOG_PID"] = row.pid
    let service = read(environment)
    #expect(service.watchdog == row.interval)
    #expect((service.watchdogProblem != nil) == row.isWrong)
  }

  static let sockets: [(fds: String, pid: String?, names: String?, found: [String]?)] = [
    ("2", "42", "rest:ui", ["3 rest", "4 ui"]), ("1", "42", nil, ["3 unknown"]),
    ("2", "42", nil, ["3 unknown", "4 unknown"]), ("1", "42", "", ["3 unknown"]),
    ("2", "42", "rest:", ["3 rest", "4 unknown"]), ("0", "42", nil, []), ("0", "42", "", []),
    ("", "42", nil, []),
    // Another process is meant, or none is named.
    ("1", "43", nil, []), ("1", nil, nil, []), ("1", "", nil, []), ("x", "43", nil, []),
    ("x", "42", nil, nil), ("-1", "42", nil, nil), ("1 ", "42", nil, nil),
    ("2", "42", "rest", nil), ("1", "42", "rest:ui", nil),
    ("\(ServiceEnvironment.descriptorLimit + 1)", "42", nil, nil),
  ]

  @Test("LISTEN_FDS counts for the process that it is meant for", arguments: sockets.indices)
  func passed(index: Int) {
    let row = Self.sockets[index]
    var environment = ["LISTEN_FDS": row.fds]
    environment["LISTEN_PID"] = row.pid
    environment["LISTEN_FDNAMES"] = row.names
    let service = read(environment)
    #expect(service.passed.map { "\($0.descriptor) \($0.name)" } == row.found ?? [])
    #expect((service.passedProblem != nil) == (row.found == nil))
  }

  @Test("takes no more sockets than its limit, and that many")
  func limit() {
    let most = ServiceEnvironment.descriptorLimit
    let service = read(["LISTEN_FDS": "\(most)", "LISTEN_PID": "42"])
    #expect(service.passed.count == most)
    #expect(service.passed.last?.descriptor == Int32(2 + most))
  }

  @Test("none of them is for children")
  func removed() {
    let kept = ["PATH": "/bin", "RUNTIME_DIRECTORY": "/run/x", "LISTENER": "x", "WATCH": "y"]
    let words = [
      "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID",
      "LISTEN_FDNAMES", "LISTEN_PIDFDID",
    ]
    let environment = kept.merging(words.map { ($0, "1") }) { $1 }
    #expect(ServiceEnvironment.removed(from: environment) == kept)
  }
}

@Suite("Sockets that are passed to the program")
struct PassedSocketsTests {
  private static func socket(_ text: String, _ descriptor: Int32) -> PassedSocket {
    let parts = text.split(separator: "=").map(String.init)
    return PassedSocket(
      descriptor: descriptor, name: parts[0],
      address: UInt16(parts[1]).map { .network("0.0.0.0", port: $0) } ?? .unix(parts[1]))
  }

  /// With REST_PORT 8080, UI_PORT 3000, A2A_PORT 50051.
  static let rows:
    [(passed: [String], multiplexed: Bool, rest: Int?, ui: Int?, a2a: Int?, unused: [Int])] = [
      ([], true, nil, nil, nil, []),
      // By name, whatever the order and the ports.
      (["ui=8080", "rest=3000", "a2a=1"], false, 1, 0, 2, []),
      (["rest=/run/rest", "ui=@ui"], false, 0, 1, nil, []),
      // By port.
      (["x=3000", "x=50051", "x=8080"], false, 2, 0, 1, []),
      (["x=50051", "x=8080"], true, 1, nil, 0, []),
      // The first one otherwise.
      (["x=9000"], true, 0, nil, nil, []), (["x=/run/x", "y=9000"], true, 0, nil, nil, [1]),
      (["x=9000", "y=8080"], true, 1, nil, nil, [0]),
      (["x=3000", "y=9000"], false, 1, 0, nil, []),
      // A name is not used for another place, nor twice.
      (["ui=9000"], false, nil, 0, nil, []), (["ui=9000"], true, nil, nil, nil, [0]),
      (["ui=9000", "x=9001"], true, 1, nil, nil, [0]), (["a2a=9000"], true, nil, nil, 0, []),
      (["rest=9000", "rest=8080"], true, 0, nil, nil, [1]),
      (["rest=9000", "x=8080"], true, 0, nil, nil, [1]),
    ]

  @Test("are for what their name says, else their port, else for REST", arguments: rows.indices)
  func places(index: Int) throws {
    let row = Self.rows[index]
    let sockets = row.passed.enumerated().map { Self.socket($1, Int32($0)) }
    let places = PassedSockets(
      sockets, try configuration(["MULTIPLEXED": "\(row.multiplexed)"]))
    #expect(places.rest.map { Int($0.descriptor) } == row.rest)
    #expect(places.ui.map { Int($0.descriptor) } == row.ui)
    #expect(places.a2a.map { Int($0.descriptor) } == row.a2a)
    #expect(places.unused.map { Int($0.socket.descriptor) } == row.unused)
    #expect(places.unused.allSatisfy { !$0.reason.isEmpty })
  }

  @Test("any free port is no port to find a socket by")
  func zero() throws {
    let sockets = [Self.socket("x=/run/x", 3), Self.socket("rest=9000", 4)]
    let places = PassedSockets(
      sockets, try configuration(["REST_PORT": "0", "A2A_PORT": "0", "UI_PORT": "0"]))
    #expect(places.rest?.descriptor == 4)
    #expect(places.a2a == nil)
    #expect(places.unused.map(\.socket.descriptor) == [3])
  }
}
