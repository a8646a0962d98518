import Glibc

/// A value that one thread at a time may touch.
///
/// Over a mutex of pthreads rather than the standard library's: that one is a futex of its own on
/// Linux, which the thread sanitizer does not know, so that it reports every use as a race. The lock
/// is not recursive, and nothing that waits belongs inside it.
///
/// Unchecked, because the compiler cannot see that `value` is touched with the mutex held alone.
public final class Locked<Value: Sendable>: @unchecked Sendable {
  /// On the heap by itself: a mutex must not move, and a class's stored property may be copied.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private var value: Value

  public init(_ value: Value) {
    self.value = value
    mutex = .allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    pthread_mutex_init(mutex, nil)
  }

  deinit {
    // The last release is no synchronization that the sanitizer sees; the lock is one.
    pthread_mutex_lock(mutex)
    pthread_mutex_unlock(mutex)
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  /// Runs `body` while no other thread is in `withLock` of this object.
  public func withLock<Result, Failure: Error>(
    _ body: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&value)
  }
}
