internal import CPlatform
internal import Glibc

/// Chunks on their way from inputs to a judge: read one after the other, scanned by as many threads as
/// there are cores, judged in the order they were read, by the caller's thread.
///
/// Whoever is free does what is next: the caller judges, or scans, or reads; helpers scan or read. So one
/// thread does all by itself, and with two neither waits while there is work. The chunks are a ring of
/// fixed size, used again and again: what is not judged yet holds up reading.
///
/// Unchecked: `monitor` guards all that changes, but for the source and the filler, which are used by whom
/// `isFilling` was set for, and a chunk, which belongs to whom it was handed.
final class ScanQueue: @unchecked Sendable {
  /// Chunks that are under way at once. Alone, one stays in the caches.
  static let sharedRingSize = 8
  /// Threads beside the caller's: one judges, and keeps up with no more.
  static let maximumHelpers = 3
  /// Bytes that are read before helpers are started: less is done before they are.
  static let helpersAfterBytes = 4 << 20

  private let monitor = Monitor()
  private let options: TraceOptions
  private let maximumHelpers: Int
  private let helpersAfterBytes: Int
  private var scanner: ChunkScanner
  private var threads: [pthread_t] = []
  private var isClosed = false

  private var chunks: [Chunk] = []
  private var isScanned = [Bool](repeating: false, count: sharedRingSize)
  /// Counted from the first chunk; each is ahead of, or at, the next one.
  private var filled = 0
  private var claimed = 0
  private var judged = 0
  private var bytes = 0
  private var isFilling = false

  private var source = Source()
  private var filler = ChunkFiller()

  /// What is to be read, in order.
  fileprivate struct Source {
    var inputs: [(index: Int, input: Input)] = []
    var next = 0
    var isAtStart = true
    var isAtEnd: Bool { next >= inputs.count }
  }

  /// - Parameters:
  ///   - helpers: at most so many threads beside the caller's; nil: one less than there are cores.
  ///   - after: bytes that are read before they are started.
  init(_ options: TraceOptions, helpers: Int? = nil, after: Int = helpersAfterBytes) {
    self.options = options
    maximumHelpers = min(Self.maximumHelpers, helpers ?? Int(par_cpu_count()) - 1)
    helpersAfterBytes = after
    scanner = ChunkScanner(options, counts: true)
  }

  /// Reads the inputs, one behind the other, and hands each chunk to `judge`.
  func read(_ inputs: [(index: Int, input: Input)], judge: (Chunk) -> Void) {
    monitor.lock()
    defer { monitor.unlock() }
    source = Source(inputs: inputs)
    monitor.ring()
    while true {
      if judged < claimed, isScanned[judged % ringSize] {
        let chunk = chunks[judged % ringSize]
        unlocked { judge(chunk) }
        isScanned[judged % ringSize] = false
        judged += 1
        if !threads.isEmpty { monitor.ring() }
      } else if claimed < filled {
        scan(&scanner)
      } else if canFill, judged == filled || source.isReady {
        fill()
      } else if !isFilling, source.isAtEnd, judged == filled {
        return
      } else {
        monitor.wait()
      }
    }
  }

  /// Ends the threads.
  func close() {
    monitor.lock()
    isClosed = true
    monitor.ring()
    monitor.unlock()
    for thread in threads { pthread_join(thread, nil) }
    threads = []
  }

  // MARK: What one thread does, entered and left with the lock held

  private func unlocked(_ body: () -> Void) {
    monitor.unlock()
    body()
    monitor.lock()
  }

  private var ringSize: Int { threads.isEmpty ? 1 : Self.sharedRingSize }

  private var canFill: Bool { !isFilling && !source.isAtEnd && filled - judged < ringSize }

  private func scan(_ scanner: inout ChunkScanner) {
    let index = claimed % ringSize
    let chunk = chunks[index]
    claimed += 1
    unlocked { scanner.scan(chunk) }
    isScanned[index] = true
    if !threads.isEmpty { monitor.ring() }
  }

  private func fill() {
    let index = filled % ringSize
    if chunks.count == index { chunks.append(Chunk()) }
    let chunk = chunks[index]
    isFilling = true
    unlocked { fill(chunk) }
    isFilling = false
    filled += 1
    bytes += chunk.count
    if threads.isEmpty, maximumHelpers > 0, bytes >= helpersAfterBytes { startHelpers() }
    if !threads.isEmpty { monitor.ring() }
  }

  /// The next chunk of the input that is being read, or the first of the next one.
  private func fill(_ chunk: Chunk) {
    let (index, input) = source.inputs[source.next]
    chunk.input = index
    chunk.isFirst = source.isAtStart
    chunk.fault = nil
    (chunk.count, chunk.skippedLines, chunk.isLast) = (0, 0, true)
    do throws(InputFault) {
      try input.open()
      try filler.fill(chunk, from: input)
    } catch { chunk.fault = error }
    source.isAtStart = chunk.isLast
    if chunk.isLast {
      input.close()
      source.next += 1
    }
  }

  // MARK: Helpers

  /// As many as may be; fewer when the system refuses.
  private func startHelpers() {
    // The one chunk that is under way is the first of the ring to come.
    (filled, claimed, judged) = (1, 0, 0)
    // Signals are the main thread's business.
    var (all, before) = (sigset_t(), sigset_t())
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    while threads.count < maximumHelpers {
      var thread = pthread_t()
      let queue = Unmanaged.passRetained(self)
      let started = pthread_create(
        &thread, nil,
        { argument in
          guard let argument else { return nil }
          _ = par_thread_name("trace-scan")
          // Balances passRetained of the thread's start.
          Unmanaged<ScanQueue>.fromOpaque(argument).takeRetainedValue().help()
          return nil
        }, queue.toOpaque())
      guard started == 0 else {
        queue.release()
        return
      }
      threads.append(thread)
    }
  }

  private func help() {
    var scanner = ChunkScanner(options, counts: true)
    monitor.lock()
    defer { monitor.unlock() }
    while !isClosed {
      if claimed < filled {
        scan(&scanner)
      } else if canFill {
        fill()
      } else {
        monitor.wait()
      }
    }
  }
}

extension ScanQueue.Source {
  /// Whether reading would not wait, as far as can be told.
  fileprivate var isReady: Bool {
    isAtStart || inputs[next].input.isReady
  }
}
