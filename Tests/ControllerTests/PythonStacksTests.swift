import Testing

@testable import Controller

@Suite("Python stacks")
struct PythonStacksTests {
  static let dump = """
    Thread 0x00007f0a4bfff6c0 (most recent call first):
      File "/usr/lib/python3.11/threading.py", line 331 in wait
      File "/agent/src/rest/worker.py", line 5 in run

    Current thread 0x00007f0a52b0d040 (most recent call first):
      File "/usr/lib/python3.11/socket.py", line 706 in readinto
      File "/agent/src/rest/index.py", line 12 in wait_for
      File "/agent/src/rest/index.py", line 14 in handler
      File "/par/agent-host/par_agent_host/dispatch.py", line 90 in __call__
      File "/par/agent-host/par_agent_host/host.py", line 144 in _run_loop
      File "/par/agent-host/start.py", line 60 in <module>

    """

  @Test("say where the loop's thread is in the agent's own code")
  func place() {
    #expect(
      PythonStacks(Self.dump).place(inside: "/agent") == "src/rest/index.py line 12, in wait_for")
    #expect(
      PythonStacks(Self.dump).place(inside: "/agent/") == "src/rest/index.py line 12, in wait_for")
  }

  @Test("say where else it is when none of that is in its stack")
  func elsewhere() {
    #expect(
      PythonStacks(Self.dump).place(inside: "/other")
        == "/usr/lib/python3.11/socket.py line 706, in readinto")
  }

  @Test(
    "say nothing when the loop's thread is not among them",
    arguments: [
      "", "\n\n", "Fatal Python error", "  File \"x\", line 1 in _run_loop",
      "Thread 0x1 (most recent call first):\n  <no Python frame>",
      "Thread 0x1 (most recent call first):\n  File \"/agent/a.py\", line 1 in _run_loop",
      "Thread 0x1 (most recent call first):\n  File \"/agent/a.py\", line",
    ])
  func nothing(text: String) {
    #expect(PythonStacks(text).place(inside: "/agent") == nil)
  }
}
