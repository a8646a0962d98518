import Synchronization

/// The agents that a supervisor routes to, as one loop knows them. Empty in `run`.
struct LoopDirectory {
  fileprivate var current = Directory([], generation: 0)
  /// Parallel to the directory's entries.
  fileprivate var backends: [LoopBackend] = []
  /// No longer in the directory; some still have connections.
  fileprivate var former: [LoopBackend] = []

  /// Also those that were removed and have something to end.
  var all: [LoopBackend] { backends + former }
}

extension EventLoop {
  /// The agent of this id.
  func backend(id: UnsafeRawBufferPointer) -> LoopBackend? {
    refreshDirectory()
    return directory.current.find(id: id).map { directory.backends[$0] }
  }

  /// The agent that serves this deployment.
  func backend(deployment: UnsafeRawBufferPointer) -> LoopBackend? {
    refreshDirectory()
    return directory.current.find(deployment: deployment).map { directory.backends[$0] }
  }

  @inline(__always)
  func refreshDirectory() {
    guard
      shared.directoryWord.load(ordering: .sequentiallyConsistent) != directory.current.generation
    else { return }
    replaceDirectory()
  }

  private func replaceDirectory() {
    let next = shared.directory()
    var known: [ObjectIdentifier: LoopBackend] = [:]
    for backend in directory.backends { known[ObjectIdentifier(backend.backend)] = backend }
    directory.backends = next.entries.map { entry in
      if let old = known.removeValue(forKey: ObjectIdentifier(entry.backend)) { return old }
      let made = LoopBackend(entry.backend, shared, loop: index)
      made.join(self)
      return made
    }
    directory.current = next
    directory.former.removeAll { !$0.isConnected }
    directory.former += known.values
    for backend in known.values { backend.remove() }
  }
}
