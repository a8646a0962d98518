import Lifecycle

/// Lines of a log, of which nothing is known: whatever they are, two readers of JSON say the same of them,
/// what is read is read again as it was written, and a replay takes it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let bytes, count > 0 else { return 0 }
  let input = Array(UnsafeBufferPointer(start: bytes, count: count))
  var reader = LogReader()
  for line in input.split(separator: 0x0A) { reader.take(Array(line)) }
  return 0
}

private struct LogReader {
  private var locator = LineLocator()
  private var all = LineDecoder(texts: .all)
  private var judged = LineDecoder(texts: .judged)
  private var replays: [String: Replay] = [:]
  private var supervisors: [String: SupervisorReplay] = [:]
  private var histories: [String: History] = [:]

  mutating func take(_ line: [UInt8]) {
    compare(line)
    switch locator.locate(line.span) {
    case .plain(let range):
      decode(Array(line[range]))
      checkInside(Array(line[range]))
    case .escaped: decode(locator.unescaped)
    case .unfinished(let start):
      _ = LineLocator.runID(in: line.span.extracting(start...))
    case .foreign: break
    }
  }

  /// The scanner and the reader of any JSON accept the same, and refuse the rest for the same reason.
  private mutating func compare(_ text: [UInt8]) {
    let expected: JSONError?
    do throws(JSONError) {
      _ = try JSONReader.decode(text.span)
      expected = nil
    } catch { expected = error }
    var found: JSONError?
    do throws(LogLine.DecodingError) { _ = try all.decode(text.span) } catch {
      if case .notJSON(let why) = error { found = why }
    }
    if found != expected {
      fail("one says \(found as Any), the other \(expected as Any): \(text.shown)")
    }
  }

  private mutating func decode(_ text: [UInt8]) {
    let line = try? all.decode(text.span)
    let short = try? judged.decode(text.span)
    if (line == nil) != (short == nil) { fail("to be judged it is another line: \(text.shown)") }
    var counted = CountedLine()
    if (try? judged.decode(text.span, into: &counted)) == true {
      guard let line else { fail("it cannot be read, and is counted: \(text.shown)") }
      let count = counted.line(of: judged.owners[counted.owner])
      if line.sequence != count.sequence || line.runID != count.runID
        || line.event.name != count.event.name || line.agentAppID != count.agentAppID
        || line.deploymentID != count.deploymentID
        || line.uptimeMilliseconds != count.uptimeMilliseconds
        || line.wallNanoseconds != count.wallNanoseconds
      {
        fail("to be counted it says something else: \(text.shown)")
      }
    }
    if judged.owners.count > 1000 { judged.forgetOwners() }
    guard let line, let short else { return }
    if line.sequence != short.sequence || line.runID != short.runID
      || line.event.name != short.event.name || line.event.transition != short.event.transition
      || line.uptimeMilliseconds != short.uptimeMilliseconds
      || line.wallNanoseconds != short.wallNanoseconds
    {
      fail("to be judged it says something else: \(text.shown)")
    }
    let written = line.encoded
    if let again = try? all.decode(written.span) {
      if again.encoded != written { fail("it is read again as another: \(text.shown)") }
      // In a configuration 1.0 is written as 1, which is another value.
      if again != line, line.event.name != "run_started",
        written.count < LogLine.maximumLength / 2
      {
        fail("it is another one when it was written: \(text.shown)")
      }
    } else {
      fail("it cannot be read when it was written: \(text.shown)")
    }
    if case .supervisor = line.event {
      supervisors[line.runID, default: SupervisorReplay()].take(line.ofThisVersion)
      _ = supervisors[line.runID]?.verdict
      _ = supervisors[line.runID]?.timers
      histories[line.runID, default: History()].take(line)
      if let history = histories[line.runID] { _ = SupervisionCourse(history) }
    }
    replays[line.runID, default: Replay()].take(line.ofThisVersion)
    _ = replays[line.runID]?.verdict
  }

  /// A line inside a JSON string, and that one inside of another, is found as it was.
  private mutating func checkInside(_ line: [UInt8]) {
    guard let text = String(validating: line, as: UTF8.self) else { return }
    var outer = text
    for _ in 0..<2 {
      let bytes = JSONWriter.encode(.members(["MESSAGE": .string(outer), "PRIORITY": 6]))
      guard locator.locate(bytes.span) == .escaped, locator.unescaped == line else {
        fail("it is not found in a string: \(line.shown)")
      }
      outer = String(decoding: bytes, as: UTF8.self)
    }
  }
}

extension LogLine {
  /// A run's first line as this version writes it, so that the rest is judged.
  fileprivate var ofThisVersion: LogLine {
    var line = self
    if case .supervisor(.started(let version, _, _, let pid, let config)) = event {
      line.event = .supervisor(
        .started(
          version: version, schema: Self.schema, machine: SupervisionTable.hash, pid: pid,
          config: config))
      return line
    }
    guard case .runStarted(let version, _, _, let pid, let config) = event else { return self }
    line.event = .runStarted(
      version: version, schema: Self.schema, machine: MachineTable.hash, pid: pid, config: config)
    return line
  }
}
