/// Where a supervisor keeps what the admin API was told.
public enum StateFolder {
  /// `SUPERVISOR_STATE_DIR`, else `$STATE_DIRECTORY` (systemd.exec(5): a list, the first counts), as
  /// root `/var/lib/par`, `$XDG_STATE_HOME/par`, `$HOME/.local/state/par`, else a folder in
  /// `$TMPDIR`. Absolute.
  ///
  /// The variables that are not ours count only when they are absolute, as the XDG base directory
  /// specification asks.
  static func resolve(
    _ environment: [String: String], userID: UInt32, workingFolder: String
  ) -> String {
    func absolute(_ name: String) -> String? {
      environment[name].flatMap { $0.hasPrefix("/") ? FolderPath.trimmed($0) : nil }
    }
    if let own = environment["SUPERVISOR_STATE_DIR"], !own.isEmpty {
      return FolderPath.absolute(own, in: workingFolder)
    }
    let listed = environment["STATE_DIRECTORY"]?.split(separator: ":").first { $0.hasPrefix("/") }
    if let listed { return FolderPath.trimmed(String(listed)) }
    if userID == 0 { return "/var/lib/par" }
    if let xdg = absolute("XDG_STATE_HOME") { return FolderPath.joined(xdg, "par") }
    if let home = absolute("HOME") { return FolderPath.joined(home, ".local/state/par") }
    return FolderPath.joined(absolute("TMPDIR") ?? "/tmp", "par-state-\(userID)")
  }
}
