import Controller

enum RunCommand {
  static let command = Command(
    name: "run", usage: "run [PACKAGE]", summary: "host one agent",
    help: """
      Hosts the agent in PACKAGE, an .apkg file or an unpacked package folder; without it,
      AGENT_PACKAGE_PATH, else PACKAGE_URL. AGENT_APP_ID must be set. The event log goes to
      standard output; SIGTERM or SIGINT drains and stops.

      exit status: 0 stopped as asked; 1 could not boot, hard limit, bad configuration, gave up;
      2 wrong usage.
      """
  ) { (arguments: Arguments, environment) throws(UsageError) in
    let package = try arguments.rest(atMost: 1).first
    return HostedAgent.run(
      environment: environment, packageArgument: package, version: Main.version)
  }
}
