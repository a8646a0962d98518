import ControlPlane
import CPlatform
import Glibc
import Lifecycle
import LinuxSystem
import Testing

@testable import Controller

@Suite("The file for stacks")
struct StacksFileTests {
  /// A process that answers SIGUSR2 with what `command` writes to its descriptor 3.
  private final class Worker {
    let pid: Int32
    let file: StacksFile

    init(answering command: String) throws {
      file = try StacksFile()
      let ready = try Pipe()
      pid = try ProcessTree.spawn(
        "/bin/sh",
        arguments: [
          "sh", "-c", "trap '\(command)' USR2; sleep 1000 & echo; while :; do wait; done",
        ],
        environment: ["PATH=/usr/bin:/bin"], descriptors: [-1, ready.writeEnd, -1, file.descriptor])
      closeDescriptor(ready.writeEnd)
      #expect(waitReadable(ready.readEnd, milliseconds: 20_000))
      closeDescriptor(ready.readEnd)
    }

    deinit {
      ProcessTree.killGroup(pid)
      _ = ProcessTree.reap(pid, within: .seconds(20))
    }

    /// What each of several that ask at once is answered.
    func dumps(_ count: Int = 1, meanwhile: () -> Void = {}) throws -> [String?] {
      let loop = try ControlLoop()
      var answers: [String?] = []
      for _ in 0..<count {
        file.dump(of: pid, loop: loop) { answer in
          answers.append(answer)
          if answers.count == count { loop.stop() }
        }
      }
      meanwhile()
      if answers.count < count { loop.run() }
      return answers
    }
  }

  @Test("holds what the worker writes when it is asked")
  func answered() throws {
    let worker = try Worker(answering: "echo stacks >&3")
    #expect(try worker.dumps() == ["stacks\n"])
  }

  @Test("begins anew with each dump")
  func anew() throws {
    let worker = try Worker(answering: "n=$((n + 1)); echo dump $n >&3")
    #expect(try worker.dumps() == ["dump 1\n"])
    #expect(try worker.dumps() == ["dump 2\n"])
  }

  @Test("gives all who ask at once the same dump, and asks the worker once")
  func shared() throws {
    let worker = try Worker(answering: "n=$((n + 1)); echo dump $n >&3")
    #expect(try worker.dumps(20) == [String?](repeating: "dump 1\n", count: 20))
    #expect(try worker.dumps() == ["dump 2\n"])
  }

  @Test("keeps a dump up to its limit, and makes no writer wait for a reader")
  func large() throws {
    let worker = try Worker(
      answering: "head -c \(StacksFile.limit * 3) /dev/zero | tr \"\\0\" x >&3")
    let dump = try #require(try worker.dumps().first ?? nil)
    #expect(dump.utf8.count <= StacksFile.limit)
    #expect(dump.allSatisfy { $0 == "x" })
  }

  @Test("is not waited for beyond its timeout when the worker is stopped")
  func stopped() throws {
    let worker = try Worker(answering: "echo stacks >&3")
    kill(worker.pid, SIGSTOP)
    let before = Clock.now()
    #expect(try worker.dumps(20) == [String?](repeating: nil, count: 20))
    #expect(Clock.now() - before >= StacksFile.timeout)
    #expect(Clock.now() - before < .seconds(10))
    kill(worker.pid, SIGCONT)
  }

  @Test("answers at once when the worker ends meanwhile, and ever after")
  func ended() throws {
    let worker = try Worker(answering: "true")
    let answers = try worker.dumps(3, meanwhile: { worker.file.workerEnded() })
    #expect(answers == [nil, nil, nil])
    #expect(try worker.dumps() == [nil])
  }
}
