internal import CPlatform
internal import Glibc

/// What a person looks at, behind a descriptor.
public enum Terminal {
  /// Columns where nobody says how many there are.
  public static let usualColumns = 80

  /// Columns for what is written to the descriptor: those that the person wants (`COLUMNS`, POSIX XBD
  /// 8.3), those of the window, or 80 in a file or a pipe.
  public static func columns(_ descriptor: Int32, _ environment: [String: String]) -> Int {
    if let wanted = environment["COLUMNS"].flatMap({ Int($0) }), wanted > 0 { return wanted }
    let window = Int(par_terminal_columns(descriptor))
    return window > 0 ? window : usualColumns
  }

  /// Whether what is written to the descriptor is seen in colours: it is a terminal that has some, and
  /// `NO_COLOR` (no-color.org) is not set to anything.
  public static func showsColours(_ descriptor: Int32, _ environment: [String: String]) -> Bool {
    guard environment["NO_COLOR"]?.isEmpty ?? true, environment["TERM"] != "dumb" else {
      return false
    }
    return isTerminal(descriptor)
  }

  public static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }
}
