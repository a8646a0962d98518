/// The supervisor's machine as a table.
public enum SupervisionTable {
  /// Identifies the table in a supervisor's first line: FNV-1a, 64 bits, of `spec/supervisor.json`.
  /// A test holds the two together.
  public static let hash = "0000000000000000"
}
