/// One HTTP request to be sent, without a body.
///
/// Its URL is to be sent as it stands: no dot segment removed, nothing encoded or decoded, for a
/// signature covers every byte of it. The `Host` field is the URL's host and, unless it is the
/// scheme's own, its port. Descriptions leave out the query and the values of fields, which can be
/// credentials.
struct HTTPRequest: Equatable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  var method: String
  /// Absolute, with a lower-case host and no port that the scheme has already.
  var url: String
  /// In order; `Host` is not among them.
  var fields: [(name: String, value: String)]

  init(method: String = "GET", url: String, fields: [(name: String, value: String)] = []) {
    self.method = method
    self.url = url
    self.fields = fields
  }

  /// The first value of that name, in any case.
  func value(of name: String) -> String? { FieldValue.first(of: name, in: fields) }

  static func == (left: HTTPRequest, right: HTTPRequest) -> Bool {
    left.method == right.method && left.url == right.url
      && left.fields.elementsEqual(right.fields) { $0 == $1 }
  }

  var description: String {
    "\(method) \(url.prefix { $0 != "?" && $0 != "#" })"
  }
  var debugDescription: String { description }
  var customMirror: Mirror { Mirror(self, children: []) }
}

/// The answer to a request whose body is small enough to be held whole.
struct HTTPAnswer {
  var status: Int
  var fields: [(name: String, value: String)]
  var body: [UInt8]

  init(status: Int, fields: [(name: String, value: String)] = [], body: [UInt8] = []) {
    self.status = status
    self.fields = fields
    self.body = body
  }

  /// The first value of that name, in any case.
  func value(of name: String) -> String? { FieldValue.first(of: name, in: fields) }
}

private enum FieldValue {
  static func first(of name: String, in fields: [(name: String, value: String)]) -> String? {
    let wanted = name.lowercased()
    return fields.first { $0.name.lowercased() == wanted }?.value
  }
}
