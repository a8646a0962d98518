import Supervisor
import Testing

@Suite struct WorkerPortTests {
  @Test("Workers begin at port 8001") func first() { #expect(firstWorkerPort == 8001) }
}
