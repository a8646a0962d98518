import AgentPackages
import Glibc
import Lifecycle
import LinuxSystem

/// A config in a file, looked at again and again.
struct ConfigFile {
  /// A file that was changed less than this ago may still be written: half of a list is a list too.
  static let settling = Interval.seconds(1)

  enum Look: Equatable {
    /// The file is as it was at the last look.
    case same
    /// It is being written: look again after this time.
    case settling(Interval)
    case bytes([UInt8])
    /// One sentence.
    case unreadable(String)
  }

  let path: String
  let limit: Int
  private var seen: FileStatus?

  init(path: String, limit: Int) {
    self.path = path
    self.limit = limit
  }

  /// - Parameters:
  ///   - isAsked: somebody says that the file is ready, at the start or by SIGHUP: it is read whatever
  ///     its times say.
  ///   - now: nanoseconds since 1970.
  mutating func look(isAsked: Bool, now: Int64) -> Look {
    do throws(SystemError) {
      // Without waiting for a writer, should it be a pipe.
      let file = try Descriptor.open(path, O_RDONLY | O_NONBLOCK)
      let status = try file.status()
      guard status.isFile else {
        seen = nil
        return .unreadable("SUPERVISOR_CONFIG, \(path), is no file")
      }
      if !isAsked {
        if status == seen { return .same }
        let age = Interval(nanoseconds: now - status.modified)
        if age >= .zero, age < Self.settling { return .settling(Self.settling - age) }
      }
      let bytes = try file.read(at: 0, count: limit + 1)
      guard try file.status() == status else { return .settling(Self.settling) }
      seen = status
      return .bytes(bytes)
    } catch {
      seen = nil
      return .unreadable("SUPERVISOR_CONFIG, \(path), cannot be read: \(error.reason)")
    }
  }
}
