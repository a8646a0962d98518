import CPlatform
import Glibc
import LinuxSystem

extension PackageSteps {
  /// Removes what a step that was stopped in the middle left in the cache: its temporary folder,
  /// and the environment that it was building, unless another boot is building it by now.
  ///
  /// To be called when the step's processes have ended; what cannot be removed is swept later.
  public static func discardUnfinished(cacheFolder: String, environmentKey: String?) {
    PackageStore(cacheFolder: cacheFolder).sweep()
    guard let environmentKey else { return }
    let store = EnvironmentStore(cacheFolder: cacheFolder)
    let folder = store.folder(of: environmentKey)
    guard let lock = try? Descriptor.open(folder + ".lock", O_RDWR),
      par_flock_try(lock.number) == 0, !EnvironmentStore.isComplete(folder)
    else { return }
    try? store.discard(environmentKey)
  }
}
