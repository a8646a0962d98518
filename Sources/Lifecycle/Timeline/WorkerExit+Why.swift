extension WorkerExit {
  /// How the process ended, as the end of a sentence that begins with it.
  public var why: String {
    if outOfMemory { return "ended by the kernel because memory ran out" }
    // The program tells why it killed a process in the first line; a process that somebody else killed
    // has its own last words there.
    if signal == "SIGKILL", let first = stack?.split(separator: "\n").first,
      first.hasPrefix("the agent's ") || first.hasPrefix("it was not ready")
    {
      return "killed: \(first)"
    }
    if let signal { return "ended by \(signal)" }
    guard let status else { return "ended" }
    return "ended with status \(status)\(raised.map { ": \($0)" } ?? "")"
  }

  /// The exception that a traceback ends with.
  private var raised: Substring? {
    guard let stack, stack.hasPrefix("Traceback ") || stack.contains("\nTraceback ") else {
      return nil
    }
    return stack.split(separator: "\n").last { !$0.hasPrefix(" ") }
  }
}
