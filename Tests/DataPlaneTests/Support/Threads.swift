import Glibc
import LinuxSystem

/// A thread that runs one closure; `join` waits for its end.
final class TestThread: Sendable {
  private final class Box: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  private let thread: Locked<pthread_t?>

  init(_ body: @escaping @Sendable () -> Void) {
    var created = pthread_t()
    let box = Unmanaged.passRetained(Box(body))
    let result = pthread_create(
      &created, nil,
      { argument in
        if let argument { Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body() }
        return nil
      }, box.toOpaque())
    precondition(result == 0, "a test cannot go on without its threads")
    thread = Locked(created)
  }

  func join() {
    let waiting = thread.withLock { thread in
      defer { thread = nil }
      return thread
    }
    if let waiting { pthread_join(waiting, nil) }
  }
}

/// A count that tests wait for, at most ten seconds.
final class Counter: Sendable {
  private let state = Locked(0)

  var value: Int { state.withLock { $0 } }
  func increment() { state.withLock { $0 += 1 } }

  /// - Returns: whether the count was reached in time.
  func waits(for least: Int) -> Bool { eventually { value >= least } }
}

/// Looks until it is so, at most ten seconds.
func eventually(_ condition: () -> Bool) -> Bool {
  for _ in 0..<10_000 {
    if condition() { return true }
    usleep(1000)
  }
  return condition()
}
