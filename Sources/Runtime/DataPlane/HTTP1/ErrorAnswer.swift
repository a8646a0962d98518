import Lifecycle

/// The JSON body of every error that is ours: `{"error":"…","state":"…","request_id":"…"}`.
enum ErrorAnswer {
  static func body(_ text: String, state: String, requestID: [UInt8]) -> [UInt8] {
    JSONWriter.encode(
      .members([
        "error": .string(text), "state": .string(state),
        "request_id": .string(String(decoding: requestID, as: UTF8.self)),
      ]))
  }

  /// The whole response to a connection that is not going to be served.
  static func refusal(state: String) -> [UInt8] {
    let body = JSONWriter.encode(
      .members([
        "error": "No more connections are accepted now", "state": .string(state),
        "request_id": "",
      ]))
    return Array(
      """
      HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\n\
      Content-Length: \(body.count)\r\nConnection: close\r\n\r\n
      """.utf8) + body
  }
}

extension ErrorAnswer {
  /// The whole response to a client that speaks HTTP/1.x where only HTTP/2 is spoken.
  static func versionRefusal(state: String) -> [UInt8] {
    let body = JSONWriter.encode(
      .members([
        "error": "This port speaks gRPC, which is HTTP/2 without TLS; HTTP/1.1 is on the REST port",
        "state": .string(state), "request_id": "",
      ]))
    return Array(
      """
      HTTP/1.1 505 HTTP Version Not Supported\r\nContent-Type: application/json\r\n\
      Content-Length: \(body.count)\r\nConnection: close\r\n\r\n
      """.utf8) + body
  }
}

/// Reason phrases of the statuses that this program sends by itself.
enum StatusLine {
  static func reason(_ status: Int) -> StaticString {
    switch status {
    case 200: "OK"
    case 202: "Accepted"
    case 204: "No Content"
    case 206: "Partial Content"
    case 304: "Not Modified"
    case 308: "Permanent Redirect"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 412: "Precondition Failed"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 415: "Unsupported Media Type"
    case 416: "Range Not Satisfiable"
    case 417: "Expectation Failed"
    case 422: "Unprocessable Content"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    case 505: "HTTP Version Not Supported"
    case 507: "Insufficient Storage"
    default: "Status"
    }
  }
}
