import ControlPlane
import CPlatform
import DataPlane
import Glibc
import LinuxSystem
import Testing

@testable import Controller

@Suite("The listeners")
struct ListenersTests {
  private static let free = [
    "REST_PORT": "0", "A2A_PORT": "0", "UI_PORT": "0", "BIND_ADDRESS": "127.0.0.1",
  ]

  /// A listening socket as a service manager passes it.
  private func passed(_ name: String) throws -> PassedSocket {
    var port: UInt16 = 0
    return try PassedSocket(inherited: par_listen_tcp("127.0.0.1", 0, 1, &port), name: name)
  }

  private func close(_ listeners: Listeners) {
    for listener in listeners.forDataPlane { closeDescriptor(listener.descriptor) }
  }

  @Test("are opened by the program when none is passed")
  func opened() throws {
    let listeners = try Listeners(try configuration(Self.free))
    defer { close(listeners) }
    #expect(listeners.rest.port != 0 && listeners.a2a.port != 0)
    #expect(listeners.rest.place == "port \(listeners.rest.port)")
    #expect(!listeners.rest.isActivated)
    #expect(listeners.ui == nil)
  }

  @Test("are those that are passed, and the program's own for the rest")
  func mixed() throws {
    let configuration = try configuration(Self.free.merging(["MULTIPLEXED": "false"]) { $1 })
    for name in ["rest", "a2a", "ui"] {
      let socket = try passed(name)
      let listeners = try Listeners(configuration, passed: PassedSockets([socket], configuration))
      defer { close(listeners) }
      let all = ["rest": listeners.rest, "a2a": listeners.a2a, "ui": try #require(listeners.ui)]
      let taken = try #require(all[name])
      #expect(taken.descriptor == socket.descriptor)
      #expect(taken.port == socket.port)
      #expect(all.filter(\.value.isActivated).keys.elementsEqual([name]))
      #expect(all.values.filter { $0.port == socket.port }.count == 1)
    }
  }

  @Test("may be on a Unix socket, which has no port")
  func unix() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/s"
    let configuration = try configuration(Self.free)
    let socket = try PassedSocket(inherited: par_listen_unix(path, 1), name: "rest")
    let listeners = try Listeners(configuration, passed: PassedSockets([socket], configuration))
    defer { close(listeners) }
    #expect(listeners.rest.port == 0)
    #expect(listeners.rest.place == path)
  }
}

/// In processes of their own: a descriptor that was closed may be another test's at once.
@Suite("Sockets that are for nothing")
struct UnusedSocketTests {
  @Test("are closed")
  func closed() async {
    await #expect(processExitsWith: .success) {
      var port: UInt16 = 0
      let sockets = try ["rest", "other", "a2a"].map {
        try PassedSocket(inherited: par_listen_tcp("127.0.0.1", 0, 1, &port), name: $0)
      }
      let configuration = try configuration(["BIND_ADDRESS": "127.0.0.1"])
      let listeners = try Listeners(configuration, passed: PassedSockets(sockets, configuration))
      #expect(listeners.unused.map(\.socket) == [sockets[1]])
      let isOpen = sockets.map { fcntl($0.descriptor, F_GETFD) >= 0 }
      #expect(isOpen == [true, false, true])
    }
  }
}
