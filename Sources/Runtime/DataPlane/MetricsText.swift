/// Samples in the Prometheus text format 0.0.4, one metric after the other.
struct MetricsText {
  private(set) var text = ""
  private var name = ""

  /// What the samples that follow belong to.
  mutating func begin(_ name: String, _ kind: String, _ help: String) {
    self.name = name
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n"
  }

  /// - Parameters:
  ///   - labels: as they stand between the braces; empty: none.
  ///   - suffix: of the metric's name.
  mutating func sample(
    _ value: some CustomStringConvertible, _ labels: String = "", suffix: String = ""
  ) {
    text += labels.isEmpty ? "\(name)\(suffix) " : "\(name)\(suffix){\(labels)} "
    text += "\(value)\n"
  }

  /// The sum and the count that histograms and summaries end with.
  mutating func total(nanoseconds: Int, count: Int, _ labels: String) {
    sample(Double(nanoseconds) / 1e9, labels, suffix: "_sum")
    sample(count, labels, suffix: "_count")
  }

  /// Buckets, each with those before it, and the total.
  mutating func histogram(_ reading: LatencyTable.Reading, _ labels: String) {
    var count = 0
    for (bucket, bound) in zip(reading.buckets, LatencyTable.bounds) {
      count += bucket
      sample(count, "\(labels),le=\"\(bound.label)\"", suffix: "_bucket")
    }
    sample(reading.count, "\(labels),le=\"+Inf\"", suffix: "_bucket")
    total(nanoseconds: reading.nanoseconds, count: reading.count, labels)
  }

  /// A label's value as it stands between the quotation marks.
  static func escaped(_ text: String) -> String {
    var result = ""
    for character in text.unicodeScalars {
      switch character {
      case "\\": result += "\\\\"
      case "\"": result += "\\\""
      case "\n": result += "\\n"
      default: result.unicodeScalars.append(character)
      }
    }
    return result
  }
}
