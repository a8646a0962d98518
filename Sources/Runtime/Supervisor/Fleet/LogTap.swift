/// Who reads along with the supervisor's log: each line as it was written to standard output, in
/// that order, on the log writer's thread. Must be quick and must not write to the log.
package protocol LogTap: AnyObject, Sendable {
  /// - Parameters:
  ///   - line: one JSON object, without its line feed; with `LOG_FORMAT=text` a line for a person.
  ///   - agent: whose worker wrote it, or whom it is about; nil: about none.
  func wrote(_ line: ArraySlice<UInt8>, agent: String?)
}
