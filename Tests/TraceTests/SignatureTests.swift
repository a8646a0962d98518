import Testing

@testable import LogTrace

@Suite("What equal failures have in common")
struct SignatureTests {
  @Test(
    "is the sentence without what differs",
    arguments: [
      ("it was not ready after 4 s", "it was not ready after # s"),
      ("restarts are used up (1 in 60 s)", "restarts are used up (# in # s)"),
      (
        "the package https://127.0.0.1:46505/a is refused: too short",
        "the package https://ADDRESS is refused: too short"
      ),
      ("HTTP 403 from 127.0.0.1:35489 (Bad)", "HTTP 403 from ADDRESS (Bad)"),
      ("its process ended with status 137", "its process ended with status 137"),
      ("cannot connect to [::1]:8080.", "cannot connect to ADDRESS."),
      ("no file \"/tmp/par-x/agent.yaml\", sorry", "no file \"PATH\", sorry"),
      ("SHA256 mismatch: 5f14fb1b548c456c", "SHA256 mismatch: ID"),
      ("run 0571a4ef-6180-456d-8315-b71b5fb54391 is gone", "run ID is gone"),
      ("object at 0x7fb54cfff6c0>", "object at ID>"),
      ("pid=4711 of python3.11", "pid=# of python3.#"),
      ("took 12.5s", "took #s"),
      ("deadbeef cafe added", "deadbeef cafe added"),
      ("a / b and ... and 7", "a / b and ... and #"),
      ("", ""),
    ])
  func fold(_ sentence: String, _ signature: String) {
    #expect(Signature.fold(sentence) == signature)
  }

  @Test("is no longer than its limit")
  func limit() {
    let long = Signature.fold(String(repeating: "wörter ", count: 100))
    #expect(long.count == Signature.limit)
  }

  @Test(
    "is found in a long sentence too, whatever stands in it",
    arguments: ["a=", "é", "[", "x", "1", ":", "."])
  func hostile(_ piece: String) {
    let long = Signature.fold(String(repeating: piece, count: 200_000))
    #expect(!long.isEmpty && long.count <= Signature.limit)
  }

  @Test("is counted in bounded memory, however long it is")
  func longTexts() {
    var texts = CommonTexts()
    let long = String(repeating: "é", count: CommonTexts.textLimit)
    for index in 0..<3 { texts.take(long + "\(index)", at: "a:\(index)") }
    #expect(texts.distinct == 1)
    #expect(texts.top(1).first?.text.utf8.count == CommonTexts.textLimit)
  }

  @Test("is counted exactly up to a bound, and then the common ones still lead")
  func counted() {
    var texts = CommonTexts()
    for index in 0..<CommonTexts.limit { texts.take("text \(index)", at: "a:\(index)") }
    #expect(!texts.isApproximate)
    for index in 0..<3 * CommonTexts.limit {
      texts.take("common", at: "b:1")
      texts.take("rare \(index)", at: "c:1")
    }
    #expect(texts.isApproximate)
    #expect(texts.distinct == CommonTexts.limit)
    let first = texts.top(1).first
    #expect(first?.text == "common")
    #expect((first?.count ?? 0) - (first?.excess ?? 0) == 3 * CommonTexts.limit)
    #expect(texts.total == 7 * CommonTexts.limit)
  }
}
