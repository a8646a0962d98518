import Lifecycle

/// Log lines by chance: every case, with texts that are hard on an encoder.
struct LogSamples {
  var random: SplitMix

  static let texts: [String] = [
    "", " ", "plain", "a \"quoted\" \\ text", "slash / and \\/", "tab\tline\nfeed\r\u{8}\u{C}",
    "\u{0}\u{1}\u{1B}[31mred\u{1B}[0m", "\u{7F}\u{80}\u{9B}\u{9F}\u{A0}", "é e\u{301} ﬁ ß",
    "👩‍👩‍👧‍👦🇨🇭", "\u{10FFFF}\u{E000}\u{FFFD}\u{FEFF}", "\u{2028}\u{2029}\u{202E}abc", "日本語テキスト",
    "null", "true", "-1", "{\"a\":1}", "name=value", "https://example.org/a?b=c",
    String(repeating: "x", count: 3000), String(repeating: "é", count: 900),
  ]

  mutating func text() -> String { Self.texts[pick(Self.texts.count)] }
  mutating func optional() -> String? { pick(3) == 0 ? nil : text() }
  mutating func pick(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }
  mutating func whole() -> Int64 {
    let longest = LineDecoder.longestTime
    return [0, 1, 42, 1_000_000, longest, Int64.random(in: 0...longest, using: &random)][pick(6)]
  }
  mutating func int() -> Int { Int(whole()) }
  mutating func one<Value>(_ values: [Value]) -> Value { values[pick(values.count)] }
  mutating func phases() -> PhaseTimes {
    PhaseTimes(fetch: whole(), verify: whole(), install: whole(), load: whole())
  }
  mutating func package() -> PackageIdentity {
    PackageIdentity(name: text(), version: text(), sha256: optional())
  }
  mutating func transition(_ to: StateName) -> Transition {
    Transition(
      from: one([nil] + StateName.allCases.map { $0 }), to: to,
      cause: one(["started", "SIGTERM", "worker_lost", "failure"]),
      attempt: one([nil, 1, 2, 1 << 53]))
  }
  mutating func json(depth: Int = 0) -> JSONValue {
    switch pick(depth < 3 ? 8 : 6) {
    case 0: .null
    case 1: .bool(pick(2) == 0)
    case 2: .integer(whole())
    case 3: .integer(-whole())
    case 4: .number(one([0.5, -1.25e-7, 1e300, 3.141592653589793, .leastNonzeroMagnitude]))
    case 5: .string(text())
    case 6: .array((0..<pick(4)).map { _ in json(depth: depth + 1) })
    default:
      .object((0..<pick(4)).map { JSONMember("\(text())\($0)", json(depth: depth + 1)) })
    }
  }

  /// One event of each kind, a supervisor's too.
  mutating func events() -> [LogEvent] { runEvents() + supervisorEvents() }

  private mutating func runEvents() -> [LogEvent] {
    [
      .runStarted(version: text(), schema: int(), machine: text(), pid: int(), config: json()),
      .fetch(transition(.fetching), source: text(), url: text()),
      .verify(transition(.verifying), bytes: whole(), fetchMilliseconds: whole()),
      .install(
        transition(.installing),
        InstallFacts(
          package: package(), python: optional(), environmentKey: optional(),
          environmentCache: one(Preparation.Environment.allCases), installer: optional())),
      .load(
        transition(.loading),
        LoadFacts(
          package: package(), surfaces: (0..<pick(4)).map { _ in text() }, restSocket: optional(),
          a2aSocket: optional())),
      .runtimeReady(
        transition(.ready),
        ReadyFacts(
          bootMilliseconds: whole(), phases: phases(), loadMilliseconds: whole(),
          surfaces: [text()], restPort: int(), a2aPort: one([nil, 0, 65_535]),
          uiPort: one([nil, 3000]))),
      .drain(transition(.draining), inFlight: int(), deadlineMilliseconds: whole()),
      .stopped(
        transition(.stopped),
        StoppedFacts(
          exitCode: one([0, 1, -1, .max]), outcome: one(Stopped.Outcome.allCases),
          completed: int(), aborted: int(), drainMilliseconds: whole())),
      .budgetExceeded(bootMilliseconds: whole(), budgetMilliseconds: whole()),
      .hardLimitExceeded(
        bootMilliseconds: whole(), countedMilliseconds: whole(), hardLimitMilliseconds: whole(),
        phases: phases()),
      .configError(variable: text(), error: text()),
      .bootFailed(
        phase: one(StateName.allCases),
        Explanation(error: text(), detail: optional(), hint: optional())),
      .bootProgress(phase: one(StateName.allCases), message: text()),
      .fetchRetry(attempt: int(), error: text(), delayMilliseconds: whole()),
      .workerStarted(pid: int(), attempt: int()),
      .workerExited(
        WorkerExit(
          pid: int(), status: one([nil, 0, 1, 255]), signal: optional(),
          outOfMemory: pick(2) == 0, asked: pick(2) == 0, stack: optional(),
          inFlight: (0..<pick(3)).map { _ in text() }, restarts: int(), willRestart: pick(2) == 0,
          delayMilliseconds: one([nil, 0, 500]))),
      .reloadStarted(pid: int()),
      .reloadFinished(ReloadFacts(pid: int(), replaced: int(), loadMilliseconds: whole())),
      .reloadFailed(Explanation(error: text(), detail: optional(), hint: optional())),
      .requestAborted(
        AbortedFacts(
          method: text(), route: text(), ageMilliseconds: whole(), requestID: text(),
          traceID: optional(), surface: text())),
      .warning(code: text(), message: text()), .logDropped(count: whole()),
      .illegalEvent(state: one(StateName.allCases), what: text()),
      .agentOutput(stream: one(["stdout", "stderr"]), line: text()),
      .request(
        RequestFacts(
          method: text(), path: text(), status: int(), grpcStatus: optional(),
          durationMicroseconds: whole(), bytes: whole(), requestID: text(), traceID: optional(),
          surface: text(), sample: one([nil, 0.01, 0.5, 1]))),
      .slowRequest(
        SlowFacts(
          method: text(), path: text(), status: one([nil, 200, 504]), grpcStatus: optional(),
          durationMilliseconds: whole(), agentMilliseconds: whole(), heldMilliseconds: whole(),
          requestID: text(), traceID: optional(), surface: text(), leftOut: int())),
    ]
  }

  mutating func line(_ event: LogEvent) -> LogLine {
    LogLine(
      // Whole microseconds: a line has no more.
      wallNanoseconds: Int64.random(
        in: -2_000_000_000_000_000...4_000_000_000_000_000, using: &random)
        * 1000,
      sequence: whole(), runID: text(), agentAppID: optional(), deploymentID: optional(),
      uptimeMilliseconds: whole(), event: event)
  }
}
