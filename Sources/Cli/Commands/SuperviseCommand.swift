import Supervisor

enum SuperviseCommand {
  static let command = Command(
    name: "supervise", usage: "supervise", summary: "host many agents (Multi-PAR)",
    help: """
      Hosts the agents that SUPERVISOR_CONFIG lists and those of the admin API, each in a worker
      process of its own, and routes /agents/{id}/ to them on SUPERVISOR_PORT. The event log, that
      of the workers included, goes to standard output; SIGTERM or SIGINT drains and stops, SIGHUP
      reads the config again.

      exit status: 0 stopped as asked; 1 bad configuration or could not go on; 2 wrong usage.
      """
  ) { (arguments: Arguments, environment) throws(UsageError) in
    _ = try arguments.rest(atMost: 0)
    return HostedFleet.run(environment: environment, version: Main.version)
  }
}
