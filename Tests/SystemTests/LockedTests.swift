import Glibc
import LinuxSystem
import Testing

@Suite("Locks")
struct LockedTests {
  private final class Work: Sendable {
    let count = Locked(0)
  }

  @Test("No change is lost between threads")
  func threads() {
    let work = Work()
    var threads: [pthread_t] = []
    for _ in 0..<4 {
      var thread = pthread_t()
      let created = pthread_create(
        &thread, nil,
        { argument in
          // Balances passRetained below.
          guard let argument else { return nil }
          let work = Unmanaged<Work>.fromOpaque(argument).takeRetainedValue()
          for _ in 0..<10_000 { work.count.withLock { $0 += 1 } }
          return nil
        }, Unmanaged.passRetained(work).toOpaque())
      #expect(created == 0)
      threads.append(thread)
    }
    for thread in threads { pthread_join(thread, nil) }
    #expect(work.count.withLock { $0 } == 40_000)
  }

  @Test("An error leaves the lock free and what was done before it in place")
  func error() {
    struct Refused: Error {}
    let list = Locked<[Int]>([])
    #expect(throws: Refused.self) {
      try list.withLock { list throws(Refused) in
        list.append(1)
        throw Refused()
      }
    }
    #expect(list.withLock { $0 } == [1])
  }
}
