import ControlPlane
import DataPlane
import Lifecycle
import LinuxSystem
import RunConfiguration

extension SupervisorRun {
  /// Puts the parts together that keep the desired state and answer control requests.
  func compose() {
    if case .file(let path) = configuration.config {
      desired = StartupConfig(path) { [log] in log.write($0) }
    }
  }
}

extension DataPlaneOptions {
  /// Descriptors for workers: three pipes each, and room for what comes and goes.
  private static let workerDescriptors = 4096

  /// The gate's share of a supervisor's configuration.
  init(supervisor common: Configuration) {
    self.init()
    // A small limit is shared out: half of it for connections at least.
    adopt(common, reserved: min(Self.workerDescriptors, descriptorLimit() / 2))
  }
}
