import Glibc

/// This process's environment; of a name that is there twice the first counts, as with getenv(3).
public func processEnvironment() -> [String: String] {
  var variables: [String: String] = [:]
  var entry = environ
  while let text = entry.pointee {
    let pair = String(cString: text)
    if let equals = pair.firstIndex(of: "=") {
      let name = String(pair[..<equals])
      if variables[name] == nil { variables[name] = String(pair[pair.index(after: equals)...]) }
    }
    entry = entry.advanced(by: 1)
  }
  return variables
}

/// Ends the process now, without what exit(3) would run for libraries.
public func exitProcess(_ code: Int32) -> Never { _exit(code) }
