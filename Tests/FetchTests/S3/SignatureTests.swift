import AgentPackages
import Testing

@testable import PackageFetch

/// A request of AWS's Signature Version 4 test suite, or of the S3 API reference, and its published
/// signature.
struct PublishedSignature: CustomTestStringConvertible {
  let name: String
  var path = "/"
  var query: [(String, String)] = []
  var fields: [(String, String)] = []
  let signature: String

  var testDescription: String { name }
}

private let suite: [PublishedSignature] = [
  PublishedSignature(
    name: "get-vanilla",
    signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
  PublishedSignature(
    name: "get-vanilla-query-order-key-case", query: [("Param2", "value2"), ("Param1", "value1")],
    signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
  PublishedSignature(
    name: "get-vanilla-empty-query-key", query: [("Param1", "value1")],
    signature: "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"),
  PublishedSignature(
    name: "get-vanilla-utf8-query", query: [("%E1%88%B4", "bar")],
    signature: "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"),
  PublishedSignature(
    name: "get-unreserved",
    path: "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    signature: "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"),
  PublishedSignature(
    name: "get-utf8", path: "/%E1%88%B4",
    signature: "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
  PublishedSignature(
    name: "get-header-key-duplicate",
    fields: [("My-Header1", "value2"), ("My-Header1", "value2"), ("My-Header1", "value1")],
    signature: "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"),
  PublishedSignature(
    name: "get-header-value-order",
    fields: [
      ("My-Header1", "value4"), ("My-Header1", "value1"), ("My-Header1", "value3"),
      ("My-Header1", "value2"),
    ], signature: "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"),
  PublishedSignature(
    name: "get-header-value-trim",
    fields: [("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")],
    signature: "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"),
]

private let s3Examples: [PublishedSignature] = [
  PublishedSignature(
    name: "GET Object", path: "/test.txt", fields: [("Range", "bytes=0-9")],
    signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
  PublishedSignature(
    name: "GET Bucket Lifecycle", query: [("lifecycle", "")],
    signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
  PublishedSignature(
    name: "Get Bucket (List Objects)", query: [("max-keys", "2"), ("prefix", "J")],
    signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
]

@Suite("Signature Version 4") struct SignatureTests {
  @Test("a request of AWS's test suite has its published signature", arguments: suite)
  func testSuite(published: PublishedSignature) {
    let signature = SignatureV4(
      credentials: AWSCredentials(
        accessKeyID: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
      region: "us-east-1", service: "service", at: 1_440_938_160)
    #expect(signature.timestamp == "20150830T123600Z")
    let value = signature.authorization(
      method: "GET", path: published.path, query: published.query.map { ($0.0, $0.1) },
      fields: published.fields.map { ($0.0, $0.1) } + [
        ("Host", "example.amazonaws.com"), ("X-Amz-Date", signature.timestamp),
      ])
    #expect(value.hasSuffix("Signature=\(published.signature)"), "\(value)")
    #expect(
      value.hasPrefix(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
          + "SignedHeaders=host;"))
  }

  @Test("an example of the S3 API reference has its published signature", arguments: s3Examples)
  func examplesOfS3(published: PublishedSignature) {
    let signature = SignatureV4(
      credentials: .example, region: "us-east-1", service: "s3", at: 1_369_353_600)
    let value = signature.authorization(
      method: "GET", path: published.path, query: published.query.map { ($0.0, $0.1) },
      fields: published.fields.map { ($0.0, $0.1) } + [
        ("Host", "examplebucket.s3.amazonaws.com"), ("x-amz-date", "20130524T000000Z"),
        ("x-amz-content-sha256", SignatureV4.emptyPayload),
      ])
    #expect(value.hasSuffix("Signature=\(published.signature)"), "\(value)")
  }

  /// RFC 4231, sections 4.2, 4.3 and 4.7: a short key, a key shorter than the digest, one longer
  /// than a block.
  @Test(
    "HMAC-SHA-256 is RFC 4231's",
    arguments: [
      (
        [UInt8](repeating: 0x0B, count: 20), "Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
      ),
      (
        Array("Jefe".utf8), "what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
      ),
      (
        [UInt8](repeating: 0xAA, count: 131),
        "Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
      ),
    ])
  func hmac(key: [UInt8], message: String, code: String) {
    #expect(
      SHA256.hexadecimal(HMACSHA256.code(key: key, message: Array(message.utf8))) == code)
    #expect(SHA256.hexadecimal(HMACSHA256.digest(of: [])) == SignatureV4.emptyPayload)
  }
}

extension AWSCredentials {
  /// Those of AWS's documentation.
  static let example = AWSCredentials(
    accessKeyID: "AKIAIOSFODNN7EXAMPLE",
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
}
