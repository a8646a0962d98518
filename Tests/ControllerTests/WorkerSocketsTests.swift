import ControlPlane
import CPlatform
import Glibc
import LinuxSystem
import Testing

@testable import Controller

@Suite("The sockets of the workers")
struct WorkerSocketsTests {
  private func greet(_ listener: Int32, _ number: UInt8) {
    let connection = par_accept(listener)
    writeAll(connection, [number])
    closeDescriptor(connection)
  }

  @Test("are different ones, and the run's names lead to the last that was published")
  func publish() throws {
    let base = try TemporaryFolder()
    let folder = try RunFolder(runID: "1", environment: ["RUNTIME_DIRECTORY": base.path])
    defer { folder.remove() }
    var listeners: [Int32] = []
    defer { for listener in listeners { closeDescriptor(listener) } }
    for number in 1...2 {
      let sockets = WorkerSockets(folder: folder.path, number: number)
      let listener = par_listen_unix(sockets.rest, 4)
      try #require(listener >= 0)
      listeners.append(listener)
      sockets.publish(in: folder)
      for path in [folder.restSocket, sockets.rest] {
        let socket = par_connect_unix(path)
        #expect(socket >= 0)
        greet(listener, UInt8(number))
        #expect(waitReadable(socket, milliseconds: 2000))
        #expect(readToEnd(socket) == [UInt8(number)])
        closeDescriptor(socket)
      }
      // It has no socket for gRPC.
      #expect(FileKind(folder.a2aSocket) == .missing)
    }
    let first = WorkerSockets(folder: folder.path, number: 1)
    first.remove()
    #expect(FileKind(first.rest) == .missing)
    let socket = par_connect_unix(folder.restSocket)
    #expect(socket >= 0)
    closeDescriptor(socket)
  }

  @Test("have names that fit a socket's, however many there were")
  func names() {
    let last = WorkerSockets(folder: "", number: WorkerSockets.numbers - 1)
    #expect(last.rest == RunFolder.longestName)
    let next = WorkerSockets(folder: "", number: WorkerSockets.numbers)
    #expect(next.rest == "/rest.0.sock")
    #expect(last.a2a.utf8.count <= RunFolder.longestName.utf8.count)
  }
}
