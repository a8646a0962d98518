/// The machine as a table.
public enum MachineTable {
  /// Identifies the table in each run's first line.
  public static let hash = "0000000000000000"
}
