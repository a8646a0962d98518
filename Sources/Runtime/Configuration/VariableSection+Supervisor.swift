/// The rows of the variables of `supervise`.
extension VariableSection {
  static let supervisorRows = [
    VariableRow(
      "SUPERVISOR_PORT", default: "80",
      "0 to 65535; 0 is any free port. Everything is served there: agents, admin API, page, gRPC"),
    VariableRow(
      "SUPERVISOR_CONFIG", default: VariableRow.noDefault,
      """
      which agents run: a file, `s3://bucket/key` or `https://…`, YAML or JSON. It alone decides on \
      the agents that it lists
      """),
    VariableRow(
      "SUPERVISOR_CONFIG_POLL_SEC", default: "30",
      "0, or a time from 1: how often it is read again, as it is on SIGHUP. 0: on SIGHUP alone"),
    VariableRow(
      "SUPERVISOR_STATE_DIR",
      default: """
        the first there is of: `$STATE_DIRECTORY`, as root `/var/lib/par`, `$XDG_STATE_HOME/par`, \
        `$HOME/.local/state/par`, `par-state-<user id>` in `$TMPDIR`
        """,
      "a folder for what the admin API was told; one supervisor at a time"),
    VariableRow(
      "SUPERVISOR_TOKEN", default: VariableRow.noDefault,
      """
      up to 4096 visible ASCII characters: what the admin API wants as bearer token. Without it \
      the API answers 403 to everybody; less than 16 are the warning `token_short`
      """),
    VariableRow(
      "SUPERVISOR_WORKER_PORT_BASE", default: "8001",
      """
      1 to 65535: a worker gets the lowest of the 1000 ports from here on that is free, on the \
      loopback address
      """),
    VariableRow(
      "SUPERVISOR_WORKER_TCP", default: "`false`",
      "switch: ports for workers also where each agent has a user of its own and Unix sockets do"),
    VariableRow(
      "SUPERVISOR_SURGE", default: "`true`",
      """
      switch: a new version boots beside the one that serves, where memory allows. `0`: the old one \
      is stopped first
      """),
  ]
}
