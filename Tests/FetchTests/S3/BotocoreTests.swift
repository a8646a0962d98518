import Glibc
import Lifecycle
import Testing

@testable import PackageFetch

/// An object, an environment, and the request that botocore makes of them.
struct BotocoreRequest: CustomTestStringConvertible, Sendable {
  let url: String
  let environment: [String: String]
  let fields: [(String, String)]
  let at: Int64
  let sentURL: String
  /// By lower-case name.
  let sentFields: [String: String]

  init?(line: String) {
    guard let value = try? JSONReader.decode(line), let url = value["url"]?.text,
      let at = value["at"]?.whole, let sent = value["sent"], let sentURL = sent["url"]?.text
    else { return nil }
    self.url = url
    self.at = at
    self.sentURL = sentURL
    environment = Self.dictionary(value["environment"])
    sentFields = Self.dictionary(sent["fields"])
    fields = (value["fields"]?.list ?? []).compactMap { field in
      guard let pair = field.list, pair.count == 2, let name = pair[0].text,
        let text = pair[1].text
      else { return nil }
      return (name, text)
    }
  }

  private static func dictionary(_ value: JSONValue?) -> [String: String] {
    Dictionary(
      uniqueKeysWithValues: (value?.members ?? []).map { ($0.name, $0.value.text ?? "") })
  }

  var testDescription: String { "\(sentURL.prefix(100)) at \(at)" }

  static let fileName = "botocore-signatures.jsonl"

  static func table() throws -> [BotocoreRequest] {
    let path = #filePath.split(separator: "/").dropLast().joined(separator: "/")
    let file = try #require(fopen("/\(path)/\(fileName)", "r"))
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = fread(&piece, 1, piece.count, file)
      if count == 0 { break }
      bytes += piece[..<count]
    }
    return try bytes.split(separator: UInt8(ascii: "\n")).map {
      try #require(BotocoreRequest(line: String(decoding: $0, as: UTF8.self)))
    }
  }
}

@Suite("Requests beside botocore's") struct BotocoreTests {
  @Test("a request is botocore's: address, fields, signature")
  func comparison() throws {
    let table = try BotocoreRequest.table()
    #expect(table.count >= 100)
    for expected in table {
      let source = try S3Source(url: expected.url, environment: expected.environment)
      var chain = CredentialChain(environment: expected.environment)
      let credentials = try chain.credentials(at: expected.at) { _ in
        Issue.record("nobody needs to be asked")
        return HTTPAnswer(status: 500)
      }
      let request = source.request(
        fields: expected.fields, credentials: credentials, at: expected.at)
      #expect(request.url == expected.sentURL, "\(expected.url.prefix(100))")
      let sent = Dictionary(
        uniqueKeysWithValues: request.fields.map { ($0.name.lowercased(), $0.value) })
      #expect(sent == expected.sentFields, "\(expected.sentURL.prefix(100))")
      #expect(request.method == "GET")
      #expect(source.url == request.url)
    }
  }
}
