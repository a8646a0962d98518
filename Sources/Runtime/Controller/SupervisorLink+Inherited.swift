import CPlatform
import DataPlane
import LinuxSystem

extension SupervisorLink {
  /// Names the descriptor of the memory in which a supervised run marks what it hands over to its
  /// agent, for this process alone.
  static let variable = "PAR_MARKS_FD"

  /// To the supervisor that this process was started by.
  ///
  /// Memory that cannot be mapped is no reason to end: the supervisor sees in it that nobody marks, and
  /// takes all that it sent for begun.
  static func inherited(_ environment: [String: String]) -> SupervisorLink {
    guard let number = environment[variable].flatMap({ Int32($0) }), number > 2,
      let marks = try? SupervisorMarks(descriptor: number)
    else { return SupervisorLink() }
    // The mapping is enough, and nobody is to inherit it.
    closeDescriptor(number)
    return SupervisorLink(marks: marks)
  }
}
