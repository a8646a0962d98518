import ControlPlane
import DataPlane
import Glibc
import Lifecycle
import LinuxSystem
import RunConfiguration

import CPlatform

/// `par-lifecycle run`: hosts one agent until it is stopped.
public enum HostedAgent {
  /// Runs on the calling thread, which must be the main one and the only one. Returns the exit
  /// code: 0 stopped as asked, 1 otherwise.
  ///
  /// - Parameters:
  ///   - packageArgument: PACKAGE; wins over the environment.
  ///   - version: the program's own.
  public static func run(
    environment: [String: String], packageArgument: String?, version: String
  ) -> Int32 {
    do {
      return try host(environment, packageArgument, version)
    } catch {
      writeAll(2, Array("par-lifecycle: \(error)\n".utf8))
      return 1
    }
  }

  private static func host(
    _ environment: [String: String], _ packageArgument: String?, _ version: String
  ) throws -> Int32 {
    // Before anything else is opened: a wrong number of sockets must not name one of ours.
    let isSupervised = !(environment[Lifeline.variable] ?? "").isEmpty
    let service = ServiceEnvironment(environment)
    let inherited = PassedSockets.inherited(service)
    let supervisor = Lifeline.inherited(environment)
    let link = isSupervised ? SupervisorLink.inherited(environment) : nil
    // Nobody else is to take these words for its own.
    let environment = Lifeline.removed(from: ServiceEnvironment.removed(from: environment))
    let signals = try SignalSource()
    _ = par_set_subreaper()
    _ = par_raise_nofile()
    let runID = randomHexadecimal(bytes: 16)
    let loop = try ControlLoop()
    let notifier = try ServiceNotifier(address: service.notifyAddress, loop: loop)
    let configuration: Configuration
    switch Configuration.read(environment, packageArgument: packageArgument) {
    case .success(let read): configuration = read
    case .failure(let problems):
      return try refuse(problems, environment, notifier, runID: runID, version: version)
    }
    let opened = Result { () throws(Listeners.Failure) in
      _ = try supervisor.get()
      return try Listeners(
        configuration, passed: PassedSockets(try inherited.get(), configuration),
        isSupervised: isSupervised)
    }
    let log = try LogWriter(
      descriptor: 1, runID: runID, format: configuration.logFormat,
      minimumLevel: configuration.logLevel)
    let redactor = Redactor(environment: environment)
    log.keepOut(redactor)
    notifier.redact = redactor.redact
    notifier.warn = { log.write(.warning(code: "notify_socket", message: $0)) }
    log.identify(
      agentAppID: configuration.agentAppID, deploymentID: configuration.deploymentID)
    let header = runStarted(version, configuration.redacted)
    let listeners: Listeners
    switch opened {
    case .success(let open): listeners = open
    case .failure(let failure):
      return giveUp(log, notifier, header: header, policy: Policy(configuration)) {
        notifier.failed(failure.explanation.error)
        log.write(.bootFailed(phase: .fetching, failure.explanation))
        return .failure
      }
    }
    let run: AgentRun
    var hasHeader = false
    do {
      run = try AgentRun(
        configuration: configuration, environment: environment, runID: runID, log: log,
        loop: loop, listeners: listeners, redactor: redactor, notifier: notifier,
        lifeline: (try? supervisor.get()) ?? nil, supervisor: link)
      // Before the gate can log a request.
      log.write(header)
      hasHeader = true
      try run.serve(watchdog: service.watchdog)
    } catch {
      // A thread or a descriptor that the machine does not give.
      return giveUp(
        log, notifier, header: hasHeader ? nil : header, policy: Policy(configuration)
      ) {
        let explanation = Explanation(
          cannotStart: "the program", error, hint: "docs/errors.md#limits")
        notifier.failed(explanation.error)
        log.write(.bootFailed(phase: .fetching, explanation))
        return .failure
      }
    }
    let warnings = configuration.warnings.map { (code: $0.code, message: $0.message) }
    for warning in warnings + self.warnings(service, listeners) {
      log.write(.warning(code: warning.code, message: warning.message))
    }
    return run.run(signals: signals)
  }

  /// What of the service manager's words cannot be followed.
  private static func warnings(
    _ service: ServiceEnvironment, _ listeners: Listeners
  ) -> [(code: String, message: String)] {
    let unwatched = service.watchdogProblem.map {
      (code: "watchdog", message: "\($0); the watchdog is not fed")
    }
    let unused = listeners.unused.map { unused in
      let socket = unused.socket
      return (
        code: "listen_fds",
        message: "the socket \(socket.name) (\(socket.place)) that was passed is closed: "
          + unused.reason
      )
    }
    return (unwatched.map { [$0] } ?? []) + unused
  }

  private static func runStarted(_ version: String, _ config: JSONValue) -> LogEvent {
    .runStarted(
      version: version, schema: LogLine.schema, machine: MachineTable.hash, pid: Int(getpid()),
      config: config)
  }

  /// A configuration with mistakes: each is told, and nothing is begun.
  private static func refuse(
    _ problems: ConfigurationProblems, _ environment: [String: String],
    _ notifier: ServiceNotifier, runID: String, version: String
  ) throws -> Int32 {
    let log = try LogWriter(
      descriptor: 1, runID: runID, format: problems.logFormat, minimumLevel: .info)
    let redactor = Redactor(environment: environment)
    log.keepOut(redactor)
    notifier.redact = redactor.redact
    notifier.warn = { log.write(.warning(code: "notify_socket", message: $0)) }
    log.identify(agentAppID: problems.agentAppID, deploymentID: problems.deploymentID)
    return giveUp(log, notifier, header: runStarted(version, .object([])), policy: Policy()) {
      notifier.failed(log.write(problems))
      return .configuration
    }
  }

  /// The log of a run that ends before it began: what `explain` writes, then the drain.
  ///
  /// - Parameter header: nil when it is written already.
  private static func giveUp(
    _ log: LogWriter, _ notifier: ServiceNotifier, header: LogEvent?, policy: Policy,
    explain: () -> Failure
  ) -> Int32 {
    if let header { log.write(header) }
    let failure = explain()
    var machine = Machine(policy: policy)
    let now = Clock.now()
    let drain = machine.handle(.failed(failure), at: now)
    log.write(
      .drain(
        Transition(from: drain.from, to: drain.to, cause: drain.cause), inFlight: 0,
        deadlineMilliseconds: policy.drainDeadline.milliseconds), at: now)
    notifier.stepped(drain, machine, at: now)
    let stop = machine.handle(.nothingInFlight, at: now)
    guard case .stopped(let stopped) = machine.state else { return 1 }
    log.write(
      .stopped(
        Transition(from: stop.from, to: stop.to, cause: stop.cause),
        StoppedFacts(
          exitCode: stopped.exitCode, outcome: stopped.outcome(aborted: 0), completed: 0,
          aborted: 0, drainMilliseconds: 0)), at: now)
    log.close(within: AgentRun.logFlush)
    return stopped.exitCode
  }
}
