import Synchronization

/// The program's HTTP server, reverse proxy and file server: event loops on threads of their own
/// that read one snapshot of the program's state.
///
/// All methods are for the main thread, unless noted.
public final class DataPlane: Sendable {
  /// Takes ownership of the listening sockets: `stop()` closes them.
  /// - Throws: `SystemError` when an epoll instance or an eventfd cannot be made.
  public init(
    options: DataPlaneOptions, restListener: Int32, uiListener: Int32?, initial: Snapshot,
    observer: any DataPlaneObserver
  ) throws {
  }

  /// Starts the threads; requests are answered from here on.
  /// - Throws: `SystemError` when a thread cannot be made.
  public func start() throws {}

  /// What requests see from now on.
  public func publish(_ snapshot: Snapshot) {}

  /// Requests that count, of the whole program: agent requests and UI files, from the complete
  /// head to the last byte handed to the kernel. From any thread.
  public var inFlight: Int { 0 }

  /// Counted requests whose response was handed to the kernel, since start. From any thread.
  public var completed: Int { 0 }

  /// Counted requests that were answered 502 because the agent went away, or cut. From any thread.
  public var abortedCount: Int { 0 }

  /// The worker is gone: every exchange with it is answered 502, or cut when its response began,
  /// and counted aborted. Waits for the loops, at most 100 ms.
  /// - Returns: what was aborted, oldest first, at most 20, including exchanges that noticed the
  ///   end of the worker by themselves within the last second.
  public func upstreamLost() -> [AbortedRequest] { [] }

  /// Cuts responses that stream: SSE, or without a declared length. Waits like `upstreamLost`.
  public func cutStreams() -> [AbortedRequest] { [] }

  /// Cuts everything in flight; what has no response yet is answered 503. Waits like
  /// `upstreamLost`.
  public func cutAll() -> [AbortedRequest] { [] }

  /// A last pass over ready events (what waits in the accept queue is answered 503 and closed),
  /// then closes everything and joins the threads. Further calls do nothing.
  public func stop() {}
}
