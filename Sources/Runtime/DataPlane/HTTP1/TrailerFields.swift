/// Which fields may stand after a body.
///
/// Some servers merge trailers into the head they follow, so that a field there would change what
/// was decided by the head. Left out are the fields that RFC 9110 section 6.5.1 keeps in heads:
/// those of framing, routing, conditions, authentication and content.
enum TrailerFields {
  private static let headOnly: [StaticString] = [
    "authorization", "cookie", "set-cookie", "www-authenticate", "authentication-info", "accept",
    "origin", "referer", "max-forwards", "cache-control", "pragma", "if-match",
    "if-unmodified-since", "age", "expires", "location", "retry-after", "vary", "warning",
    "content-encoding", "content-language", "content-location", "content-range",
    "content-disposition", "x-real-ip",
  ]

  static func mayPass(_ field: Field, _ trailers: UnsafeRawBufferPointer) -> Bool {
    // What else has a name of its own here belongs into heads.
    guard field.name == .other || field.name == .serverTiming else { return false }
    let name = field.nameBytes(trailers)
    return !headOnly.contains { FieldName.matches(name, $0) }
  }
}
