import Glibc
package import Lifecycle

/// What a service manager says to the process that it starts, in its environment: sd_notify(3),
/// sd_watchdog_enabled(3), sd_listen_fds(3). An empty value is the same as none.
package struct ServiceEnvironment: Equatable {
  /// A passed descriptor and the name that came with it.
  package struct Passed: Equatable {
    package let descriptor: Int32
    package let name: String
  }

  /// The first descriptor that is passed (SD_LISTEN_FDS_START).
  package static let firstDescriptor: Int32 = 3
  /// The most descriptors that are taken over.
  package static let descriptorLimit = 64
  /// What a passed descriptor without a name is called (sd_listen_fds_with_names(3)).
  package static let unnamed = "unknown"

  /// `NOTIFY_SOCKET`, as it is: whether anybody listens there shows when something is sent.
  package private(set) var notifyAddress: String?
  /// `WATCHDOG_USEC`, when it is meant for this process.
  package private(set) var watchdog: Interval?
  /// What is wrong with `WATCHDOG_USEC`.
  package private(set) var watchdogProblem: String?
  /// `LISTEN_FDS` with `LISTEN_FDNAMES`, when they are meant for this process.
  package private(set) var passed: [Passed] = []
  /// What is wrong with them; nothing is passed then.
  package private(set) var passedProblem: String?

  package init(_ environment: [String: String], processID: Int32 = getpid()) {
    func value(_ name: String) -> String? {
      environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
    notifyAddress = value("NOTIFY_SOCKET")
    let isWatched = value("WATCHDOG_PID").map { Int32($0) == processID } ?? true
    if isWatched, let text = value("WATCHDOG_USEC") { readWatchdog(text) }
    // A supervisor names no process: it does not know the number before the process is there.
    let isMeant = value("PAR_CONTROL_FD") != nil && value("LISTEN_PID") == nil
    let isNamed = value("LISTEN_PID").flatMap { Int32($0) } == processID
    if isMeant || isNamed, let text = value("LISTEN_FDS") {
      readPassed(text, names: environment["LISTEN_FDNAMES"])
    }
  }

  private mutating func readWatchdog(_ text: String) {
    guard let microseconds = Int64(text), microseconds > 0,
      case let (nanoseconds, false) = microseconds.multipliedReportingOverflow(by: 1000)
    else {
      watchdogProblem = "WATCHDOG_USEC=\(text) is no number of microseconds above 0"
      return
    }
    watchdog = Interval(nanoseconds: nanoseconds)
  }

  private mutating func readPassed(_ text: String, names: String?) {
    guard let count = Int(text), (0...Self.descriptorLimit).contains(count) else {
      passedProblem = "LISTEN_FDS=\(text) is no number from 0 to \(Self.descriptorLimit)"
      return
    }
    // An empty text is one empty name; without the variable none has a name.
    let found = names.map { $0.split(separator: ":", omittingEmptySubsequences: false) }
    if let found, found.count != count, count > 0 {
      passedProblem = "LISTEN_FDNAMES has \(found.count) names for LISTEN_FDS=\(count)"
      return
    }
    passed = (0..<count).map { index in
      let name = found.map { String($0[index]) } ?? Self.unnamed
      return Passed(
        descriptor: Self.firstDescriptor + Int32(index), name: name.isEmpty ? Self.unnamed : name)
    }
  }

  /// An environment for this program's own children: these words are for this process alone.
  package static func removed(from environment: [String: String]) -> [String: String] {
    environment.filter { name, _ in
      name != "NOTIFY_SOCKET" && !name.hasPrefix("WATCHDOG_") && !name.hasPrefix("LISTEN_")
    }
  }
}
