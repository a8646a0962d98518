import CPlatform
import Glibc

/// The Unix sockets of one worker, under names that no other worker of the run has: whoever connects
/// to them reaches this one or nobody.
struct WorkerSockets: Equatable {
  /// Numbers begin again after so many workers: a socket's name has room for 108 bytes (unix(7)).
  static let numbers = 1_000_000

  let rest: String
  let a2a: String

  /// - Parameter number: of the worker in this run, from 1.
  init(folder: String, number: Int) {
    rest = "\(folder)/rest.\(number % Self.numbers).sock"
    a2a = "\(folder)/a2a.\(number % Self.numbers).sock"
  }

  /// Lets `rest.sock` and `a2a.sock` of the run's folder lead to this worker, each at once. These
  /// are links: under them a loop that has not heard of the change could take one worker for
  /// another.
  func publish(in folder: RunFolder) {
    for (socket, name) in [(rest, folder.restSocket), (a2a, folder.a2aSocket)] {
      let new = name + ".new"
      unlink(new)
      guard access(socket, F_OK) == 0, let file = socket.split(separator: "/").last,
        symlink(String(file), new) == 0
      else {
        unlink(name)
        continue
      }
      if rename(new, name) != 0 { unlink(new) }
    }
  }

  /// Nobody serves there any more.
  func remove() {
    unlink(rest)
    unlink(a2a)
  }
}
