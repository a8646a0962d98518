/// What one agent may have of the machine: `memory_mb` and `cpu_shares` of its configuration.
package struct ResourceLimits: Sendable, Equatable {
  /// Of all its processes together, in bytes; nil: as much as there is.
  package var memory: Int64?
  /// A share of the processors when they are short, as Docker and ECS count it (2–262144).
  package var cpuShares: Int

  /// What an agent without a setting has: all the same.
  package static let usualShares = 1024

  package init(memory: Int64? = nil, cpuShares: Int = ResourceLimits.usualShares) {
    self.memory = memory
    self.cpuShares = cpuShares
  }

  /// What each process may have of private memory where no control group holds all of them to the
  /// limit: so much that only a sudden growth fails, as what is over the limit for longer is seen
  /// (`MemoryWatch`). The kernel counts reserved stacks of threads too, 8 MiB each, and the libraries
  /// that agents use start a dozen or two.
  static func mostData(_ memory: Int64) -> Int64 { memory + memory / 2 + 256 << 20 }

  /// cpu.weight of cgroups(7), 1–10000, where 100 is the usual.
  package var cpuWeight: Int { min(10_000, max(1, cpuShares * 100 / Self.usualShares)) }

  /// The nice value that stands for it where there is no control group: each step is a quarter of
  /// the processor's time (sched(7)). Never below 0, which only root may ask for.
  package var nice: Int32 {
    var (value, shares): (Int32, Double) = (0, Double(max(1, cpuShares)))
    while shares * 1.12 < Double(Self.usualShares), value < 19 {
      shares *= 1.25
      value += 1
    }
    return value
  }
}
