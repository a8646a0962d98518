import CPlatform
import Glibc

/// The signals that the program reads instead of being interrupted by (signalfd(2)).
public struct SignalSource: ~Copyable {
  /// Blocked before any thread exists, so that every thread inherits the mask.
  public static let handled: [Int32] = [
    SIGTERM, SIGINT, SIGCHLD, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2,
  ]

  public let descriptor: Int32

  /// To be called first thing in `main`, before another thread exists. SIGPIPE and SIGXFSZ are
  /// ignored: a reader that goes away, or a file that may not grow, is an error of the write.
  public init() throws(SystemError) {
    var mask = sigset_t()
    sigemptyset(&mask)
    for number in Self.handled { sigaddset(&mask, number) }
    pthread_sigmask(SIG_BLOCK, &mask, nil)
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
    descriptor = par_signalfd(&mask)
    guard descriptor >= 0 else { throw SystemError("signalfd") }
  }

  deinit { closeDescriptor(descriptor) }

  /// The next signal that came, or nil.
  public static func next(_ descriptor: Int32) -> Int32? {
    var record = signalfd_siginfo()
    let size = MemoryLayout<signalfd_siginfo>.size
    let count = withUnsafeMutableBytes(of: &record) { Glibc.read(descriptor, $0.baseAddress, size) }
    return count == size ? Int32(record.ssi_signo) : nil
  }

  /// A signal's name, as `SIGKILL`; `SIG42` for one without.
  public static func name(_ number: Int32) -> String {
    switch number {
    case SIGHUP: "SIGHUP"
    case SIGINT: "SIGINT"
    case SIGQUIT: "SIGQUIT"
    case SIGILL: "SIGILL"
    case SIGTRAP: "SIGTRAP"
    case SIGABRT: "SIGABRT"
    case SIGBUS: "SIGBUS"
    case SIGFPE: "SIGFPE"
    case SIGKILL: "SIGKILL"
    case SIGUSR1: "SIGUSR1"
    case SIGSEGV: "SIGSEGV"
    case SIGUSR2: "SIGUSR2"
    case SIGPIPE: "SIGPIPE"
    case SIGALRM: "SIGALRM"
    case SIGTERM: "SIGTERM"
    case SIGXCPU: "SIGXCPU"
    case SIGXFSZ: "SIGXFSZ"
    case SIGSYS: "SIGSYS"
    default: "SIG\(number)"
    }
  }
}
