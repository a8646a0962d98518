import CPlatform
import Glibc
import LinuxSystem

/// Where the agent host is: the Python side that loads an agent's code.
///
/// It is found from the program's own path: `share/par/agent-host` beside the `bin` folder of an
/// installed program, else `agent-host` in a folder above it, as in a source tree.
public struct HostLocation: Sendable, Equatable {
  public let folder: String

  public var startFile: String { folder + "/start.py" }
  public var requirementsFile: String { folder + "/requirements.txt" }
  /// The interpreter of the host's own environment; it may be absent.
  public var python: String { folder + "/.venv/bin/python" }

  /// How many folders above the program are looked at.
  public static let searchDepth = 6

  public static func find(program: String = "/proc/self/exe") -> HostLocation? {
    guard let program = resolvedPath(program) else { return nil }
    var parts = program.split(separator: "/").dropLast()
    for _ in 0..<searchDepth {
      let base = parts.isEmpty ? "" : "/" + parts.joined(separator: "/")
      for candidate in [base + "/share/par/agent-host", base + "/agent-host"] {
        if case .file = FileKind(candidate + "/start.py") { return HostLocation(folder: candidate) }
      }
      if parts.isEmpty { return nil }
      parts = parts.dropLast()
    }
    return nil
  }
}
