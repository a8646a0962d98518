internal import Glibc

/// A lock, and a bell for those who wait for something that it guards. Of pthreads, as `Locked` is, so
/// that the thread sanitizer knows it.
///
/// Unchecked: both pointers are constant, and what they point at is made for many threads.
final class Monitor: @unchecked Sendable {
  // On the heap by themselves: neither may move.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let bell = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  init() {
    mutex.initialize(to: pthread_mutex_t())
    bell.initialize(to: pthread_cond_t())
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(bell, nil)
  }

  deinit {
    pthread_cond_destroy(bell)
    pthread_mutex_destroy(mutex)
    bell.deallocate()
    mutex.deallocate()
  }

  func lock() { pthread_mutex_lock(mutex) }
  func unlock() { pthread_mutex_unlock(mutex) }
  /// Waits, without the lock meanwhile, until somebody rings; or for no reason.
  func wait() { pthread_cond_wait(bell, mutex) }
  /// Wakes all who wait.
  func ring() { pthread_cond_broadcast(bell) }
}
