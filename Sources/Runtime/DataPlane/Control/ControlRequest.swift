/// A whole request for a path beneath `/supervisor`.
public struct ControlRequest: Sendable {
  /// As it was sent, in upper case by custom.
  public var method: String
  /// In normal form, without the query: `/supervisor` or what is beneath it.
  public var path: String
  /// Without its question mark, as it was sent; empty: none.
  public var query: String
  /// In the order in which they came; names as they were sent.
  public var fields: [(name: String, value: String)]
  /// At most `AgentsLimits.controlBody` bytes.
  public var body: [UInt8]
  /// The address of who is at the other end, without the port; empty: a Unix socket's.
  public var peer: String
  public var requestID: String

  public init(
    method: String, path: String, query: String = "",
    fields: [(name: String, value: String)] = [], body: [UInt8] = [], peer: String = "",
    requestID: String = ""
  ) {
    self.method = method
    self.path = path
    self.query = query
    self.fields = fields
    self.body = body
    self.peer = peer
    self.requestID = requestID
  }

  /// The one value of a field; nil when it is absent or there several times.
  /// - Parameter name: lower case.
  public func field(_ name: String) -> String? {
    let found = fields.filter { $0.name.lowercased() == name }
    return found.count == 1 ? found[0].value : nil
  }

  public var authorization: String? { field("authorization") }
  public var ifMatch: String? { field("if-match") }
  public var ifNoneMatch: String? { field("if-none-match") }
  public var lastEventID: String? { field("last-event-id") }
  public var accept: String? { field("accept") }
  public var contentType: String? { field("content-type") }
}
