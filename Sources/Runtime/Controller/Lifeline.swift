import CPlatform
import ControlPlane
import DataPlane
import Glibc
import Lifecycle
import LinuxSystem

/// The pipe on which a supervisor commands this run (`PAR_CONTROL_FD`). Its end of file is the end of
/// the supervisor.
struct Lifeline {
  /// Names the descriptor of its read end, for this process alone.
  static let variable = "PAR_CONTROL_FD"
  /// The longest line that is read, in bytes.
  static let lineLimit = 64

  /// A line: what the signal of that name is to a run that nobody supervises.
  enum Command: String, CaseIterable {
    case terminate, interrupt, hangup, kill
  }

  let descriptor: Int32
  private var reader = LineReader(maximum: Lifeline.lineLimit)

  /// What was read: the commands, the lines that are none, and whether the supervisor is gone.
  struct News: Equatable {
    var commands: [Command] = []
    var unknown: [String] = []
    var hasEnded = false
  }

  init(descriptor: Int32) { self.descriptor = descriptor }

  mutating func read() -> News {
    let (lines, ended) = reader.read(descriptor)
    var news = News(hasEnded: ended)
    for line in lines {
      if let command = Command(rawValue: line) {
        news.commands.append(command)
      } else {
        news.unknown.append(line)
      }
    }
    return news
  }

  /// The one that this process was started with, or nil. It is made close-on-exec and non-blocking.
  static func inherited(
    _ environment: [String: String]
  ) -> Result<Lifeline?, Listeners.Failure> {
    guard let text = environment[variable], !text.isEmpty else { return .success(nil) }
    guard let number = Int32(text), number > 2 else {
      return .failure(failure("\(variable)=\(text) is no descriptor above 2"))
    }
    var status = stat()
    guard fstat(number, &status) == 0 else {
      return .failure(failure("the descriptor \(variable)=\(text) is not open"))
    }
    guard [S_IFIFO, S_IFSOCK].contains(status.st_mode & S_IFMT) else {
      return .failure(failure("the descriptor \(variable)=\(text) is neither a pipe nor a socket"))
    }
    guard par_set_cloexec(number, true) == 0, par_set_nonblocking(number) == 0 else {
      let error = SystemError("set up", "\(variable)=\(text)")
      return .failure(failure("\(error)"))
    }
    return .success(Lifeline(descriptor: number))
  }

  /// An environment for this program's own children.
  static func removed(from environment: [String: String]) -> [String: String] {
    environment.filter { $0.key != variable && $0.key != SupervisorLink.variable }
  }

  private static func failure(_ error: String) -> Listeners.Failure {
    Listeners.Failure(
      explanation: Explanation(
        error: error,
        hint: "it is for the supervisor to set; docs/errors.md#control-descriptor"))
  }
}
