internal import Lifecycle

/// One call of `trace`: inputs in, a view of their runs out.
public struct TraceSession {
  private let options: TraceOptions
  private let inputs: [Input]
  private var table: RunTable
  private var order = PieceOrder()
  /// Lines of the input that is being read, before the chunk that is judged.
  private var linesBefore = 0
  /// Inputs whose trouble was told.
  private var troubled: Set<Int> = []

  public init(_ options: TraceOptions) {
    self.options = options
    inputs = options.inputs.map(Input.init)
    table = RunTable(
      names: options.inputs.map { $0 == "-" ? "stdin" : $0 },
      allowsDuplicates: options.allowsDuplicates)
  }

  /// Reads all inputs and hands `write` what is to be printed, and `complain` a sentence for each that
  /// cannot be read. The program's exit status.
  public mutating func run(
    write: (String) -> Void, complain: (String) -> Void
  ) -> Int32 {
    var view = options.makeView()
    return judge(&view, ScanQueue(options), write: write, complain: complain)
  }

  /// The same with a view of the caller's.
  mutating func judge(
    _ view: inout some TraceView, _ queue: ScanQueue, write: (String) -> Void,
    complain: (String) -> Void
  ) -> Int32 {
    defer { queue.close() }
    write(view.begin())
    func show(_ run: RunReport) { write(view.show(run)) }
    let all = inputs.indices
    read(all.filter { inputs[$0].isRepeatable }, queue, show, complain)
    readAgain(queue, show, complain)
    // What cannot be read twice comes when all is known that can.
    for index in all where !inputs[index].isRepeatable {
      read([index], queue, show, complain)
      readAgain(queue, show, complain)
    }
    while !order.pieces.isEmpty {
      order.force()
      readAgain(queue, show, complain)
    }
    for run in table.finish() { show(run) }
    write(view.finish(table.totals))
    return table.totals.status(strict: options.isStrict)
  }

  /// Reads inputs for the first time.
  private mutating func read(
    _ indices: [Int], _ queue: ScanQueue, _ show: (RunReport) -> Void,
    _ complain: (String) -> Void
  ) {
    queue.read(indices.map { ($0, inputs[$0]) }) { chunk in
      if chunk.isFirst {
        order.begin(
          chunk.input, canPutOff: inputs.count > 1 && inputs[chunk.input].isRepeatable)
      }
      table.take(chunk)
      judge(chunk, isAgain: false, show, complain)
    }
  }

  /// Judges what was put off, as long as something of it fits.
  private mutating func readAgain(
    _ queue: ScanQueue, _ show: (RunReport) -> Void, _ complain: (String) -> Void
  ) {
    var isMoving = true
    while isMoving {
      isMoving = false
      for index in order.inputs where order.beginAgain(index, &table) {
        isMoving = true
        queue.read([(index, inputs[index])]) { judge($0, isAgain: true, show, complain) }
      }
    }
  }

  private mutating func judge(
    _ chunk: Chunk, isAgain: Bool, _ show: (RunReport) -> Void, _ complain: (String) -> Void
  ) {
    if chunk.isFirst { linesBefore = 0 }
    var (line, counted, corrupt) = (0, 0, 0)
    // None is copied for a look at it.
    let (allMarks, allLines, allCounted) = (chunk.marks, chunk.lines, chunk.counted)
    let (allOwners, allKeys) = (chunk.owners, chunk.keys)
    let (marks, lines, countedLines) = (allMarks.span, allLines.span, allCounted.span)
    let (owners, keys) = (allOwners.span, allKeys.span)
    for index in marks.indices {
      let mark = marks[index]
      let place = Place(input: chunk.input, line: linesBefore + Int(mark.number))
      switch mark.kind {
      case .line:
        if let run = take(lines[line], keys[Int(mark.run)], mark.hash, place) { show(run) }
        line += 1
      case .counted:
        let (line, owner) = (countedLines[counted], Int(mark.run))
        counted += 1
        let isAdmitted = order.admits(
          keys[owner], line.sequence, time: line.wallNanoseconds, &table)
        guard isAdmitted else { continue }
        let run = table.take(line, of: owners[owner], keys[owner], hash: mark.hash, at: place)
        if let run { show(run) }
      case .corrupt:
        if let run = take(chunk.corrupt[corrupt], keys[Int(mark.run)], place, isAgain) { show(run) }
        corrupt += 1
      case .cutOff:
        if !isAgain { table.takeCutOff() }
      }
    }
    linesBefore += chunk.lineCount
    if let fault = chunk.fault, troubled.insert(chunk.input).inserted {
      table.takeUnreadable()
      complain(fault.sentence)
    }
  }

  private mutating func take(
    _ line: LogLine, _ key: RunKey, _ hash: UInt64, _ place: Place
  ) -> RunReport? {
    guard order.admits(key, line.sequence, time: line.wallNanoseconds, &table) else {
      return nil
    }
    return table.take(line, key, hash: hash, at: place)
  }

  private mutating func take(
    _ corrupt: Chunk.Corrupt, _ key: RunKey, _ place: Place, _ isAgain: Bool
  ) -> RunReport? {
    guard corrupt.runID == nil ? !isAgain : order.admits(key, nil, time: nil, &table) else {
      return nil
    }
    return table.takeCorrupt(corrupt.runID, corrupt.why, at: place)
  }
}
