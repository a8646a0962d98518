import Lifecycle
import Testing

@testable import PackageFetch

@Suite("Proxies and certificates")
struct ProxyTests {
  @Test(
    "the proxy is the one that curl would take",
    arguments: [
      ([:], "https", nil), (["HTTPS_PROXY": "p"], "https", "p"),
      (["https_proxy": "p"], "https", "p"),
      (["https_proxy": "p", "HTTPS_PROXY": "q"], "https", "p"),
      (["https_proxy": "", "HTTPS_PROXY": "q"], "https", "q"),
      (["HTTPS_PROXY": "p"], "http", nil), (["http_proxy": "p"], "http", "p"),
      (["HTTP_PROXY": "p"], "http", nil), (["ALL_PROXY": "p"], "http", "p"),
      (["all_proxy": "p", "ALL_PROXY": "q"], "https", "p"),
      (["ALL_PROXY": "p", "HTTPS_PROXY": "q"], "https", "q"),
    ] as [([String: String], String, String?)])
  func choice(environment: [String: String], scheme: String, expected: String?) {
    let choice = ProxyChoice(environment: environment)
    #expect(choice.proxy(scheme: scheme, host: "example.com") == expected)
  }

  @Test(
    "NO_PROXY excepts names, what is beneath them, addresses and networks",
    arguments: [
      ("*", "example.com", true), ("example.com", "example.com", true),
      ("example.com", "EXAMPLE.com.", true), ("example.com", "a.example.com", true),
      (".example.com", "example.com", true), (".example.com", "a.example.com", true),
      ("example.com", "notexample.com", false), ("a.example.com", "example.com", false),
      ("x,example.com", "example.com", true), ("x example.com", "example.com", true),
      ("x, example.com ,y", "example.com", true), ("", "example.com", false),
      (",", "example.com", false), (".", "example.com", false),
      ("10.0.0.1", "10.0.0.1", true), ("10.0.0.1", "10.0.0.11", false),
      ("0.0.1", "10.0.0.1", false), ("10.0.0.0/8", "10.9.8.7", true),
      ("10.0.0.0/8", "11.0.0.1", false), ("10.0.0.0/33", "10.0.0.0", false),
      ("10.0.0.0/", "10.0.0.0", false), ("10.0.0.0/8/9", "10.0.0.0", false),
      ("0.0.0.0/0", "10.0.0.1", true), ("fd00::/8", "[fd12::1]", true),
      ("[::1]", "[::1]", true), ("::1", "[::1]", true), ("::2", "[::1]", false),
      ("::/0", "10.0.0.1", false),
    ])
  func exceptions(list: String, host: String, excepted: Bool) {
    for name in ["NO_PROXY", "no_proxy"] {
      let choice = ProxyChoice(environment: ["https_proxy": "p", name: list])
      #expect((choice.proxy(scheme: "https", host: host) == nil) == excepted)
    }
  }

  @Test("SSL_CERT_FILE names the authorities, and for S3 AWS_CA_BUNDLE before it")
  func authorities() {
    let both = ["SSL_CERT_FILE": "/a", "AWS_CA_BUNDLE": "/b", "SSL_CERT_DIR": "/c"]
    #expect(TrustedAuthorities(environment: both, isS3: false).file?.path == "/a")
    #expect(TrustedAuthorities(environment: both, isS3: true).file?.path == "/b")
    #expect(TrustedAuthorities(environment: both, isS3: true).folder == "/c")
    let empty = ["SSL_CERT_FILE": "", "AWS_CA_BUNDLE": ""]
    #expect(TrustedAuthorities(environment: empty, isS3: true).file == nil)
  }
}

@Suite("Attempts")
struct RetryScheduleTests {
  private let passing = TransferFailure("HTTP 503 from host", .download, .passing)
  private func schedule(_ change: (inout FetchLimits) -> Void = { _ in }) -> RetrySchedule {
    var limits = FetchLimits()
    change(&limits)
    return RetrySchedule(limits: limits, timeout: .seconds(60))
  }

  @Test("the back-off doubles up to its bound, with full jitter")
  func backoff() {
    var schedule = schedule()
    for expected in [200, 400, 800, 1600, 3200, 5000, 5000, 5000] as [Int64] {
      let decision = schedule.failed(
        passing, remaining: .seconds(60), madeProgress: false, random: 1)
      #expect(decision == .retry(after: .milliseconds(expected)))
    }
    #expect(
      schedule.failed(passing, remaining: .seconds(60), madeProgress: false, random: 0)
        == .retry(after: .zero))
    #expect(
      schedule.failed(passing, remaining: .seconds(60), madeProgress: false, random: 0.5)
        == .retry(after: .milliseconds(2500)))
  }

  @Test("an attempt that brought something begins the back-off anew")
  func progress() {
    var schedule = schedule()
    for _ in 1...6 {
      _ = schedule.failed(passing, remaining: .seconds(60), madeProgress: false, random: 1)
    }
    let decision = schedule.failed(passing, remaining: .seconds(60), madeProgress: true, random: 1)
    #expect(decision == .retry(after: .milliseconds(200)))
    #expect(schedule.attempt == 7)
  }

  @Test("a pause ends in time for a last attempt")
  func lastAttempt() {
    var schedule = schedule { $0.backoffBase = .seconds(5) }
    let decision = schedule.failed(passing, remaining: .seconds(1), madeProgress: false, random: 1)
    #expect(decision == .retry(after: .milliseconds(800)))
  }

  @Test("Retry-After is waited for within what is left, and no longer than that")
  func retryAfter() {
    var schedule = schedule()
    var slow = passing
    slow.retryAfter = .seconds(7)
    #expect(
      schedule.failed(slow, remaining: .seconds(60), madeProgress: false, random: 1)
        == .retry(after: .seconds(7)))
    let decision = schedule.failed(slow, remaining: .seconds(7), madeProgress: false, random: 1)
    guard case .giveUp(let failure) = decision else {
      Issue.record("\(decision)")
      return
    }
    #expect(
      failure.sentence == "fetching would take longer than 60 s; last: HTTP 503 from host")
  }

  @Test("without time left the last failure is in the sentence")
  func timeOver() {
    var schedule = schedule()
    let decision = schedule.failed(
      passing, remaining: .milliseconds(150), madeProgress: false, random: 0)
    #expect(
      decision
        == .giveUp(
          TransferFailure(
            "fetching took longer than 60 s; last: HTTP 503 from host", passing.advice)))
  }

  @Test("what is final is not repeated")
  func final() {
    var schedule = schedule()
    let failure = TransferFailure("HTTP 404 from host", .notFound)
    #expect(
      schedule.failed(failure, remaining: .seconds(60), madeProgress: false, random: 0)
        == .giveUp(failure))
  }

  @Test("a host without an address is given up after some attempts in a row")
  func unlikely() {
    var schedule = schedule()
    let failure = TransferFailure("the host cannot be found", .hostNotFound, .unlikely)
    var decisions: [RetrySchedule.Decision] = []
    for kind in [failure, failure, passing] + [TransferFailure](repeating: failure, count: 6) {
      decisions.append(
        schedule.failed(kind, remaining: .seconds(60), madeProgress: false, random: 0))
    }
    #expect(decisions.dropLast().allSatisfy { $0 == .retry(after: .zero) })
    #expect(decisions.last == .giveUp(failure))
  }

  @Test("attempts have an end of their own")
  func attempts() {
    var schedule = schedule { $0.attempts = 3 }
    for _ in 1...2 {
      _ = schedule.failed(passing, remaining: .seconds(60), madeProgress: false, random: 0)
    }
    guard
      case .giveUp(let failure) = schedule.failed(
        passing, remaining: .seconds(60), madeProgress: false, random: 0)
    else {
      Issue.record("a fourth attempt")
      return
    }
    #expect(failure.sentence == "3 attempts failed; last: HTTP 503 from host")
  }

  @Test(
    "lengths of time are written as the operator wrote them",
    arguments: [(60_000, "60 s"), (500, "0.5 s"), (1250, "1.25 s"), (1001, "1.001 s"), (0, "0 s")])
  func seconds(milliseconds: Int64, expected: String) {
    #expect(RetrySchedule.seconds(.milliseconds(milliseconds)) == expected)
  }
}
