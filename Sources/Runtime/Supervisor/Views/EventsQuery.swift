/// The query of `/supervisor/events`: `agent=ID` and `tail=N`.
struct EventsQuery: Equatable {
  var agent: String?
  /// Of the newest lines, for a reader that begins.
  var tail = 0

  struct Problem: Error, Equatable {
    var sentence: String
  }

  init(_ query: String) throws(Problem) {
    for part in query.split(separator: "&") {
      let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let value = halves.count == 2 ? String(halves[1]) : ""
      switch halves[0] {
      case "agent":
        // Empty: of all, as a form sends it.
        guard value.utf8.count <= 128, value.utf8.allSatisfy(Self.isOfAnID) else {
          throw Problem(sentence: "agent in the query is no agent's id")
        }
        agent = value.isEmpty ? nil : value
      case "tail":
        guard let number = Int(value), number >= 0 else {
          throw Problem(sentence: "tail in the query is no number of lines")
        }
        tail = number
      default:
        throw Problem(sentence: "the query may have agent and tail, nothing else")
      }
    }
  }

  private static func isOfAnID(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
      UInt8(ascii: "-"):
      true
    default: false
    }
  }
}
