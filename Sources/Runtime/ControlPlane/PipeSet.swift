package import LinuxSystem

/// Several pipes to a child, all of them or none.
///
/// Of each pipe one end is the child's: the reading end of an input, else the writing end.
package struct PipeSet {
  private let pipes: [Pipe]

  package init(_ count: Int) throws(SystemError) {
    var made: [Pipe] = []
    for _ in 0..<count {
      do { made.append(try Pipe()) } catch {
        for pipe in made {
          closeDescriptor(pipe.readEnd)
          closeDescriptor(pipe.writeEnd)
        }
        throw error
      }
    }
    pipes = made
  }

  package subscript(index: Int) -> Pipe { pipes[index] }

  /// Closes the child's ends, which it has by now. `input`: which pipes the child reads.
  package func closeTheirs(input: Set<Int>) {
    for (index, pipe) in pipes.enumerated() {
      closeDescriptor(input.contains(index) ? pipe.readEnd : pipe.writeEnd)
    }
  }

  /// Closes this program's ends.
  package func closeOurs(input: Set<Int>) {
    for (index, pipe) in pipes.enumerated() {
      closeDescriptor(input.contains(index) ? pipe.writeEnd : pipe.readEnd)
    }
  }
}
