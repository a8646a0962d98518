package import DataPlane

/// Who answers a part of the requests for `/supervisor` and what is below it: Admin/, Page/ and
/// Views/. On the main thread; the reply may be used later and from any thread.
///
/// The driver asks its handlers in order: the first one that takes a request answers it, and what
/// nobody takes is 404.
package protocol ControlHandler: AnyObject {
  /// - Returns: false when the path is none of its own.
  func take(_ request: ControlRequest, _ reply: any ControlReply) -> Bool
}
