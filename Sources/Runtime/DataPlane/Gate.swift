/// What the data plane may do with requests; the machine's state in the words of HTTP.
public enum Gate: UInt8, Sendable, CaseIterable {
  /// Before the first Ready: only `/livez` and `/metrics` answer 200.
  case booting
  /// The worker is being started again: agent routes answer 503.
  case restarting
  /// Everything is served.
  case ready
  /// A drain began: health is 503, everything else is served with `Connection: close`.
  case lameDuck
  /// New agent requests get 503 and close; what is in flight goes on.
  case closing

  var isDraining: Bool { self == .lameDuck || self == .closing }
}
