internal import Lifecycle

extension RunReport {
  /// What the run hosts, as the first line that names it says.
  var package: PackageIdentity? {
    for moment in history.moments {
      if case .install(_, let facts) = moment.event { return facts.package }
      if case .load(_, let facts) = moment.event { return facts.package }
    }
    return nil
  }
}
