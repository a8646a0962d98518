import Glibc
import Testing
@testable import Lifecycle
@Test func tmpWrite() {
  for (f, n) in [(SupervisionTable.Format.json, "/tmp/sup.json"), (.mermaid, "/tmp/sup.mmd")] {
    let b = SupervisionTable.text(f)
    let p = fopen(n, "w"); fwrite(b, 1, b.count, p); fclose(p)
  }
}
