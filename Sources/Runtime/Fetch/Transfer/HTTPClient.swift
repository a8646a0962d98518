import AgentPackages
import Lifecycle
import LinuxSystem
import RunConfiguration

/// Sends requests and follows redirects, to https:// alone and never from a host with a public
/// address to one inside (server-side request forgery): the address that counts is the one that is
/// connected to, whatever the name said before.
///
/// Behind a proxy the proxy connects, and looks the names up: there only what the URL itself says
/// (an address, `localhost`, an inner name) can be judged here.
final class HTTPClient {
  /// How one request ended.
  struct Answer {
    let head: ResponseHead
    /// Of an answer other than 200, 206 and 304: its beginning.
    let body: [UInt8]
    /// Who gave it, as host or host:port.
    let host: String
  }

  /// Takes the package.
  struct Sink {
    /// The head of a 200 or 206, before its body.
    var accept: (ResponseHead) throws(TransferFailure) -> Void
    var take: (UnsafeRawBufferPointer) throws(TransferFailure) -> Void
  }

  /// Beside what is signed, because proxies change them. Bytes are wanted as they are stored: their
  /// hash is the package's.
  private static let fields = [("Accept-Encoding", "identity"), ("User-Agent", "par-lifecycle")]
  private static let redirects: Set<Int> = [301, 302, 303, 307, 308]

  private let limits: FetchLimits
  private let proxies: ProxyChoice
  private let authorities: TrustedAuthorities
  /// Of all addresses that a chain of redirects came by, the one that reaches farthest.
  private var reach: AddressReach?
  /// Of the first host's alone, in all attempts: one that has a public address and a private one
  /// is a public host, whichever answers.
  private var firstReach: AddressReach?

  init(environment: [String: String], isS3: Bool, limits: FetchLimits) {
    self.limits = limits
    proxies = ProxyChoice(environment: environment)
    authorities = TrustedAuthorities(environment: environment, isS3: isS3)
  }

  // MARK: - The package

  func get(
    _ request: HTTPRequest, followsRedirects: Bool, deadline: Instant, sink: Sink
  ) throws(TransferFailure) -> Answer {
    guard var url = TargetURL(request.url) else {
      throw TransferFailure("the package's URL cannot be understood", .source)
    }
    var text = request.url
    let isFirstHTTP = url.scheme == "http"
    var hops = 0
    reach = firstReach
    while true {
      let isFirst = hops == 0
      let hop = Hop(
        url: url, text: text, fields: request.fields + Self.fields, allowsHTTP: isFirstHTTP,
        proxy: proxies.proxy(scheme: url.scheme, host: url.host),
        reachBefore: isFirst ? nil : reach)
      defer { if isFirst { firstReach = reach } }
      let (answer, location) = try send(hop, deadline, followsRedirects, sink)
      guard let location else { return answer }
      hops += 1
      url = try target(of: location, from: url, hops)
      text = url.text
    }
  }

  private func target(
    of location: String, from url: TargetURL, _ hops: Int
  ) throws(TransferFailure) -> TargetURL {
    guard let next = url.redirected(to: location) else {
      throw TransferFailure("a redirect from \(url.authority) leads to no usable URL", .redirect)
    }
    guard next.scheme == "https" else {
      throw TransferFailure(
        "a redirect from \(url.authority) leads to \(PrintableText.name(next.scheme))://"
          + "\(next.authority), and only https:// is followed", .redirect)
    }
    guard hops <= limits.redirects else {
      throw TransferFailure(
        "more than \(limits.redirects) redirects, the last one to \(next.authority)", .redirect)
    }
    return next
  }

  private struct Hop {
    let url: TargetURL
    /// As it is sent: of the first request exactly as it was signed.
    let text: String
    let fields: [(name: String, value: String)]
    let allowsHTTP: Bool
    let proxy: String?
    /// Nil: no redirect led here.
    let reachBefore: AddressReach?
  }

  private func send(
    _ hop: Hop, _ deadline: Instant, _ followsRedirects: Bool, _ sink: Sink
  ) throws(TransferFailure) -> (answer: Answer, location: String?) {
    let host = hop.url.authority
    var refusal: TransferFailure?
    let named = AddressReach(host: hop.url.host)
    if let before = hop.reachBefore,
      hop.proxy != nil || AddressReach.isAddress(host: hop.url.host),
      !before.permitsRedirect(to: named)
    {
      throw Self.refusal(host, named)
    }
    if hop.proxy != nil { widen(named) }

    var failure: TransferFailure?
    var body: [UInt8] = []
    var isAccepted = false
    var stopped = false
    func guarded(_ work: () throws(TransferFailure) -> Void) -> Bool {
      do throws(TransferFailure) {
        try work()
        return true
      } catch {
        failure = error
        return false
      }
    }
    let outcome = try CurlTransfer(limits: limits).perform(
      CurlTransfer.Settings(
        url: hop.text, fields: hop.fields, proxy: hop.proxy, authorities: authorities,
        timeout: deadline - Clock.now(), allowsHTTP: hop.allowsHTTP),
      mayConnect: { [self] address in
        guard hop.proxy == nil else { return true }
        let target = AddressReach(address)
        if let before = hop.reachBefore, !before.permitsRedirect(to: target) {
          refusal = Self.refusal(host, target)
          return false
        }
        widen(target)
        return true
      },
      takeHead: { head in
        isAccepted = head.status == 200 || head.status == 206
        return !isAccepted || guarded { () throws(TransferFailure) in try sink.accept(head) }
      },
      takeBody: { [limits] bytes in
        if isAccepted { return guarded { () throws(TransferFailure) in try sink.take(bytes) } }
        body += bytes.prefix(limits.errorBodyBytes - body.count)
        stopped = body.count >= limits.errorBodyBytes
        return !stopped
      })
    if let failure { throw failure }
    let head = outcome.head
    let answer = Answer(head: head, body: body, host: host)
    // An answer that is no package counts as soon as its head is there, however it ended.
    let isOther = head.status >= 300 && !isAccepted
    guard outcome.code == 0 || isOther || stopped else {
      // Of several addresses one may be refused and another one fail by itself.
      if let refusal, outcome.isUnconnected { throw refusal }
      throw TransferFailure(
        outcome, host: host, isProxied: hop.proxy != nil, authorities: authorities, limits: limits)
    }
    // libcurl takes a head that breaks off for a whole one, without a body.
    guard head.isComplete else {
      throw TransferFailure("\(host) broke off in the head of its answer", .download, .passing)
    }
    if followsRedirects, Self.redirects.contains(head.status), let location = head["location"] {
      return (answer, location)
    }
    if !isAccepted, head.status == 200 || head.status == 206 { try sink.accept(head) }
    return (answer, nil)
  }

  private func widen(_ target: AddressReach) { reach = max(reach ?? target, target) }

  private static func refusal(_ host: String, _ reach: AddressReach) -> TransferFailure {
    let place =
      switch reach {
      case .loopback: "this machine's own"
      case .privateNetwork: "of a private network"
      case .special, .everywhere: "link-local or reserved"
      }
    return TransferFailure(
      "a redirect leads to \(host), whose address is \(place), and none may lead inwards", .redirect
    )
  }

  // MARK: - Small answers

  /// A request to a container's endpoint of credentials: no proxy, no redirect.
  func ask(
    _ request: HTTPRequest, maximumBytes: Int, deadline: Instant
  ) throws(TransferFailure) -> HTTPAnswer {
    guard let url = TargetURL(request.url) else {
      throw TransferFailure("the address of the credentials cannot be understood", .credentials)
    }
    var body: [UInt8] = []
    let timeout = min(limits.credentialsTimeout, deadline - Clock.now())
    let outcome = try CurlTransfer(limits: limits).perform(
      CurlTransfer.Settings(
        url: request.url, fields: request.fields, proxy: nil, authorities: authorities,
        timeout: timeout, allowsHTTP: true),
      mayConnect: { _ in true }, takeHead: { _ in true },
      takeBody: { bytes in
        body += bytes.prefix(maximumBytes + 1 - body.count)
        return body.count <= maximumBytes
      })
    guard outcome.code == 0 || body.count > maximumBytes else {
      var failure = TransferFailure(
        outcome, host: url.authority, authorities: authorities, limits: limits)
      failure.sentence = "no credentials: \(failure.sentence)"
      failure.advice = .credentials
      throw failure
    }
    return HTTPAnswer(status: outcome.head.status, fields: outcome.head.fields, body: body)
  }
}
