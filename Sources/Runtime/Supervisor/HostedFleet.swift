import CPlatform
import ControlPlane
import DataPlane
import Glibc
import Lifecycle
import LinuxSystem
import RunConfiguration

/// `par-lifecycle supervise`: hosts many agents, each in a worker process, until it is stopped.
public enum HostedFleet {
  /// Runs on the calling thread, which must be the main one and the only one. Returns the exit
  /// code: 0 stopped as asked, 1 otherwise.
  ///
  /// - Parameter version: the program's own.
  public static func run(environment: [String: String], version: String) -> Int32 {
    do {
      return try host(environment, version)
    } catch {
      writeAll(2, Array("par-lifecycle: \(error)\n".utf8))
      return 1
    }
  }

  private static func host(_ environment: [String: String], _ version: String) throws -> Int32 {
    // Before anything else is opened: a wrong number of sockets must not name one of ours.
    let service = ServiceEnvironment(environment)
    let inherited = PassedSockets.inherited(service)
    let environment = ServiceEnvironment.removed(from: environment)
    let signals = try SignalSource()
    _ = par_set_subreaper()
    ProcessTree.spareChildren()
    _ = par_raise_nofile()
    let runID = randomHexadecimal(bytes: 16)
    let loop = try ControlLoop()
    let notifier = try SupervisorNotifier(address: service.notifyAddress, loop: loop)
    let configuration: SupervisorConfiguration
    switch SupervisorConfiguration.read(environment) {
    case .success(let read): configuration = read
    case .failure(let problems):
      return try refuse(problems, environment, notifier, runID: runID, version: version)
    }
    let common = configuration.common
    let opened = Result { () throws(Listeners.Failure) in
      try Listeners(
        common, passed: PassedSockets(try inherited.get(), common), restName: "SUPERVISOR_PORT")
    }
    let log = try LogWriter(
      descriptor: 1, runID: runID, format: common.logFormat, minimumLevel: common.logLevel)
    let redactor = Redactor(environment: environment)
    log.keepOut(redactor)
    notifier.redact = redactor.redact
    notifier.warn = { log.write(.warning(code: "notify_socket", message: $0)) }
    let header = started(version, Self.effective(configuration, try? opened.get()))
    let policy = SupervisionPolicy(configuration)
    let run: SupervisorRun
    var hasHeader = false
    do {
      let listeners = try opened.get()
      run = try SupervisorRun(
        configuration: configuration, environment: environment, version: version, runID: runID,
        log: log, loop: loop, listeners: listeners, notifier: notifier)
      // Before the gate can log a request.
      log.write(header)
      hasHeader = true
      try run.serve(watchdog: service.watchdog)
      warn(configuration, service, listeners, log)
      for warning in run.places.warnings {
        log.write(.warning(code: warning.code, message: warning.message))
      }
    } catch {
      let explanation =
        (error as? Listeners.Failure)?.explanation
        ?? Explanation(cannotStart: "the program", error, hint: "docs/errors.md#limits")
      return giveUp(log, notifier, header: hasHeader ? nil : header, policy: policy) {
        notifier.failed(explanation.error)
        log.write(.bootFailed(phase: .fetching, explanation))
        return .failure
      }
    }
    run.compose(environment)
    return run.run(signals: signals)
  }

  /// What of the configuration and of the service manager's words cannot be followed.
  private static func warn(
    _ configuration: SupervisorConfiguration, _ service: ServiceEnvironment,
    _ listeners: Listeners, _ log: LogWriter
  ) {
    for warning in configuration.warnings {
      log.write(.warning(code: warning.code, message: warning.message))
    }
    if let problem = service.watchdogProblem {
      log.write(.warning(code: "watchdog", message: "\(problem); the watchdog is not fed"))
    }
    for unused in listeners.unused {
      let socket = unused.socket
      log.write(
        .warning(
          code: "listen_fds",
          message: "the socket \(socket.name) (\(socket.place)) that was passed is closed: "
            + unused.reason))
    }
    if configuration.config == nil, configuration.token == nil {
      log.write(
        .warning(
          code: "no_agents",
          message: "neither SUPERVISOR_CONFIG nor SUPERVISOR_TOKEN is set: "
            + "there is no way to name an agent"))
    }
  }

  /// With the ports that were really opened.
  private static func effective(
    _ configuration: SupervisorConfiguration, _ listeners: Listeners?
  ) -> JSONValue {
    guard let listeners, case .object(let members) = configuration.redacted else {
      return configuration.redacted
    }
    return .object(
      members.map { member in
        switch member.name {
        case "SUPERVISOR_PORT": JSONMember(member.name, .integer(Int64(listeners.rest.port)))
        case "A2A_PORT": JSONMember(member.name, .integer(Int64(listeners.a2a.port)))
        default: member
        }
      })
  }

  private static func started(_ version: String, _ config: JSONValue) -> LogEvent {
    .supervisor(
      .started(
        version: version, schema: LogLine.schema, machine: SupervisionTable.hash,
        pid: Int(getpid()), config: config))
  }

  /// A configuration with mistakes: each is told, and nothing is begun.
  private static func refuse(
    _ problems: ConfigurationProblems, _ environment: [String: String],
    _ notifier: SupervisorNotifier, runID: String, version: String
  ) throws -> Int32 {
    let log = try LogWriter(
      descriptor: 1, runID: runID, format: problems.logFormat, minimumLevel: .info)
    let redactor = Redactor(environment: environment)
    log.keepOut(redactor)
    notifier.redact = redactor.redact
    return giveUp(
      log, notifier, header: started(version, .object([])), policy: SupervisionPolicy()
    ) {
      notifier.failed(log.write(problems))
      return .configuration
    }
  }

  /// The log of a supervisor that ends before it began.
  ///
  /// - Parameter header: nil when it is written already.
  private static func giveUp(
    _ log: LogWriter, _ notifier: SupervisorNotifier, header: LogEvent?, policy: SupervisionPolicy,
    explain: () -> Failure
  ) -> Int32 {
    if let header { log.write(header) }
    let failure = explain()
    var supervision = Supervision(policy: policy)
    let now = Clock.now()
    let step = supervision.handle(.failed(failure), at: now)
    log.write(
      .supervisor(
        .draining(
          cause: failure.rawValue, inFlight: 0,
          deadlineMilliseconds: policy.drainDeadline.milliseconds)), at: now)
    notifier.told(supervision, inFlight: 0)
    var code: Int32 = 1
    for case .exit(let wanted) in step.effects { code = wanted }
    log.write(
      .supervisor(
        .stopped(
          StoppedFacts(
            exitCode: code, outcome: .failed, completed: 0, aborted: 0, drainMilliseconds: 0))),
      at: now)
    log.close(within: SupervisorRun.logFlush)
    return code
  }
}
