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
    let signals = try SignalSource()
    _ = par_set_subreaper()
    _ = par_raise_nofile()
    let runID = randomHexadecimal(bytes: 16)
    let configuration: Configuration
    switch Configuration.read(environment, packageArgument: packageArgument) {
    case .success(let read): configuration = read
    case .failure(let problems):
      return try refuse(problems, environment, runID: runID, version: version)
    }
    let opened = Result { () throws(Listeners.Failure) in try Listeners(configuration) }
    let log = try LogWriter(
      descriptor: 1, runID: runID, format: configuration.logFormat,
      minimumLevel: configuration.logLevel)
    let redactor = Redactor(environment: environment)
    log.keepOut(redactor)
    log.identify(
      agentAppID: configuration.agentAppID, deploymentID: configuration.deploymentID)
    let header = runStarted(version, configuration.redacted)
    let listeners: Listeners
    switch opened {
    case .success(let open): listeners = open
    case .failure(let failure):
      return giveUp(log, header: header, policy: Policy(configuration)) {
        log.write(.bootFailed(phase: .fetching, failure.explanation))
        return .failure
      }
    }
    let run = try AgentRun(
      configuration: configuration, environment: environment, runID: runID, log: log,
      loop: ControlLoop(), listeners: listeners, redactor: redactor)
    // Before the gate can log a request.
    log.write(header)
    try run.serve()
    for warning in configuration.warnings {
      log.write(.warning(code: warning.code, message: warning.message))
    }
    return run.run(signals: signals)
  }

  private static func runStarted(_ version: String, _ config: JSONValue) -> LogEvent {
    .runStarted(
      version: version, schema: LogLine.schema, machine: MachineTable.hash, pid: Int(getpid()),
      config: config)
  }

  /// A configuration with mistakes: each is told, and nothing is begun.
  private static func refuse(
    _ problems: ConfigurationProblems, _ environment: [String: String], runID: String,
    version: String
  ) throws -> Int32 {
    let log = try LogWriter(
      descriptor: 1, runID: runID, format: problems.logFormat, minimumLevel: .info)
    log.keepOut(Redactor(environment: environment))
    log.identify(agentAppID: problems.agentAppID, deploymentID: problems.deploymentID)
    return giveUp(log, header: runStarted(version, .object([])), policy: Policy()) {
      for problem in problems.problems {
        log.write(.configError(variable: problem.variable, error: problem.error))
      }
      let count = problems.problems.count
      log.write(
        .bootFailed(
          phase: .fetching,
          Explanation(
            error: count == 1
              ? problems.problems[0].error
              : "the configuration has \(count) mistakes; each is a config_error above",
            hint: problems.problems[0].hint)))
      return .configuration
    }
  }

  /// The log of a run that ends before it began: what `explain` writes, then the drain.
  private static func giveUp(
    _ log: LogWriter, header: LogEvent, policy: Policy, explain: () -> Failure
  ) -> Int32 {
    log.write(header)
    let failure = explain()
    var machine = Machine(policy: policy)
    let now = Clock.now()
    let drain = machine.handle(.failed(failure), at: now)
    log.write(
      .drain(
        Transition(from: drain.from, to: drain.to, cause: drain.cause), inFlight: 0,
        deadlineMilliseconds: policy.drainDeadline.milliseconds), at: now)
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
