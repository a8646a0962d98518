internal import Lifecycle

/// One process of the agent, from its start to its end. In a reload, two of them overlap.
struct WorkerLife: Equatable {
  let pid: Int
  let attempt: Int
  /// Milliseconds since the run's process started.
  let start: Int64
  /// Nil: the log does not tell of it.
  var end: Int64?
  /// Whether it ended as it was asked to.
  var wasAsked = false
  /// How it ended, as the end of a sentence.
  var how: String?
  /// The first lane, from 0, in which it overlaps no other.
  var lane = 0

  /// A run's processes in the order of their starts.
  static func all(in history: History) -> [WorkerLife] {
    var lives: [WorkerLife] = []
    var running: [Int: Int] = [:]
    var now: Int64 = 0
    for moment in history.moments {
      now = max(now, min(moment.uptimeMilliseconds, 1 << 53))
      switch moment.event {
      case .workerStarted(let pid, let attempt):
        if let before = running[pid] { lives[before].end = now }
        running[pid] = lives.count
        lives.append(WorkerLife(pid: pid, attempt: attempt, start: now))
      case .workerExited(let exit):
        guard let index = running.removeValue(forKey: exit.pid) else { continue }
        lives[index].end = now
        lives[index].wasAsked = exit.asked
        lives[index].how = exit.why
      default: continue
      }
    }
    return inLanes(lives)
  }

  private static func inLanes(_ lives: [WorkerLife]) -> [WorkerLife] {
    /// When each lane is free again; nil: never.
    var free: [Int64?] = []
    return lives.map { life in
      var life = life
      let lane = free.firstIndex { $0.map { $0 <= life.start } ?? false } ?? free.count
      if lane == free.count { free.append(nil) }
      free[lane] = life.end
      life.lane = lane
      return life
    }
  }
}
