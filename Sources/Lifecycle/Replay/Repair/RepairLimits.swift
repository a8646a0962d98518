/// How far a search for repairs looks and how much it may cost, for a log in which everything is wrong
/// must not be checked at a crawl.
public struct RepairLimits: Sendable {
  /// Lines after the trouble that are kept; output and access lines that are in order need no place.
  public var linesAfter = 200
  /// Lines before the trouble that an edit may touch.
  public var reachBack = 12
  /// Lines after the trouble that an edit may move.
  public var reachAhead = 8
  /// Lines that may be missing in one place.
  public var chain = 3
  /// Lines that are replayed in one search.
  public var steps = 30_000
  /// Edits in one repair.
  public var edits = 2
  /// Repairs that are named.
  public var named = 3
  /// Runs for which a repair is sought, and lines that are replayed for all of them together.
  public var runs = 1000
  public var stepsOfAll = 3_000_000
  /// Lines that all runs with a trouble may hold together while they are open.
  public var heldLines = 30_000

  public init() {}
}
