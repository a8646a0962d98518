import CPlatform
public import Lifecycle

/// The readiness of descriptors, as epoll(7) tells it, level-triggered. Owns its own descriptor.
public struct EpollSet: ~Copyable {
  /// What a descriptor is ready for.
  public struct Readiness: Sendable {
    public let token: UInt64
    public let events: UInt32
  }

  public static let capacity = 64
  private let descriptor: Int32

  public init() throws(SystemError) {
    descriptor = par_epoll_create()
    guard descriptor >= 0 else { throw SystemError("epoll_create1") }
  }

  deinit { closeDescriptor(descriptor) }

  /// Watches for input (and for the end of it).
  public func add(_ fd: Int32, token: UInt64) throws(SystemError) {
    guard par_epoll_add(descriptor, fd, PAR_EPOLLIN, token) == 0 else {
      throw SystemError("epoll_ctl add")
    }
  }

  /// A descriptor that is no member is no error: it may have been closed already.
  public func remove(_ fd: Int32) { _ = par_epoll_remove(descriptor, fd) }

  /// Waits until something is ready or `timeout` is over; nil waits for ever.
  public func wait(_ timeout: Interval?) -> [Readiness] {
    withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: Self.capacity) { events in
      let nanoseconds = timeout.map { max(0, $0.nanoseconds) } ?? -1
      let count = par_epoll_wait(
        descriptor, events.baseAddress, Int32(Self.capacity), nanoseconds)
      guard count > 0 else { return [] }
      return events.prefix(Int(count)).map { event in
        withUnsafePointer(to: event) {
          Readiness(token: par_epoll_token($0), events: event.events)
        }
      }
    }
  }
}
