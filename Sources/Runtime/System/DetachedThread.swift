import CPlatform
import Glibc

/// A thread that nobody waits for.
public enum DetachedThread {
  private final class Body: Sendable {
    let name: String
    let run: @Sendable () -> Void

    init(name: String, run: @escaping @Sendable () -> Void) {
      self.name = name
      self.run = run
    }
  }

  /// Begins to run `body`; what it holds is let go when it returns.
  ///
  /// - Parameter name: at most 15 bytes are shown (pthread_setname_np(3)).
  public static func start(
    _ name: String, _ body: @escaping @Sendable () -> Void
  ) throws(SystemError) {
    var thread = pthread_t()
    let retained = Unmanaged.passRetained(Body(name: name, run: body))
    let started = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        // Balances passRetained of the thread's start.
        let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
        _ = par_thread_name(body.name)
        body.run()
        return nil
      }, retained.toOpaque())
    guard started == 0 else {
      retained.release()
      throw SystemError("pthread_create", number: started)
    }
    pthread_detach(thread)
  }
}
