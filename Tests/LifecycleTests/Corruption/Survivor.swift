/// A damage that no promise can notice, and why: the log could have been written by a machine with
/// another life.
struct Survivor {
  /// The beginning of what is done.
  let what: String
  let why: String

  static let all: [Survivor] = []

  static func reason(of what: String) -> String? {
    all.first { what.hasPrefix($0.what) || what.hasSuffix($0.what) }?.why
  }
}
