internal import CPlatform
import Glibc

/// A user and group that a child becomes, by number; both above 0.
public struct UserIdentity: Sendable, Hashable, CustomStringConvertible {
  public let user: UInt32
  public let group: UInt32

  public init(user: UInt32, group: UInt32) {
    self.user = user
    self.group = group
  }

  public var description: String { "user \(user)" }

  /// What a file can be opened for.
  public enum Access: Sendable { case read, execute }

  /// Whether this user may open a file or folder, and enter those above it. For root to ask.
  public func may(_ access: Access, _ path: String) -> Bool {
    par_access_as(user, group, path, access == .read ? R_OK : X_OK) == 0
  }
}

/// How a child differs from what `ProcessTree.spawn` starts otherwise (`par_spawn_confined`).
public struct Confinement: Sendable, Equatable {
  /// The user that it becomes before it executes; without other groups. Only root can.
  public var user: UserIdentity?
  /// A `cgroup.procs` opened for writing, whose group it joins. Stays the caller's.
  public var controlGroup: Int32?
  /// It is not killed when the starting thread ends: its own lifeline tells it.
  public var outlivesParent = false
  /// umask 077, no core dumps, no new privileges by executing (PR_SET_NO_NEW_PRIVS).
  public var isPrivate = false
  /// The kernel's out-of-memory killer takes it before the one who started it.
  public var isExpendable = false
  /// Above 0: its nice value (setpriority(2)).
  public var nice: Int32 = 0
  /// Above 0: the hard limit of open files, unless it is lower already.
  public var mostDescriptors: Int64 = 0
  /// Above 0: how many bytes of private memory each process may have (RLIMIT_DATA): what goes over it
  /// fails in the process that asks. Counts what is reserved for the stacks of threads.
  public var mostData: Int64 = 0
  /// A signal that it ignores until it sets a handler of its own; 0 is none.
  public var ignoredSignal: Int32 = 0

  public static let none = Confinement()

  public init() {}

  /// A worker of a supervisor. It outlives the supervisor for as long as it takes to end all that it
  /// started, as the end of its lifeline bids it.
  public static func worker(user: UserIdentity?) -> Confinement {
    var confinement = Confinement()
    confinement.user = user
    confinement.outlivesParent = true
    confinement.isPrivate = user != nil
    confinement.mostDescriptors = 1 << 16
    return confinement
  }

  var native: par_confinement {
    var native = par_confinement()
    native.outlives_parent = outlivesParent
    native.ignored = ignoredSignal
    native.has_user = user != nil
    native.user = user?.user ?? 0
    native.group = user?.group ?? 0
    native.has_control_group = controlGroup != nil
    native.control_group = controlGroup ?? -1
    native.is_private = isPrivate
    native.is_expendable = isExpendable
    native.nice = nice
    native.most_descriptors = mostDescriptors
    native.most_data = mostData
    return native
  }
}
