import LinuxSystem

/// Where an answer waits between the thread that gives it and the loop that writes it.
///
/// Unchecked, because the compiler cannot see that `connection` belongs to the loop's thread.
final class PlaneReply: @unchecked Sendable {
  enum Step {
    case answer(Int, [(name: String, value: String)], String, [UInt8])
    case begin(Int, [(name: String, value: String)], String)
    case bytes([UInt8])
    case end
  }

  private enum Phase {
    case asked, streaming, ended, closed
  }

  private struct State {
    var phase = Phase.asked
    /// What goes out before the bytes.
    var first: Step?
    var outbox: [UInt8] = []
    /// Bytes that the loop took and may not have written yet.
    var taken = 0
    /// The reader takes too little, or nobody will end the stream.
    var isCut = false
    /// The loop has been told that there is something.
    var isTold = false

    /// - Returns: whether the loop has to be told.
    mutating func tell() -> Bool {
      guard phase != .closed, !isTold else { return false }
      isTold = true
      return true
    }
  }

  private let state = Locked(State())
  private let backlog: Int
  private let loop: EventLoop
  /// Confined to the loop's thread; it closes the reply before it goes.
  unowned(unsafe) private var connection: ClientConnection?

  init(_ connection: ClientConnection) {
    self.connection = connection
    loop = connection.loop
    backlog = loop.shared.options.agents.controlStreamBacklog
  }

  // MARK: Any thread

  /// Changes the state and tells the loop of it.
  /// - Parameter body: says whether there is something new.
  private func change(_ body: (inout State) -> Bool) -> Bool {
    let (taken, tells) = state.withLock { state -> (Bool, Bool) in
      guard body(&state) else { return (false, state.isCut && state.tell()) }
      return (true, state.tell())
    }
    if tells { loop.send(.reply(self)) }
    return taken
  }

  func answer(
    _ status: Int, _ fields: [(name: String, value: String)], _ contentType: String,
    _ body: [UInt8]
  ) {
    _ = change { state in
      guard state.phase == .asked else { return false }
      state.phase = .ended
      state.first = .answer(status, fields, contentType, body)
      return true
    }
  }

  func beginStream(
    _ status: Int, _ fields: [(name: String, value: String)], _ contentType: String
  ) {
    _ = change { state in
      guard state.phase == .asked else { return false }
      state.phase = .streaming
      state.first = .begin(status, fields, contentType)
      return true
    }
  }

  func write(_ bytes: [UInt8]) -> Bool {
    change { state in
      guard state.phase == .streaming, !state.isCut else { return false }
      guard state.outbox.count + state.taken + bytes.count <= backlog else {
        state.isCut = true
        state.outbox = []
        return false
      }
      state.outbox += bytes
      return true
    }
  }

  func end() {
    _ = change { state in
      guard state.phase == .streaming else { return false }
      state.phase = .ended
      return true
    }
  }

  /// Nobody answers any more.
  func abandon() {
    _ = change { state in
      switch state.phase {
      case .asked:
        state.phase = .ended
        state.first = .answer(
          500, [], "application/json", Array("{\"error\":\"The request was not answered\"}".utf8))
      case .streaming: state.isCut = true
      case .ended, .closed: return false
      }
      return true
    }
  }

  // MARK: The loop's thread

  /// There is something to write.
  func told() { connection?.advance() }

  var isCut: Bool { state.withLock { $0.isCut } }

  /// What is to be written next. All that was taken before has been.
  /// - Returns: nil: nothing now.
  func next() -> Step? {
    state.withLock { state in
      state.taken = 0
      state.isTold = false
      if let first = state.first {
        state.first = nil
        return first
      }
      if !state.outbox.isEmpty {
        let bytes = state.outbox
        state.outbox = []
        state.taken = bytes.count
        return .bytes(bytes)
      }
      return state.phase == .ended ? .end : nil
    }
  }

  /// The connection does not write it any more.
  func close() {
    connection = nil
    state.withLock { state in
      state.phase = .closed
      state.first = nil
      state.outbox = []
    }
  }
}

/// What the observer gets of a reply: to let go of it is to give up answering.
final class ControlPromise: ControlReply {
  private let reply: PlaneReply

  init(_ reply: PlaneReply) { self.reply = reply }

  deinit { reply.abandon() }

  func answer(
    _ status: Int, fields: [(name: String, value: String)], contentType: String, body: [UInt8]
  ) { reply.answer(status, fields, contentType, body) }

  func beginStream(_ status: Int, fields: [(name: String, value: String)], contentType: String) {
    reply.beginStream(status, fields, contentType)
  }

  func write(_ bytes: [UInt8]) -> Bool { reply.write(bytes) }

  func end() { reply.end() }
}
