/// These lines are few: they are read as JSON, not by the scanner's table of members.
extension SupervisorLine {
  /// Reads the supervisor's line of that name; nil for the name of another.
  init?(_ name: EventName, _ line: JSONValue) throws(SupervisorLine.FieldError) {
    let reader = FieldReader(line: line)
    switch name {
    case .supervisorStarted:
      self = .started(
        version: try reader.text("version"), schema: try reader.int("schema"),
        machine: try reader.text("machine"), pid: try reader.int("pid"),
        config: line["config"] ?? .null)
    case .desiredState: self = .desiredState(try DesiredStateFacts(reader))
    case .desiredRefused:
      self = .desiredRefused(
        source: try reader.word("source"), errors: try reader.texts("errors"))
    case .supervisorLoaded: self = .loaded(agents: try reader.int("agents"))
    case .agentDeploy:
      self = .agentDeploy(
        try Deployment(reader), deploymentID: try reader.optionalText("deployment"))
    case .agentWorker: self = .agentWorker(try AgentWorkerFacts(reader))
    case .agentState: self = .agentState(try AgentStateFacts(reader))
    case .agentTraffic:
      self = .agentTraffic(
        agent: try reader.text("agent"), from: try reader.optionalInt("from_worker"),
        to: try reader.optionalInt("to_worker"))
    case .agentWorkerStop: self = .agentWorkerStop(try AgentWorkerStopFacts(reader))
    case .agentWorkerExited: self = .agentWorkerExited(try AgentWorkerExitFacts(reader))
    case .agentTargetFailed:
      self = .agentTargetFailed(
        agent: try reader.text("agent"), revision: try reader.text("revision"),
        reason: try reader.text("reason"))
    case .agentRemoved: self = .agentRemoved(agent: try reader.text("agent"))
    case .adminRequest: self = .adminRequest(try AdminRequestFacts(reader))
    case .supervisorReady:
      self = .ready(
        ready: try reader.int("ready"), failed: try reader.int("failed"),
        settleMilliseconds: try reader.time("settle_ms"))
    case .supervisorDraining:
      self = .draining(
        cause: try reader.text("cause"), inFlight: try reader.int("in_flight"),
        deadlineMilliseconds: try reader.time("deadline_ms"))
    case .supervisorStopped: self = .stopped(try StoppedFacts(reader))
    case .supervisorIllegalEvent:
      self = .illegalEvent(phase: try reader.word("in"), what: try reader.text("what"))
    case .runStarted, .fetch, .verify, .install, .load, .runtimeReady, .drain, .stopped,
      .budgetExceeded, .hardLimitExceeded, .configError, .bootFailed, .bootProgress, .fetchRetry,
      .workerStarted, .workerExited, .reloadStarted, .reloadFinished, .reloadFailed,
      .requestAborted, .warning, .logDropped, .illegalEvent, .agentOutput, .request, .slowRequest:
      return nil
    }
  }

  /// A member is missing or of another kind.
  struct FieldError: Error {
    var field: String
  }
}

/// Typed members of a line.
private struct FieldReader {
  let line: JSONValue

  private func required<Value>(
    _ name: String, _ value: Value?
  ) throws(SupervisorLine.FieldError) -> Value {
    guard let value else { throw SupervisorLine.FieldError(field: name) }
    return value
  }

  /// Nil when it is null or absent.
  private func present(_ name: String) -> JSONValue? {
    guard let value = line[name], !value.isNull else { return nil }
    return value
  }

  func text(_ name: String) throws(SupervisorLine.FieldError) -> String {
    try required(name, line[name]?.text)
  }

  func optionalText(_ name: String) throws(SupervisorLine.FieldError) -> String? {
    guard let value = present(name) else { return nil }
    return try required(name, value.text)
  }

  private func whole(
    _ name: String, _ value: JSONValue?, _ largest: Int64
  ) throws(SupervisorLine.FieldError) -> Int64 {
    let whole = try required(name, value?.whole)
    guard (-largest...largest).contains(whole) else {
      throw SupervisorLine.FieldError(field: name)
    }
    return whole
  }

  func int(_ name: String) throws(SupervisorLine.FieldError) -> Int {
    try required(name, Int(exactly: try whole(name, line[name], LineDecoder.largestCount)))
  }

  func optionalInt(_ name: String) throws(SupervisorLine.FieldError) -> Int? {
    guard present(name) != nil else { return nil }
    return try int(name)
  }

  func count(_ name: String) throws(SupervisorLine.FieldError) -> Int64? {
    guard let value = present(name) else { return nil }
    return try whole(name, value, LineDecoder.largestCount)
  }

  /// Milliseconds.
  func time(_ name: String) throws(SupervisorLine.FieldError) -> Int64 {
    try whole(name, line[name], LineDecoder.longestTime)
  }

  func optionalTime(_ name: String) throws(SupervisorLine.FieldError) -> Int64? {
    guard present(name) != nil else { return nil }
    return try time(name)
  }

  func flag(_ name: String) throws(SupervisorLine.FieldError) -> Bool {
    try required(name, line[name]?.flag)
  }

  func texts(_ name: String) throws(SupervisorLine.FieldError) -> [String] {
    try required(name, line[name]?.list).map { element throws(SupervisorLine.FieldError) in
      try required(name, element.text)
    }
  }

  /// A word from a closed list.
  func word<Word: RawRepresentable<String>>(
    _ name: String
  ) throws(SupervisorLine.FieldError) -> Word {
    try required(name, Word(rawValue: try text(name)))
  }

  func optionalWord<Word: RawRepresentable<String>>(
    _ name: String
  ) throws(SupervisorLine.FieldError) -> Word? {
    guard present(name) != nil else { return nil }
    return try word(name)
  }

  func object(_ name: String) throws(SupervisorLine.FieldError) -> FieldReader {
    FieldReader(line: .object(try required(name, line[name]?.members)))
  }
}

extension WorkerMark {
  fileprivate init(_ line: FieldReader) throws(SupervisorLine.FieldError) {
    self.init(
      run: try line.optionalText("worker_run"), sequence: try line.count("worker_seq"))
  }
}

extension DesiredStateFacts {
  fileprivate init(_ line: FieldReader) throws(SupervisorLine.FieldError) {
    self.init(
      source: try line.word("source"), revision: try line.optionalText("revision"),
      added: try line.texts("added"), changed: try line.texts("changed"),
      removed: try line.texts("removed"))
  }
}

extension Deployment {
  fileprivate init(_ line: FieldReader) throws(SupervisorLine.FieldError) {
    let restart = try line.object("restart")
    self.init(
      agent: try line.text("agent"), revision: try line.text("revision"),
      restarts: RestartIntensity(
        maximum: try restart.int("max"), window: .milliseconds(try restart.time("window_ms"))),
      cause: try line.word("cause"), surge: try line.flag("surge"))
  }
}

extension AgentWorkerFacts {
  fileprivate init(_ line: FieldReader) throws(SupervisorLine.FieldError) {
    self.init(
      agent: try line.text("agent"), worker: try line.int("worker"),
      revision: try line.text("revision"), pid: try line.int("pid"),
      port: try line.optionalInt("port"), workerRun: try line.optionalText("worker_run"))
  }
}

extension AgentStateFacts {
  fileprivate init(_ line: FieldReader) throws(SupervisorLine.FieldError) {
    self.init(
      agent: try line.text("agent"), from: try line.optionalWord("from"),
      to: try line.word("to"), cause: try line.word("cause"),
      reason: try line.optionalText("reason"), worker: try line.optionalInt("worker"),
      mark: try WorkerMark(line))
  }
}

extension AgentWorkerStopFacts {
  fileprivate init(_ line: FieldReader) throws(SupervisorLine.FieldError) {
    self.init(
      agent: try line.text("agent"), worker: try line.int("worker"),
      workerRun: try line.optionalText("worker_run"), isForced: try line.flag("forced"),
      cause: try line.word("cause"), reason: try line.optionalText("reason"))
  }
}

extension AgentWorkerExitFacts {
  fileprivate init(_ line: FieldReader) throws(SupervisorLine.FieldError) {
    let kind: WorkerEnd.Kind = try line.word("end")
    let end: WorkerEnd =
      switch kind {
      case .asked: .asked
      case .gaveUp: .gaveUp(reason: try line.text("reason"))
      case .crashed: .crashed(reason: try line.text("reason"))
      case .couldNotStart: .couldNotStart(reason: try line.text("reason"))
      }
    self.init(
      agent: try line.text("agent"), worker: try line.int("worker"), mark: try WorkerMark(line),
      end: end, status: try line.optionalInt("status"), signal: try line.optionalText("signal"),
      outOfMemory: try line.flag("oom"), restarts: try line.int("restarts"),
      delayMilliseconds: try line.optionalTime("delay_ms"))
    guard try line.flag("will_restart") == (delayMilliseconds != nil) else {
      throw SupervisorLine.FieldError(field: "will_restart")
    }
  }
}

extension AdminRequestFacts {
  fileprivate init(_ line: FieldReader) throws(SupervisorLine.FieldError) {
    self.init(
      method: try line.text("method"), path: try line.text("path"),
      status: try line.int("status"), agent: try line.optionalText("agent"),
      peer: try line.text("peer"))
  }
}

extension StoppedFacts {
  fileprivate init(_ line: FieldReader) throws(SupervisorLine.FieldError) {
    guard let code = Int32(exactly: try line.int("exit_code")) else {
      throw SupervisorLine.FieldError(field: "exit_code")
    }
    self.init(
      exitCode: code, outcome: try line.word("outcome"), completed: try line.int("completed"),
      aborted: try line.int("aborted"), drainMilliseconds: try line.time("drain_ms"))
  }
}
