internal import Lifecycle
internal import LinuxSystem

/// Memory and processor time of the workers, read from /proc at most once in `lifetime` however many
/// ask: the routes that tell them are open to everybody.
struct UsageCache {
  static let lifetime = Interval.seconds(1)

  private struct Usage {
    var pid: Int32
    var rssBytes: Int64?
    var cpuSeconds: Double?
  }

  private var usages: [Int: Usage] = [:]
  private var readAt: Instant?

  /// A fresh view, with figures that are at most `lifetime` old.
  mutating func view(of fleet: any Fleet, now: Instant = Clock.now()) -> FleetView {
    if let readAt, now - readAt < Self.lifetime {
      var view = fleet.view(usage: false)
      if fill(&view) { return view }
    }
    let view = fleet.view(usage: true)
    readAt = now
    usages = Dictionary(
      view.workers.map {
        ($0.number, Usage(pid: $0.pid, rssBytes: $0.rssBytes, cpuSeconds: $0.cpuSeconds))
      }, uniquingKeysWith: { $1 })
    return view
  }

  /// - Returns: false: there is a worker that nothing is known of.
  private func fill(_ view: inout FleetView) -> Bool {
    for place in view.workers.indices {
      guard let usage = usages[view.workers[place].number], usage.pid == view.workers[place].pid
      else { return false }
      view.workers[place].rssBytes = usage.rssBytes
      view.workers[place].cpuSeconds = usage.cpuSeconds
    }
    return true
  }
}
