internal import Lifecycle
internal import LinuxSystem

/// One call of `trace`: inputs in, a view of their runs out.
public struct TraceSession {
  /// An input that cannot be read, as one sentence.
  public struct InputError: Error {
    public let sentence: String
  }

  /// The largest input, in bytes.
  static let sizeLimit = 1 << 30

  private let options: TraceOptions
  private var table = RunTable()

  public init(_ options: TraceOptions) { self.options = options }

  /// Reads all inputs and hands `write` what is to be printed. The program's exit status.
  public mutating func run(write: (String) -> Void) throws(InputError) -> Int32 {
    var view: any TraceView = options.makeView()
    return try judge(&view, write: write)
  }

  /// The same with a view of the caller's.
  mutating func judge(
    _ view: inout some TraceView, write: (String) -> Void
  ) throws(InputError) -> Int32 {
    write(view.begin())
    for input in options.inputs {
      let path = input == "-" ? "/dev/stdin" : input
      guard let content = readFile(path, limit: Self.sizeLimit) else {
        throw InputError(sentence: "\(input) cannot be read")
      }
      take(content, input)
    }
    for run in table.finish() { write(view.show(run)) }
    write(view.finish(table.totals))
    return table.totals.status(strict: options.isStrict)
  }

  private mutating func take(_ text: [UInt8], _ input: String) {
    for (index, line) in text.split(separator: UInt8(ascii: "\n")).enumerated()
    where line.contains(where: { $0 > 0x20 }) {
      guard line.first == UInt8(ascii: "{") else {
        table.takeForeign()
        continue
      }
      let place = "\(input):\(index + 1)"
      do {
        let line = try LogLine.decode(line)
        if options.wants(line.runID) { table.take(line, at: place) }
      } catch {
        table.takeCorrupt(nil, error.sentence, at: place)
      }
    }
  }
}

extension LogLine.DecodingError {
  fileprivate var sentence: String {
    switch self {
    case .notJSON(let error): "it is no JSON (\(error))"
    case .missingField(let name): "it has no usable \(name)"
    case .unknownEvent(let name): "no event is called \(name)"
    case .malformedEvent(let name): "a field of \(name) is missing or of another kind"
    }
  }
}
