/// Which variables of a run's configuration, as its first line has it, a promise reads.
enum LoggedConfiguration {
  /// Only these are kept when a line is read to be judged.
  static let judged = [
    "LOG_LEVEL", "BOOT_BUDGET_MS", "BOOT_HARD_LIMIT_MULTIPLIER", "FETCH_TIMEOUT_SEC",
    "INSTALL_TIMEOUT_SEC", "LOAD_TIMEOUT_SEC", "GRACEFUL_SHUTDOWN_TIMEOUT_SEC", "DRAIN_MIN_SEC",
    "STREAM_DRAIN_SEC", "WORKER_RESTARTS", "ACCESS_LOG", "SLOW_REQUEST_MS", "MULTIPLEXED",
    "HOLD_MAX_SEC", "HOLD_MAX_REQUESTS", "HEARTBEAT_TIMEOUT_SEC", "AGENT_APP_ID", "DEPLOYMENT_ID",
  ]
}
