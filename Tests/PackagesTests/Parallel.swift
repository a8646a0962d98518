import Glibc
import LinuxSystem

/// Runs a closure on threads of their own and returns what came of each, in the order of ending.
func inParallel<Value: Sendable>(
  _ count: Int, _ body: @escaping @Sendable (Int) throws -> Value
) -> [Result<Value, any Error>] {
  let outcomes = Outcomes<Value>()
  var threads: [pthread_t] = []
  for index in 0..<count {
    let work = Work {
      let result = Result { try body(index) }
      outcomes.list.withLock { $0.append(result) }
    }
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      { argument in
        if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().run() }
        return nil
      }, Unmanaged.passRetained(work).toOpaque())
    threads.append(thread)
  }
  for thread in threads { pthread_join(thread, nil) }
  return outcomes.list.withLock { $0 }
}

private final class Outcomes<Value: Sendable>: Sendable {
  let list = Locked<[Result<Value, any Error>]>([])
}

private final class Work: Sendable {
  let run: @Sendable () -> Void
  init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}
