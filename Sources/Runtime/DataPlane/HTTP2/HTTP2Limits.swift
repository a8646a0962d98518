public import Lifecycle

/// Every bound of HTTP/2 and gRPC, by name.
public struct HTTP2Limits: Sendable {
  /// Streams that a client may have open on one connection (SETTINGS_MAX_CONCURRENT_STREAMS).
  public var streams = 256
  /// What may be on its way in one stream and one direction: the stream's window, and so the most
  /// that is kept of it here.
  public var streamWindow = 65_535
  /// The window of a connection, which is given back as bytes arrive.
  public var connectionWindow = 1024 * 1024
  /// Bytes of a header list as RFC 9113 section 6.5.2 counts them: 32 more for each field.
  public var headerBytes = 64 * 1024
  /// Fields of a header list, pseudo-header fields not counted.
  public var headerFields = 100
  /// So many times `headerBytes` in one list, and the connection ends: the list was packed to do harm.
  public var headerBombFactor = 8
  /// CONTINUATION frames of one header list. libnghttp2 counts a frame again for each piece that it
  /// arrives in.
  public var continuations = 128
  /// From the connection's start until its preface and SETTINGS are there.
  public var prefaceTime = Interval.seconds(10)
  /// From a HEADERS frame until its list is complete.
  public var headersTime = Interval.seconds(10)
  /// A connection without a stream is ended after this.
  public var idleTime = Interval.seconds(600)
  /// A peer with open streams that is silent for so long is asked by PING …
  public var silence = Interval.seconds(60)
  /// … and is gone when it neither answers nor says or takes anything for so long.
  public var pingPatience = Interval.seconds(20)
  /// Between the two GOAWAYs of a drain, when the peer does not answer the PING between them.
  public var goawayPatience = Interval.seconds(1)
  /// Frames that move nothing (PING, SETTINGS, PRIORITY, WINDOW_UPDATE, RST_STREAM, empty DATA,
  /// unknown ones) at once …
  public var unproductiveFrames = 1000
  /// … and a second.
  public var unproductiveFramesPerSecond = 200
  /// Bytes that are read from a client before what they cost and were worth is settled.
  public var feedBytes = 8 * 1024
  /// What a header list, received DATA or a kilobyte of sent DATA makes good.
  public var productiveCredit = 4
  /// Streams that a client resets, or makes us reset, at once …
  public var resets = 1000
  /// … and a second.
  public var resetsPerSecond = 200
  /// Entries in one SETTINGS frame.
  public var settings = 32
  /// Answers to PING and SETTINGS that wait because the client does not read.
  public var waitingAnswers = 1000
  /// Frames of any kind but DATA that wait because the client does not read.
  public var waitingFrames = 4000
  /// Bytes that are gathered for one write.
  public var outputBytes = 64 * 1024
  /// Connections to the agent of one loop; a second one is opened when the agent takes no more
  /// streams on the first.
  public var agentConnections = 8
  /// Calls of one loop that wait for a place at the agent.
  public var waitingCalls = 1024
  /// How often a call of which nothing was sent is given to another connection.
  public var callRepeats = 2
  /// Bytes of a message to the methods that are answered here.
  public var ownMessageBytes = 4096
  /// Between two lines about refused connections.
  public var refusalInterval = Interval.seconds(1)

  public init() {}
}
