import Lifecycle
import LinuxSystem
import Testing

@testable import Controller

@Suite("What the service manager is told of a state")
struct ServiceWordsTests {
  private func status(_ state: State, doing: String? = nil, failure: String? = nil) -> String {
    ServiceWords.status(state, doing: doing, failure: failure, inFlight: 3, place: "port 8080")
  }

  @Test("names the phase, in every situation of the machine")
  func everyState() {
    for machine in SnapshotTests.machines {
      let text = status(machine.state, doing: "x", failure: "it broke")
      switch machine.state {
      case .fetching: #expect(text == "Fetching: x")
      case .verifying: #expect(text == "Verifying: x")
      case .installing: #expect(text == "Installing: x")
      case .loading(let loading):
        if case .first = loading.course {
          #expect(text == "Loading: x")
        } else {
          #expect(text == "Restarting (attempt \(loading.attempt)): x")
        }
      case .ready: #expect(text == "Ready on port 8080")
      case .draining(let draining):
        #expect(text == (draining.cause.isAsked ? "Draining, 3 in flight" : "Failed: it broke"))
      case .stopped(let stopped):
        #expect(text == (stopped.cause.isAsked ? "Stopped" : "Failed: it broke"))
      }
    }
  }

  @Test("says only the phase while nobody has said more")
  func quiet() {
    #expect(status(Machine(policy: Policy()).state) == "Fetching")
    var draining = Machine(policy: Policy())
    _ = draining.handle(.failed(.configuration), at: .start)
    #expect(status(draining.state) == "Failed: configuration")
  }

  @Test("asks for time up to the state's own limit, and for none once it is ready")
  func terms() {
    for machine in SnapshotTests.machines {
      let policy = machine.policy
      let term = ServiceWords.term(machine.state, policy)
      let timer = machine.state.timers(policy).values.min()
      switch machine.state {
      case .fetching, .verifying, .installing:
        #expect(term == timer.map { .until($0) } ?? .unlimited)
      case .loading(let loading):
        if case .first = loading.course {
          #expect(term == timer.map { .until($0 + StacksFile.timeout) } ?? .unlimited)
        } else {
          #expect(term == ServiceWords.Term.none)
        }
      case .draining(let draining):
        #expect(term == .until(draining.startedAt + policy.drainDeadline))
      case .ready, .stopped: #expect(term == ServiceWords.Term.none)
      }
    }
  }

  @Test("a phase without a limit may take any time")
  func unlimited() {
    let policy = Policy(hardLimit: nil)
    var machine = Machine(policy: policy)
    _ = machine.handle(.started, at: .start)
    _ = machine.handle(.packageFetched, at: .start)
    #expect(ServiceWords.term(machine.state, policy) == .unlimited)
  }

  @Test(
    "is one line of at most its limit",
    arguments: [
      ("plain", "plain"), ("a\nREADY=1", "a READY=1"), ("a\r\n\tb\u{0}\u{1B}[0m", "a   b  [0m"),
      ("a\u{85}b\u{2028}c\u{2029}d", "a b c d"), ("", ""), ("é😀", "é😀"),
    ])
  func line(text: String, line: String) {
    #expect(ServiceWords.line(text) == line)
  }

  @Test("is cut between characters and marked", arguments: ["x", "é", "€", "😀"])
  func cut(_ character: String) {
    let limit = ServiceWords.statusLimit
    let width = character.utf8.count
    for shift in 0..<width {
      let head = String(repeating: "x", count: shift)
      let exact = head + String(repeating: character, count: (limit - shift) / width)
      #expect(ServiceWords.line(exact) == exact)
      let cut = ServiceWords.line(exact + exact)
      #expect(cut.hasSuffix(character + "…"))
      #expect(cut.utf8.count <= limit)
      #expect(cut.utf8.count > limit - 8)
    }
  }
}
