import CPlatform
import Glibc
import Lifecycle

/// The endpoint that gives a container its role's credentials: of an ECS task, of an EKS pod, or one
/// that speaks like them ("Container credential provider", AWS SDKs and Tools reference guide).
///
/// The request to it must not go through a proxy and must not follow a redirect, for its token is
/// the container's identity; and it goes to link-local and loopback addresses on purpose.
struct ContainerCredentials: Equatable {
  /// Of the endpoint's answer; ECS sends about 1.5 KB.
  static let maximumAnswerBytes = 64 * 1024
  /// Of the file with the token; an EKS token has about 1.5 KB.
  static let maximumTokenBytes = 16 * 1024
  static let taskEndpoint = "http://169.254.170.2"
  /// Hosts that may be asked over plain HTTP, beside loopback ones: the agents of ECS and EKS.
  private static let agents: [[UInt8]] = [
    [169, 254, 170, 2], [169, 254, 170, 23],
    [0xFD, 0, 0x0E, 0xC2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x23],
  ]

  private enum Token: Equatable {
    case none
    case text(String)
    case file(String)
  }

  private let url: ServiceURL
  private let token: Token

  /// Nil when the environment names no endpoint. The relative address wins over the full one, the
  /// token's file over the token.
  init?(environment: [String: String]) throws(S3Problem) {
    let relative = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
    let full = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
    if let path = environment[relative] {
      // Without the slash the rest would be part of the host.
      guard path.hasPrefix("/") else { throw Self.problem("\(relative) does not begin with /") }
      url = try Self.url(Self.taskEndpoint + path, of: relative)
    } else if let text = environment[full] {
      url = try Self.url(text, of: full)
    } else {
      return nil
    }
    guard url.isSecure || Self.isLocal(url) else {
      throw Self.problem(
        "\(full) is an http:// address of another machine, where credentials would be open to read")
    }
    if let path = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] {
      token = .file(path)
    } else if let text = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] {
      token = .text(text)
    } else {
      token = .none
    }
  }

  private static func url(_ text: String, of name: String) throws(S3Problem) -> ServiceURL {
    do {
      return try ServiceURL(text)
    } catch {
      throw problem("\(name) \(error.sentence)")
    }
  }

  private static func isLocal(_ url: ServiceURL) -> Bool {
    guard let address = url.address else { return url.host == "localhost" }
    let loopback: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    return agents.contains(address) || address == loopback
      || (address.count == 4 && address[0] == 127)
  }

  private static func problem(
    _ error: String, detail: String? = nil, canPass: Bool = false
  ) -> S3Problem {
    S3Problem(
      error, detail: detail,
      hint: "see that the task or pod has a role and that its AWS_CONTAINER_ variables are those "
        + "that ECS or EKS set; docs/errors.md#credentials",
      canPass: canPass)
  }

  // MARK: - Request

  /// The token's file is read anew each time, for EKS replaces it.
  func request() throws(S3Problem) -> HTTPRequest {
    var fields: [(name: String, value: String)] = [("Accept", "application/json")]
    switch token {
    case .none: break
    case .text(let text):
      guard Self.isToken(text) else {
        throw Self.problem(
          "AWS_CONTAINER_AUTHORIZATION_TOKEN has a line break or another character that cannot be "
            + "sent")
      }
      fields.append(("Authorization", text))
    case .file(let path): fields.append(("Authorization", try Self.tokenInFile(path)))
    }
    let path = url.path.isEmpty ? "/" : url.path
    return HTTPRequest(url: url.origin + path + url.query, fields: fields)
  }

  /// A field's value (RFC 9110, section 5.5), in ASCII.
  private static func isToken(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { (0x20..<0x7F).contains($0) }
  }

  private static func tokenInFile(_ path: String) throws(S3Problem) -> String {
    let name = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
    let shown = ServiceText.shown(path) ?? ""
    // Not to wait for a writer, should it be a FIFO.
    let file = par_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0)
    guard file >= 0 else {
      let reason = String(cString: strerror(errno))
      throw problem("\(name) names \(shown), which cannot be read: \(reason)")
    }
    defer { close(file) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: maximumTokenBytes + 1)
    while bytes.count <= maximumTokenBytes {
      let count = read(file, &piece, piece.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else {
        let reason = String(cString: strerror(errno))
        throw problem("\(name) names \(shown), which cannot be read: \(reason)")
      }
      if count == 0 { break }
      bytes += piece[..<count]
    }
    guard bytes.count <= maximumTokenBytes else {
      throw problem("\(name) names \(shown), which is longer than \(maximumTokenBytes) bytes")
    }
    let start = bytes.firstIndex { $0 > 0x20 } ?? bytes.endIndex
    let end = bytes.lastIndex { $0 > 0x20 }.map { $0 + 1 } ?? start
    let text = String(decoding: bytes[start..<end], as: UTF8.self)
    guard isToken(text) else {
      throw problem("\(name) names \(shown), which holds no token")
    }
    return text
  }

  // MARK: - Answer

  /// - Parameter request: what was answered; its token is masked should the answer quote it.
  func credentials(
    from answer: HTTPAnswer, to request: HTTPRequest
  ) throws(S3Problem) -> AWSCredentials {
    let endpoint = "the container's credential endpoint \(url.origin)"
    let small = answer.body.count <= Self.maximumAnswerBytes
    let value = small ? try? JSONReader.decode(answer.body) : nil
    guard answer.status == 200 else {
      // Its own words tell a missing role from a refused token.
      let words = [value?["code"]?.text, value?["message"]?.text].compactMap { $0 }
      throw Self.problem(
        "\(endpoint) answered HTTP \(answer.status)",
        detail: ServiceText.shown(
          words.joined(separator: ": "), hiding: [request.value(of: "Authorization") ?? ""]),
        canPass: answer.status >= 500 || answer.status == 429)
    }
    guard small else {
      throw Self.problem("\(endpoint) answered with more than \(Self.maximumAnswerBytes) bytes")
    }
    guard let value, value.members != nil else {
      throw Self.problem("\(endpoint) answered with something that is no JSON object")
    }
    var found: [String] = []
    for name in ["AccessKeyId", "SecretAccessKey"] {
      guard let text = value[name]?.text, !text.isEmpty else {
        throw Self.problem("\(endpoint) answered without \(name)")
      }
      found.append(text)
    }
    let token = value["Token"]?.text ?? ""
    guard (found + (token.isEmpty ? [] : [token])).allSatisfy(AWSCredentials.isPlain) else {
      throw Self.problem("\(endpoint) answered with credentials that cannot be sent")
    }
    var expiresAt: Int64?
    if let expiration = value["Expiration"], !expiration.isNull {
      expiresAt = expiration.text.flatMap(Self.seconds)
      guard expiresAt != nil else {
        throw Self.problem("\(endpoint) answered with an Expiration that is no time")
      }
    }
    return AWSCredentials(
      accessKeyID: found[0], secretAccessKey: found[1],
      sessionToken: token.isEmpty ? nil : token, expiresAt: expiresAt)
  }

  /// Seconds since 1970 of `2026-11-22T04:08:00Z`, with or without a fraction (RFC 3339), in UTC or
  /// with an offset.
  static func seconds(_ text: String) -> Int64? {
    var rest = text.dropFirst(19)
    if rest.first == "." {
      let fraction = rest.dropFirst().prefix { $0.isASCII && $0.isNumber }
      guard !fraction.isEmpty else { return nil }
      rest = rest.dropFirst(fraction.count + 1)
    }
    guard let local = Timestamp.parse(text.prefix(19) + ".000000Z") else { return nil }
    if rest == "Z" || rest == "z" { return local / 1_000_000_000 }
    let digits = rest.dropFirst().split(separator: ":", omittingEmptySubsequences: false)
    guard rest.count == 6, rest.first == "+" || rest.first == "-", digits.count == 2,
      digits.allSatisfy({ $0.utf8.count == 2 && $0.allSatisfy { $0.isASCII && $0.isNumber } }),
      let hours = Int64(digits[0]), let minutes = Int64(digits[1]), hours < 24, minutes < 60
    else { return nil }
    let offset = (hours * 60 + minutes) * 60
    return local / 1_000_000_000 + (rest.first == "+" ? -offset : offset)
  }
}
