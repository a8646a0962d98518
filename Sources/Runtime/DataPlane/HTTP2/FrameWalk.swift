/// Finds the frames in what a client sends, before the session sees them: it keeps quiet about frames
/// of unknown types and for streams that are closed, which cost their sender nothing either.
struct FrameWalk {
  /// Bytes until the next frame's header; at the start, of the preface.
  private var skip = 24
  /// A header that arrives in pieces: its bytes so far, as one number.
  private var partial: UInt64 = 0
  private var partialCount = 0

  /// Calls `body` with the type of each frame whose header ends in these bytes.
  @inline(__always)
  mutating func walk(_ bytes: UnsafeRawBufferPointer, _ body: (UInt8) -> Void) {
    var position = 0
    while position < bytes.count {
      if skip > 0 {
        let step = min(skip, bytes.count - position)
        skip -= step
        position += step
        continue
      }
      // Length (3 bytes) and type; flags and stream are of no interest.
      if partialCount < 4 {
        partial = partial << 8 | UInt64(bytes[position])
        partialCount += 1
        position += 1
        if partialCount == 4 {
          skip = HTTP2Frame.headerBytes - 4 + Int(partial >> 8)
          body(UInt8(truncatingIfNeeded: partial))
          partial = 0
          partialCount = 0
        }
      }
    }
  }
}
