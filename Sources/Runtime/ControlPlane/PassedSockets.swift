import Glibc
import Lifecycle
package import LinuxSystem
package import RunConfiguration

/// Which of the sockets that the program was started with is for what.
package struct PassedSockets: Equatable {
  package private(set) var rest: PassedSocket?
  package private(set) var ui: PassedSocket?
  package private(set) var a2a: PassedSocket?
  /// For nothing, and why.
  package private(set) var unused: [Unused] = []

  package struct Unused: Equatable {
    package let socket: PassedSocket
    package let reason: String
  }

  package static let none = PassedSockets()

  private init() {}

  /// By name (`rest`, `ui`, `a2a`), else by the port that the configuration has for it, else the
  /// first one is the REST port's.
  package init(_ sockets: [PassedSocket], _ configuration: Configuration) {
    let ownUI = !configuration.multiplexed
    var left = sockets
    func take(_ isWanted: (PassedSocket) -> Bool) -> PassedSocket? {
      left.firstIndex(where: isWanted).map { left.remove(at: $0) }
    }
    rest = take { $0.name == "rest" }
    ui = ownUI ? take { $0.name == "ui" } : nil
    a2a = take { $0.name == "a2a" }
    for index in left.indices.reversed() where ["rest", "ui", "a2a"].contains(left[index].name) {
      let socket = left.remove(at: index)
      let isShared = socket.name == "ui" && !ownUI
      unused.insert(
        Unused(
          socket: socket,
          reason: isShared
            ? "with MULTIPLEXED=true the UI is on the REST port"
            : "another socket is called \(socket.name) too"), at: 0)
    }
    func take(port: UInt16) -> PassedSocket? {
      port == 0 ? nil : take { $0.port == port }
    }
    if rest == nil { rest = take(port: configuration.restPort) }
    if ui == nil, ownUI { ui = take(port: configuration.uiPort) }
    if a2a == nil { a2a = take(port: configuration.a2aPort) }
    if rest == nil { rest = take { _ in true } }
    unused += left.map {
      Unused(
        socket: $0,
        reason: "neither its name nor its port is that of rest\(ownUI ? ", ui" : "") or a2a"
      )
    }
  }

  /// Looks at what was passed. To be called before the program opens anything of its own, so that a
  /// wrong number of descriptors cannot name one of those.
  package static func inherited(
    _ environment: ServiceEnvironment
  ) -> Result<[PassedSocket], Listeners.Failure> {
    if let problem = environment.passedProblem { return .failure(failure(problem)) }
    var sockets: [PassedSocket] = []
    for passed in environment.passed {
      do throws(SystemError) {
        sockets.append(
          try PassedSocket(inherited: passed.descriptor, name: passed.name))
      } catch {
        let what = "descriptor \(passed.descriptor) (\(passed.name)) of LISTEN_FDS"
        return .failure(failure("\(what) \(Self.reason(error))"))
      }
    }
    return .success(sockets)
  }

  private static func reason(_ error: SystemError) -> String {
    switch error.number {
    case EBADF: "is not open"
    case ENOTSOCK: "is no socket"
    case EPROTOTYPE: "is no stream socket"
    case EINVAL: "does not listen"
    case EAFNOSUPPORT: "is neither an IP nor a Unix socket"
    default: "cannot be used: \(error.reason)"
    }
  }

  private static func failure(_ error: String) -> Listeners.Failure {
    Listeners.Failure(
      explanation: Explanation(
        error: error,
        hint: "pass listening stream sockets (ListenStream=, Accept=no) or none; "
          + "docs/errors.md#listen-fds"))
  }
}
