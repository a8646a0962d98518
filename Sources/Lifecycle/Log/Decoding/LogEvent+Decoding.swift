extension LogEvent {
  /// Reads the event of that name from the members of the line that `line` has scanned.
  @inline(__always)
  init(
    _ name: EventName, _ line: inout LineDecoder, _ bytes: Span<UInt8>
  ) throws(FieldError) {
    switch name {
    case .fetch, .verify, .install, .load, .runtimeReady, .drain, .stopped:
      self = try Self.transition(name, &line, bytes)
    case .agentOutput:
      try line.requireOutput()
      let stream = try line.text(.stream, bytes)
      self = .agentOutput(stream: stream, line: try line.freeText(.line, bytes))
    case .request: self = .request(try RequestFacts(&line, bytes))
    case .slowRequest: self = .slowRequest(try SlowFacts(&line, bytes))
    case .requestAborted: self = .requestAborted(try AbortedFacts(&line, bytes))
    case .workerStarted, .workerExited, .reloadStarted, .reloadFinished, .reloadFailed:
      self = try Self.ofWorker(name, &line, bytes)
    default: self = try Self.report(name, &line, bytes)
    }
  }

  private static func transition(
    _ name: EventName, _ line: inout LineDecoder, _ bytes: Span<UInt8>
  ) throws(FieldError) -> LogEvent {
    let transition = try Transition(&line, bytes)
    switch name {
    case .fetch:
      return .fetch(
        transition, source: try line.text(.source, bytes), url: try line.freeText(.url, bytes))
    case .verify:
      return .verify(
        transition, bytes: try line.whole(.bytes, bytes),
        fetchMilliseconds: try line.time(.fetchTime, bytes))
    case .install: return .install(transition, try InstallFacts(&line, bytes))
    case .load: return .load(transition, try LoadFacts(&line, bytes))
    case .runtimeReady: return .runtimeReady(transition, try ReadyFacts(&line, bytes))
    case .drain:
      return .drain(
        transition, inFlight: try line.int(.inFlight, bytes),
        deadlineMilliseconds: try line.time(.deadline, bytes))
    default: return .stopped(transition, try StoppedFacts(&line, bytes))
    }
  }

  private static func ofWorker(
    _ name: EventName, _ line: inout LineDecoder, _ bytes: Span<UInt8>
  ) throws(FieldError) -> LogEvent {
    switch name {
    case .workerStarted:
      .workerStarted(pid: try line.int(.pid, bytes), attempt: try line.int(.attempt, bytes))
    case .workerExited: .workerExited(try WorkerExit(&line, bytes))
    case .reloadStarted: .reloadStarted(pid: try line.int(.pid, bytes))
    case .reloadFinished:
      .reloadFinished(
        ReloadFacts(
          pid: try line.int(.pid, bytes), replaced: try line.int(.replaced, bytes),
          loadMilliseconds: try line.time(.loadTime, bytes)))
    default: .reloadFailed(try Explanation(&line, bytes))
    }
  }

  private static func report(
    _ name: EventName, _ line: inout LineDecoder, _ bytes: Span<UInt8>
  ) throws(FieldError) -> LogEvent {
    switch name {
    case .runStarted:
      .runStarted(
        version: try line.text(.version, bytes), schema: try line.int(.schema, bytes),
        machine: try line.text(.machine, bytes), pid: try line.int(.pid, bytes),
        config: try line.configuration(bytes))
    case .budgetExceeded:
      .budgetExceeded(
        bootMilliseconds: try line.time(.bootTime, bytes),
        budgetMilliseconds: try line.time(.budget, bytes))
    case .hardLimitExceeded:
      .hardLimitExceeded(
        bootMilliseconds: try line.time(.bootTime, bytes),
        countedMilliseconds: try line.time(.countedTime, bytes),
        hardLimitMilliseconds: try line.time(.hardLimit, bytes),
        phases: try PhaseTimes(&line, bytes))
    case .configError:
      .configError(
        variable: try line.text(.variable, bytes), error: try line.freeText(.error, bytes))
    case .bootFailed:
      .bootFailed(phase: try line.phase(bytes), try Explanation(&line, bytes))
    case .bootProgress:
      .bootProgress(phase: try line.phase(bytes), message: try line.freeText(.message, bytes))
    case .fetchRetry:
      .fetchRetry(
        attempt: try line.int(.attempt, bytes), error: try line.freeText(.error, bytes),
        delayMilliseconds: try line.time(.delay, bytes))
    case .warning:
      .warning(code: try line.text(.code, bytes), message: try line.freeText(.message, bytes))
    case .logDropped: .logDropped(count: try line.whole(.count, bytes))
    default:
      .illegalEvent(
        state: try line.word(.illegalIn, .state, StateName.allCases, bytes),
        what: try line.freeText(.what, bytes))
    }
  }
}

extension LineDecoder {
  fileprivate func phase(_ bytes: Span<UInt8>) throws(FieldError) -> StateName {
    try word(.phase, .phase, StateName.allCases, bytes)
  }
}

extension Transition {
  /// The transition of the line, whether or not its `state` agrees with its `to`.
  fileprivate init(_ line: inout LineDecoder, _ bytes: Span<UInt8>) throws(FieldError) {
    let states = StateName.allCases
    self.init(
      from: line.isNull(.from) ? nil : try line.word(.from, .state, states, bytes),
      to: try line.word(.to, .state, states, bytes), cause: try line.text(.cause, bytes),
      attempt: try line.optionalInt(.attempt, bytes))
    state = try line.word(.state, .state, states, bytes)
  }
}

extension PackageIdentity {
  fileprivate init(_ line: inout LineDecoder, _ bytes: Span<UInt8>) throws(FieldError) {
    try line.requireObject(.package)
    self.init(
      name: try line.text(.packageName, bytes), version: try line.text(.packageVersion, bytes),
      sha256: try line.optionalText(.packageSHA256, bytes))
  }
}

extension PhaseTimes {
  fileprivate init(_ line: inout LineDecoder, _ bytes: Span<UInt8>) throws(FieldError) {
    try line.requireObject(.phases)
    self.init(
      fetch: try line.time(.fetchPhase, bytes), verify: try line.time(.verifyPhase, bytes),
      install: try line.time(.installPhase, bytes), load: try line.time(.loadPhase, bytes))
  }
}

extension InstallFacts {
  fileprivate init(_ line: inout LineDecoder, _ bytes: Span<UInt8>) throws(FieldError) {
    let package = try PackageIdentity(&line, bytes)
    try line.requireObject(.environment)
    self.init(
      package: package, python: try line.optionalText(.python, bytes),
      environmentKey: try line.optionalText(.environmentKey, bytes),
      environmentCache: try line.word(
        .environmentCache, .cache, Preparation.Environment.allCases, bytes),
      installer: try line.optionalText(.installer, bytes))
  }
}

extension LoadFacts {
  fileprivate init(_ line: inout LineDecoder, _ bytes: Span<UInt8>) throws(FieldError) {
    let package = try PackageIdentity(&line, bytes)
    let surfaces = try line.list(.surfaces, isFree: false, bytes)
    try line.requireObject(.sockets)
    self.init(
      package: package, surfaces: surfaces,
      restSocket: try line.optionalText(.restSocket, bytes),
      a2aSocket: try line.optionalText(.a2aSocket, bytes))
  }
}

extension ReadyFacts {
  fileprivate init(_ line: inout LineDecoder, _ bytes: Span<UInt8>) throws(FieldError) {
    self.init(
      bootMilliseconds: try line.time(.bootTime, bytes), phases: try PhaseTimes(&line, bytes),
      loadMilliseconds: try line.time(.loadTime, bytes),
      surfaces: try line.list(.surfaces, isFree: false, bytes),
      restPort: try line.int(.restPort, bytes), a2aPort: try line.optionalInt(.a2aPort, bytes),
      uiPort: try line.optionalInt(.uiPort, bytes))
  }
}

extension StoppedFacts {
  fileprivate init(_ line: inout LineDecoder, _ bytes: Span<UInt8>) throws(FieldError) {
    let codes = Int64(Int32.min)...Int64(Int32.max)
    let code = Int32(truncatingIfNeeded: try line.whole(.exitCode, bytes, in: codes))
    self.init(
      exitCode: code,
      outcome: try line.word(.outcome, .outcome, Stopped.Outcome.allCases, bytes),
      completed: try line.int(.completed, bytes), aborted: try line.int(.aborted, bytes),
      drainMilliseconds: try line.time(.drainTime, bytes))
  }
}

extension Explanation {
  fileprivate init(_ line: inout LineDecoder, _ bytes: Span<UInt8>) throws(FieldError) {
    self.init(
      error: try line.freeText(.error, bytes), detail: try line.optionalFreeText(.detail, bytes),
      hint: try line.optionalFreeText(.hint, bytes))
  }
}

extension WorkerExit {
  fileprivate init(_ line: inout LineDecoder, _ bytes: Span<UInt8>) throws(FieldError) {
    self.init(
      pid: try line.int(.pid, bytes), status: try line.optionalInt(.status, bytes),
      signal: try line.optionalText(.signal, bytes), outOfMemory: try line.flag(.outOfMemory),
      asked: try line.flag(.asked), stack: try line.optionalFreeText(.stack, bytes),
      inFlight: try line.list(.inFlight, isFree: false, bytes),
      restarts: try line.int(.restarts, bytes), willRestart: try line.flag(.willRestart),
      delayMilliseconds: try line.optionalTime(.delay, bytes))
  }
}

extension AbortedFacts {
  fileprivate init(_ line: inout LineDecoder, _ bytes: Span<UInt8>) throws(FieldError) {
    self.init(
      method: try line.text(.method, bytes), route: try line.freeText(.route, bytes),
      ageMilliseconds: try line.time(.age, bytes),
      requestID: try line.text(.requestID, bytes),
      traceID: try line.optionalFreeText(.traceID, bytes),
      surface: try line.text(.surface, bytes))
  }
}

extension LineDecoder {
  /// What a line of output must have.
  @inline(__always)
  func requireOutput() throws(FieldError) {
    try requireText(.stream)
    try requireText(.line)
  }

  /// The numbers of a line of the access log, which has its texts, too. No initialiser: that would own, and
  /// so copy, the decoder.
  @inline(__always)
  func requestNumbers(_ bytes: Span<UInt8>) throws(FieldError) -> RequestNumbers {
    var numbers = RequestNumbers()
    try requireText(.method)
    try requireText(.path)
    numbers.status = try int(.status, bytes)
    try requireOptionalText(.grpcStatus)
    numbers.durationMicroseconds = try whole(.duration, bytes)
    numbers.bytes = try whole(.bytes, bytes)
    try requireText(.requestID)
    try requireOptionalText(.traceID)
    try requireText(.surface)
    numbers.sample = try optionalDecimal(.sample, bytes)
    return numbers
  }
}

extension RequestFacts {
  fileprivate init(_ line: inout LineDecoder, _ bytes: Span<UInt8>) throws(FieldError) {
    let numbers = try line.requestNumbers(bytes)
    self.init(
      method: try line.text(.method, bytes), path: try line.freeText(.path, bytes),
      status: numbers.status, grpcStatus: try line.optionalText(.grpcStatus, bytes),
      durationMicroseconds: numbers.durationMicroseconds, bytes: numbers.bytes,
      requestID: try line.freeText(.requestID, bytes),
      traceID: try line.optionalFreeText(.traceID, bytes),
      surface: try line.text(.surface, bytes), sample: numbers.sample)
  }

  /// What promises read of it.
  var numbers: RequestNumbers {
    RequestNumbers(
      status: status, durationMicroseconds: durationMicroseconds, bytes: bytes, sample: sample)
  }
}

extension SlowFacts {
  fileprivate init(_ line: inout LineDecoder, _ bytes: Span<UInt8>) throws(FieldError) {
    self.init(
      method: try line.text(.method, bytes), path: try line.freeText(.path, bytes),
      status: try line.optionalInt(.status, bytes),
      grpcStatus: try line.optionalText(.grpcStatus, bytes),
      durationMilliseconds: try line.time(.slowDuration, bytes),
      agentMilliseconds: try line.time(.agentTime, bytes),
      heldMilliseconds: try line.time(.heldTime, bytes),
      requestID: try line.freeText(.requestID, bytes),
      traceID: try line.optionalFreeText(.traceID, bytes),
      surface: try line.text(.surface, bytes), leftOut: try line.int(.leftOut, bytes))
  }
}
