import Lifecycle
import LinuxSystem
import Testing

@testable import Supervisor

@Suite("The log's readers")
struct EventHubTests {
  private func hub(_ change: (inout EventHub.Limits) -> Void = { _ in }) -> EventHub {
    var limits = EventHub.Limits()
    limits.pause = .milliseconds(1)
    change(&limits)
    return EventHub(startedAt: 1, limits)
  }

  private func write(_ hub: EventHub, _ text: String, agent: String? = nil) {
    hub.wrote(Array(text.utf8)[...], agent: agent)
  }

  @Test("get what is written while they read, each its own")
  func live() throws {
    let hub = hub()
    let (all, one) = (try RecordedReply(), try RecordedReply())
    write(hub, "before", agent: "a")
    #expect(hub.open(agent: nil, lastID: nil, tail: 0, reply: all))
    #expect(hub.open(agent: "a", lastID: nil, tail: 5, reply: one))
    write(hub, "for a", agent: "a")
    write(hub, "for b", agent: "b")
    write(hub, "for nobody")
    #expect(all.waits { $0.text.contains("data: for nobody\n\n") })
    #expect(one.waits { $0.text.contains("data: for a\n\n") })
    #expect(all.text.contains("data: for b\n\n") && !all.text.contains("before"))
    #expect(one.text.contains("data: before\n\n") && !one.text.contains("for b"))
    #expect(all.now.contentType == "text/event-stream")
    hub.close()
    #expect(all.waits { $0.now.hasEnded })
    #expect(one.waits { $0.now.hasEnded })
  }

  @Test("come back to where they were, without a line twice or missing")
  func resume() throws {
    let hub = hub()
    let first = try RecordedReply()
    #expect(hub.open(agent: nil, lastID: nil, tail: 0, reply: first))
    for number in 0..<50 { write(hub, "line \(number).") }
    #expect(first.waits { $0.text.contains("line 49.") })
    let last = try #require(first.text.split(separator: "id: ").last?.split(separator: "\n").first)
    for number in 50..<60 { write(hub, "line \(number).") }
    let second = try RecordedReply()
    #expect(hub.open(agent: nil, lastID: Int64(last), tail: 9, reply: second))
    #expect(second.waits { $0.text.contains("line 59.") })
    let lines = second.text.split(separator: "\n").filter { $0.hasPrefix("data: ") }
    #expect(lines.map { String($0.dropFirst(6)) } == (50..<60).map { "line \($0)." })
    hub.close()
  }

  @Test("hear something even when nothing happens")
  func keepAlive() throws {
    let hub = hub { $0.keepAlive = .milliseconds(5) }
    let reply = try RecordedReply()
    #expect(hub.open(agent: "quiet", lastID: nil, tail: 0, reply: reply))
    write(hub, "of another", agent: "loud")
    // The sign moves on past what is not for it, so that it can come back to a place that is kept.
    #expect(reply.waits { $0.text.hasSuffix(": here\nid: 1024\n\n") })
    #expect(!reply.text.contains("of another"))
    hub.close()
  }

  @Test("are let go when they are gone, and the thread with the last of them")
  func gone() throws {
    let hub = hub()
    let reply = try RecordedReply(patience: 2)
    #expect(hub.open(agent: nil, lastID: nil, tail: 0, reply: reply))
    write(hub, "first")
    #expect(reply.waits { $0.now.pieces == 2 })
    write(hub, "second")
    let deadline = Clock.now() + .seconds(10)
    while hub.readers > 0, Clock.now() < deadline { write(hub, "more") }
    #expect(hub.readers == 0)
    // And another one is served by a new thread.
    let next = try RecordedReply()
    #expect(hub.open(agent: nil, lastID: nil, tail: 0, reply: next))
    write(hub, "third")
    #expect(next.waits { $0.text.contains("third") })
    hub.close()
  }

  @Test("are at most as many as may be; none after the end")
  func bound() throws {
    let hub = hub { $0.readers = 2 }
    for _ in 0..<2 {
      #expect(hub.open(agent: nil, lastID: nil, tail: 0, reply: try RecordedReply()))
    }
    #expect(!hub.open(agent: nil, lastID: nil, tail: 0, reply: try RecordedReply()))
    hub.close()
    #expect(!hub.open(agent: nil, lastID: nil, tail: 0, reply: try RecordedReply()))
  }

  @Test("may begin with a bounded number of lines")
  func tailBound() throws {
    let hub = hub { $0.tail = 3 }
    for number in 0..<9 { write(hub, "line \(number).") }
    let reply = try RecordedReply()
    #expect(hub.open(agent: nil, lastID: nil, tail: 100, reply: reply))
    #expect(reply.waits { $0.text.contains("line 8.") })
    #expect(reply.text.split(separator: "data: ").count == 4)
    hub.close()
  }
}
