import AgentPackages
public import Lifecycle

/// A package that has arrived.
public struct FetchedPackage: Sendable, Equatable {
  public enum Origin: String, Sendable {
    case network
    case cache
  }

  /// The archive, in the cache.
  public var path: String
  /// Of the archive: 64 lower-case hex digits, computed now.
  public var sha256: String
  public var bytes: Int64
  public var from: Origin

  public init(path: String, sha256: String, bytes: Int64, from: Origin) {
    self.path = path
    self.sha256 = sha256
    self.bytes = bytes
    self.from = from
  }

  public init(json: JSONValue) throws {
    let fields = JSONFields(json, of: "fetched package")
    path = try fields.text("path")
    sha256 = try fields.text("sha256")
    bytes = try fields.whole("bytes")
    from = try fields.choice("from")
  }

  public var json: JSONValue {
    .members([
      "path": .string(path), "sha256": .string(sha256), "bytes": .integer(bytes),
      "from": .string(from.rawValue),
    ])
  }
}
