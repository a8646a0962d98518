import ControlPlane
import DataPlane
import LinuxSystem
import RunConfiguration

extension SupervisorRun {
  /// Puts the parts together that keep the desired state and answer control requests.
  func compose() {
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
