import CPlatform
import Glibc

/// A system call that failed: which, on what, and why (errno(3)).
public struct SystemError: Error, Equatable, CustomStringConvertible {
  public let call: String
  public let subject: String?
  public let number: Int32

  /// Takes the calling thread's `errno`, so it comes first after the call that failed.
  public init(_ call: String, _ subject: String? = nil) {
    self.init(call, subject, number: errno)
  }

  public init(_ call: String, _ subject: String? = nil, number: Int32) {
    self.call = call
    self.subject = subject
    self.number = number
  }

  /// The kernel's words for the number, as "No such file or directory".
  public var reason: String { String(cString: strerror(number)) }

  public var description: String {
    if let subject { "\(call) \(subject): \(reason)" } else { "\(call): \(reason)" }
  }
}
