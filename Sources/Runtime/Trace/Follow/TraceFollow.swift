internal import Lifecycle
public import LinuxSystem

/// One call of `trace --follow`: judges what is written to its inputs while it is written, until it is
/// interrupted or the inputs end.
public struct TraceFollow: ~Copyable {
  /// How often files are looked at without a sign from the kernel: some file systems give none, and a link
  /// may come to lead elsewhere.
  static let checkInterval = Interval.seconds(1)

  private let options: TraceOptions
  private let inputs: [FollowedInput]
  private var runs: FollowedRuns
  private var scanner: ChunkScanner
  private let chunk = Chunk()
  private let watch: FileWatch
  private let ready: EpollSet

  /// - Throws: what the system refuses.
  public init(_ options: TraceOptions) throws(SystemError) {
    let watch = try FileWatch()
    let ready = try EpollSet()
    self.options = options
    inputs = options.inputs.map(FollowedInput.init)
    runs = FollowedRuns(options, names: options.inputs.map { $0 == "-" ? "stdin" : $0 })
    scanner = ChunkScanner(options)
    self.watch = watch
    self.ready = ready
  }

  private enum Token {
    static let signal: UInt64 = 0
    static let file: UInt64 = 1
    static let firstInput: UInt64 = 2
  }

  /// Prints rows as lines come, until a signal or the end of all inputs. The program's exit status.
  /// - Parameters:
  ///   - write: prints at once; false when nobody reads any more.
  ///   - complain: a sentence for an input that cannot be read.
  public mutating func run(
    write: (String) -> Bool, complain: (String) -> Void
  ) throws(SystemError) -> Int32 {
    // Opening a pipe without a writer waits: the signals still end the program then.
    for input in inputs {
      guard let trouble = input.open() else { continue }
      complain(trouble)
      if input.isEnded { runs.takeUnreadable() }
    }
    let signals = try SignalSource()
    try ready.add(signals.descriptor, token: Token.signal)
    try ready.add(watch.descriptor, token: Token.file)
    var isReading = readFiles(write, complain, isFirst: true)
    for (index, input) in inputs.enumerated() where input.waitable >= 0 {
      try ready.add(input.waitable, token: Token.firstInput + UInt64(index))
    }
    while isReading, inputs.contains(where: { !$0.isEnded }) {
      let hasFiles = inputs.contains { $0.waitable < 0 && !$0.isEnded }
      for event in ready.wait(hasFiles ? Self.checkInterval : nil) {
        switch event.token {
        case Token.signal:
          if let signal = SignalSource.next(signals.descriptor), Self.isEnd(signal) {
            isReading = false
          }
        case Token.file: watch.clear()
        default:
          let index = Int(event.token - Token.firstInput)
          isReading = read(index, write, complain) && isReading
        }
      }
      isReading = readFiles(write, complain, isFirst: false) && isReading
    }
    return finish(write)
  }

  private static func isEnd(_ signal: Int32) -> Bool {
    ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"].contains(SignalSource.name(signal))
  }

  private mutating func readFiles(
    _ write: (String) -> Bool, _ complain: (String) -> Void, isFirst: Bool
  ) -> Bool {
    runs.isCatchingUp = isFirst
    var isReading = true
    for (index, input) in inputs.enumerated() where input.waitable < 0 && !input.isEnded {
      watch.add(input.name)
      isReading = read(index, write, complain) && isReading
    }
    return isFirst ? print(runs.caughtUp(), write) && isReading : isReading
  }

  /// Reads what one input has. False when nobody reads what is printed.
  private mutating func read(
    _ index: Int, _ write: (String) -> Bool, _ complain: (String) -> Void
  ) -> Bool {
    let input = inputs[index]
    let waitable = input.waitable
    var isReading = true
    let trouble = input.read(into: chunk) { chunk in
      isReading = take(chunk, index, write) && isReading
    }
    if let trouble {
      complain(trouble)
      if input.isEnded { runs.takeUnreadable() }
    }
    if input.isEnded, waitable >= 0 { ready.remove(waitable) }
    return isReading
  }

  private mutating func take(
    _ chunk: Chunk, _ index: Int, _ write: (String) -> Bool
  ) -> Bool {
    scanner.scan(chunk)
    return print(runs.take(chunk, input: index, linesBefore: inputs[index].linesBefore), write)
  }

  private mutating func finish(_ write: (String) -> Bool) -> Int32 {
    for (index, input) in inputs.enumerated() {
      input.end(chunk) { _ = take($0, index, write) }
    }
    var rows = runs.finish()
    if !rows.isEmpty { rows.append(TextLine()) }
    let totals = runs.totals
    // Of runs that were joined nothing is known: they are neither right nor wrong.
    let isUnknown = totals.runs.isEmpty && runs.joined > 0 && totals.corrupt == 0
    _ = print(rows, write) && (isUnknown || write(TextView(options).finish(totals)))
    if isUnknown, totals.unreadable == 0 { return options.isStrict ? 1 : 0 }
    return totals.status(strict: options.isStrict)
  }

  private func print(_ rows: [TextLine], _ write: (String) -> Bool) -> Bool {
    rows.isEmpty
      || write(
        rows.map { $0.text(columns: options.width, colours: options.hasColours) }.joined())
  }
}
