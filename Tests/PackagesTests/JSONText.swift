import Lifecycle

@testable import AgentPackages

/// Requests as text, for a process of their own.
enum JSONText {
  static func of(_ request: InstallRequest) -> [UInt8] { JSONWriter.encode(request.json) }
  static func request(_ text: String) throws -> InstallRequest {
    try InstallRequest(json: JSONReader.decode(text))
  }
}
