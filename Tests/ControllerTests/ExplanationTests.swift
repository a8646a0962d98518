import ControlPlane
import Glibc
import Lifecycle
import LinuxSystem
import Testing

@testable import Controller

@Suite("Explanations of what cannot be started")
struct ExplanationTests {
  @Test(
    "a limit of the machine has a paragraph of its own",
    arguments: [EMFILE, ENFILE, EAGAIN, ENOMEM])
  func limits(number: Int32) {
    let explanation = Explanation(
      cannotStart: "the agent's interpreter", SystemError("start", "/python", number: number),
      hint: "docs/errors.md#interpreter")
    #expect(explanation.hint?.hasSuffix("docs/errors.md#limits") == true)
    #expect(
      explanation.error.hasPrefix("the agent's interpreter cannot be started: start /python: "))
  }

  @Test("every other reason keeps its own", arguments: [ENOENT, EACCES, ENOEXEC])
  func others(number: Int32) {
    let explanation = Explanation(
      cannotStart: "it", SystemError("start", number: number), hint: "docs/errors.md#interpreter")
    #expect(explanation.hint == "docs/errors.md#interpreter")
  }
}
