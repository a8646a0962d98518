import CPlatform
import Glibc
import LinuxSystem
import Testing

@Suite("A passed socket")
struct PassedSocketTests {
  private func open(_ domain: Int32, _ type: __socket_type) -> Int32 {
    socket(domain, Int32(type.rawValue), 0)
  }

  @Test("tells its name and address, and is made safe", arguments: ["127.0.0.1", "::1"])
  func network(address: String) throws {
    var port: UInt16 = 0
    let fd = par_listen_tcp(address, 0, 1, &port)
    defer { closeDescriptor(fd) }
    _ = par_set_cloexec(fd, false)
    _ = fcntl(fd, F_SETFL, 0)
    let passed = try PassedSocket(inherited: fd, name: "rest")
    #expect(passed.descriptor == fd)
    #expect(passed.name == "rest")
    #expect(passed.address == .network(address, port: port))
    #expect(passed.port == port)
    #expect(passed.place == "\(address) port \(port)")
    #expect(fcntl(fd, F_GETFD) == FD_CLOEXEC)
    #expect(fcntl(fd, F_GETFL) & O_NONBLOCK != 0)
  }

  @Test("may be a Unix socket")
  func unix() throws {
    let folder = try TemporaryFolder()
    let fd = par_listen_unix(folder.path + "/s", 1)
    defer { closeDescriptor(fd) }
    let passed = try PassedSocket(inherited: fd, name: "unknown")
    #expect(passed.address == .unix(folder.path + "/s"))
    #expect(passed.port == 0)
    #expect(passed.place == folder.path + "/s")
  }

  @Test("a Unix socket may have no name, or an abstract one")
  func unnamed() throws {
    let fd = open(AF_UNIX, SOCK_STREAM)
    defer { closeDescriptor(fd) }
    // Bound to nothing by itself it gets an abstract name (unix(7), autobind).
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    let size = socklen_t(MemoryLayout<sa_family_t>.size)
    let bound = withUnsafePointer(to: &name) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(fd, $0, size) }
    }
    #expect(bound == 0)
    #expect(listen(fd, 1) == 0)
    #expect(try PassedSocket(inherited: fd, name: "x").place.hasPrefix("@"))
    #expect(
      PassedSocket(descriptor: 3, name: "x", address: .unix("")).place == "an unnamed Unix socket")
  }

  @Test("is nothing else than a listening stream socket")
  func others() throws {
    let file = par_open("/dev/null", O_RDONLY | O_CLOEXEC, 0)
    let deaf = open(AF_INET, SOCK_STREAM)
    let datagram = open(AF_UNIX, SOCK_DGRAM)
    let netlink = open(AF_NETLINK, SOCK_RAW)
    defer { for fd in [file, deaf, datagram, netlink] { closeDescriptor(fd) } }
    for (fd, number) in [
      (-1, EBADF), (file, ENOTSOCK), (deaf, EINVAL), (datagram, EPROTOTYPE),
      (netlink, EPROTOTYPE),
    ] {
      let error = #expect(throws: SystemError.self) { try PassedSocket(inherited: fd, name: "x") }
      #expect(error?.number == number)
    }
  }
}
