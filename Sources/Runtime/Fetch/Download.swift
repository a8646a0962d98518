import AgentPackages
import Glibc
import Lifecycle
import LinuxSystem
import RunConfiguration

/// Brings one package into a temporary file of the cache: attempt after attempt until it is whole,
/// cannot be had, or the time is over. What an attempt brought is kept when the next one can go on.
final class Download {
  enum Result {
    case complete
    /// The server says that the archive with the ETag we have is still the one.
    case notModified
  }

  private let request: FetchRequest
  private let limits: FetchLimits
  private let cache: ArchiveCache
  private let partial: PartialArchive
  private let client: HTTPClient
  private let deadline: Instant
  private let report: StepReport
  private var origin: any PackageOrigin
  private var schedule: RetrySchedule
  private var lastProgress: Instant

  init(
    _ request: FetchRequest, origin: any PackageOrigin, partial: PartialArchive,
    cache: ArchiveCache, client: HTTPClient, limits: FetchLimits, started: Instant,
    report: StepReport
  ) {
    self.request = request
    self.origin = origin
    self.partial = partial
    self.cache = cache
    self.client = client
    self.limits = limits
    self.report = report
    deadline = request.deadline(from: started)
    lastProgress = started
    schedule = RetrySchedule(limits: limits, timeout: request.timeout)
  }

  /// - Parameter known: asks for another package than the one with this ETag alone.
  func run(ifNoneMatch known: EntityTag?) throws(TransferFailure) -> Result {
    report.progress("waiting for \(origin.shown)")
    while true {
      let before = partial.bytes
      do throws(TransferFailure) {
        guard Clock.now() < deadline else { throw schedule.tooLong("took", nil) }
        return try attempt(known)
      } catch {
        if error.kind == .elsewhere { continue }
        let arrived = partial.bytes > 0 ? "\(progress) had arrived" : nil
        if error.kind == .outdated || !partial.canResume { try reset() }
        let decision = schedule.failed(
          error, remaining: deadline - Clock.now(), madeProgress: partial.bytes > before,
          random: Double.random(in: 0...1))
        switch decision {
        case .giveUp(var failure):
          failure.detail = failure.detail ?? arrived
          throw failure
        case .retry(let delay):
          report.retry(
            StepRetry(
              attempt: schedule.attempt, error: error.sentence,
              delayMilliseconds: delay.milliseconds))
          Self.sleep(delay)
        }
      }
    }
  }

  private func attempt(_ known: EntityTag?) throws(TransferFailure) -> Result {
    var fields: [(String, String)] = []
    let offset = partial.canResume ? partial.bytes : 0
    let resumed = partial.etag
    if offset > 0, let resumed {
      fields += [("Range", "bytes=\(offset)-"), ("If-Range", resumed.text)]
    } else if let known {
      fields.append(("If-None-Match", known.text))
    }
    let sent = try origin.request(fields: fields, client: client, deadline: deadline)
    let answer = try client.get(
      sent, followsRedirects: origin.followsRedirects, deadline: deadline,
      sink: HTTPClient.Sink(
        accept: { [self] head throws(TransferFailure) in
          try accept(head, offset: offset, resumed: resumed)
        },
        take: { [self] bytes throws(TransferFailure) in try take(bytes) }))
    switch answer.head.status {
    case 200, 206:
      // The end of the connection alone may be that of a server that failed. Whether the package is
      // whole shows later; that it is this one, the server is not asked then.
      if partial.total == nil, answer.head["transfer-encoding"] == nil { partial.etag = nil }
      guard let total = partial.total, partial.bytes != total else { return .complete }
      throw TransferFailure(
        "\(partial.bytes) of \(total) bytes came from \(answer.host)", .download, .passing)
    case 304 where known != nil && offset == 0: return .notModified
    case 412 where offset > 0, 416 where offset > 0:
      throw TransferFailure(
        "HTTP \(answer.head.status) from \(answer.host): the download cannot go on where it ended",
        .download, .outdated)
    default: throw origin.failure(answer)
    }
  }

  // MARK: - The body

  private func accept(
    _ head: ResponseHead, offset: Int64, resumed: EntityTag?
  ) throws(TransferFailure) {
    let etag = EntityTag(head["etag"])
    if head.status == 206 {
      guard offset > 0, let range = head["content-range"].flatMap(ContentRange.init),
        range.first == offset, etag == nil || etag == resumed,
        range.total == nil || partial.total == nil || range.total == partial.total
      else {
        throw TransferFailure(
          "the package changed while it was downloaded", .download, .outdated)
      }
      partial.total = partial.total ?? range.total
    } else {
      try reset()
      partial.etag = etag
      partial.total = head.contentLength
    }
    guard let total = partial.total else { return }
    try check(total)
    let needed = total - partial.bytes + ArchiveCache.spareBytes
    if let free = cache.freeBytes(partial.file), free < needed {
      throw TransferFailure(
        "not enough space: the package needs \(needed) bytes in \(cache.folder), of which \(free)"
          + " are free", .diskFull)
    }
  }

  private func take(_ bytes: UnsafeRawBufferPointer) throws(TransferFailure) {
    try check(partial.bytes + Int64(bytes.count))
    do throws(SystemError) {
      try partial.append(bytes)
    } catch {
      throw TransferFailure(error, folder: cache.folder)
    }
    let now = Clock.now()
    guard now - lastProgress >= limits.progressInterval else { return }
    lastProgress = now
    report.progress(progress)
  }

  private var progress: String {
    partial.total.map { "\(partial.bytes) of \($0) bytes" } ?? "\(partial.bytes) bytes"
  }

  private func check(_ bytes: Int64) throws(TransferFailure) {
    guard bytes > request.maximumBytes else { return }
    throw Self.tooLarge(bytes, request)
  }

  static func tooLarge(_ bytes: Int64, _ request: FetchRequest) -> TransferFailure {
    switch request.subject {
    case .package:
      TransferFailure(
        "the package has \(bytes) bytes or more, and MAX_PACKAGE_SIZE_MB allows "
          + "\(request.maximumBytes)", .tooLarge)
    case .config:
      TransferFailure(
        "the config has \(bytes) bytes or more, and \(request.maximumBytes) are allowed",
        .configTooLarge)
    }
  }

  private func reset() throws(TransferFailure) {
    do {
      try partial.reset()
    } catch let error as SystemError {
      throw TransferFailure(error, folder: cache.folder)
    } catch {
      throw TransferFailure("\(error)", .download)
    }
  }

  private static func sleep(_ interval: Interval) {
    let end = Clock.now() + interval
    while true {
      let left = (end - Clock.now()).nanoseconds
      if left <= 0 { return }
      poll(nil, 0, Int32(clamping: (left + 999_999) / 1_000_000))
    }
  }
}
