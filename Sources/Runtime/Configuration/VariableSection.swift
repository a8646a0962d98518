/// The parts of the table of variables, in the order of docs/configuration.md, where each is a table
/// between markers with its name.
enum VariableSection: String, CaseIterable, Sendable {
  // What `Configuration` reads.
  case agent, serving, limits, boot, drain, process, requirements, log
  // What `SupervisorConfiguration` reads besides.
  case supervisor
  // What others define, and other parts of the program read as they do.
  case downloads, service, folders

  /// True for the variables that configure this program alone: `Configuration.variables`.
  var isOwn: Bool {
    switch self {
    case .agent, .serving, .limits, .boot, .drain, .process, .requirements, .log: true
    case .supervisor, .downloads, .service, .folders: false
    }
  }

  var title: String {
    switch self {
    case .agent: "The agent and its package"
    case .serving: "Where it is served"
    case .limits: "Limits of a package"
    case .boot: "Boot"
    case .drain: "Drain"
    case .process: "The agent's process"
    case .requirements: "Installing requirements"
    case .log: "Log"
    case .supervisor: "Multi-PAR"
    case .downloads: "Read as others read them: for downloads"
    case .service: "Read as others read them: set by a service manager"
    case .folders: "Read as others read them: folders and programs"
    }
  }

  var rows: [VariableRow] {
    switch self {
    case .agent: Self.agentRows
    case .serving: Self.servingRows
    case .limits: Self.limitRows
    case .boot: Self.bootRows
    case .drain: Self.drainRows
    case .process: Self.processRows
    case .requirements: Self.requirementRows
    case .log: Self.logRows
    case .supervisor: Self.supervisorRows
    case .downloads: Self.downloadRows
    case .service: Self.serviceRows
    case .folders: Self.folderRows
    }
  }
}
