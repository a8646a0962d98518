public import AgentPackages
import ControlPlane
import DataPlane
import Lifecycle
import LinuxSystem
import PackageFetch
public import RunConfiguration

extension Policy {
  /// The machine's share of the configuration.
  init(_ configuration: Configuration) {
    self.init(
      fetchTimeout: configuration.fetchTimeout, installTimeout: configuration.installTimeout,
      loadTimeout: configuration.loadTimeout, hardLimit: configuration.hardLimit,
      restartsMaximum: configuration.restartsMaximum,
      restartsWindow: configuration.restartsWindow,
      drainDeadline: configuration.shutdownTimeout,
      terminateMinimum: configuration.drainMinimum,
      interruptMinimum: configuration.interruptDrainMinimum,
      streamDrain: configuration.streamDrain)
  }
}

extension Policy {
  /// The longest time for which streams are told to end before they are cut.
  static let longestStreamWarning = Interval.seconds(1)

  /// How long before open streams are cut the agent host ends them: 1 s, or a tenth of a shorter
  /// `STREAM_DRAIN_SEC`.
  var streamWarning: Interval { min(Self.longestStreamWarning, streamDrain * 0.1) }
}

extension Configuration {
  /// nil: the agent's event loop is not watched.
  var beatLimits: BeatWatch.Limits? {
    heartbeatTimeout > .zero ? BeatWatch.Limits(timeout: heartbeatTimeout) : nil
  }
}

extension DataPlaneOptions {
  /// The gate's share of the configuration.
  init(_ configuration: Configuration) {
    self.init(agentAppID: configuration.agentAppID, basePath: configuration.basePath)
    adopt(configuration)
  }
}

extension FetchRequest {
  /// The fetch step's share of the configuration.
  init(_ configuration: Configuration, url: String, runID: String) {
    self.init(
      url: url, sha256: configuration.packageSHA256,
      maximumBytes: configuration.maxPackageBytes,
      timeoutMilliseconds: configuration.fetchTimeout.milliseconds,
      cacheFolder: configuration.cacheFolder.path, runID: runID,
      cacheMaximumBytes: configuration.cacheMaxBytes)
  }
}

extension VerifyRequest {
  /// The verify step's share of the configuration.
  ///
  /// - Parameters:
  ///   - name: what sentences call the package, when its path says nothing to a person.
  ///   - hash: the archive's SHA-256, when it was computed a moment ago.
  public init(
    _ configuration: Configuration, path: String, host: HostLocation, name: String? = nil,
    hash: String? = nil
  ) {
    self.init(
      path: path, name: name, sha256: configuration.packageSHA256, archiveSHA256: hash,
      cacheFolder: configuration.cacheFolder.path,
      maximumUnpackedBytes: configuration.maxUnpackedBytes,
      maximumFiles: configuration.maxPackageFiles,
      hostRequirementsPath: host.requirementsFile, hostPython: host.python,
      installer: InstallerPreference(rawValue: configuration.installer.rawValue) ?? .auto,
      wheelhouse: configuration.wheelhouse, wheelhouseOnly: configuration.wheelhouseOnly,
      cacheMaximumBytes: configuration.cacheMaxBytes)
  }
}
