/// Where the columns of a timeline are: start, state, bar, length, note. A narrow window has no bar, and
/// its notes are below the rows.
struct TextLayout {
  /// A wider window shows no more.
  static let widest = 160
  static let indent = 2
  static let startWidth = 9
  static let stateWidth = 10
  static let lengthWidth = 9

  let columns: Int
  /// 0: no bar.
  let barWidth: Int

  init(columns: Int) {
    self.columns = max(1, min(columns, Self.widest))
    let left = self.columns - Self.indent - Self.startWidth - Self.stateWidth - Self.lengthWidth - 8
    barWidth = self.columns < 60 ? 0 : left * 9 / 20
  }

  var stateColumn: Int { Self.indent + Self.startWidth + 2 }
  var barColumn: Int { stateColumn + Self.stateWidth + 2 }
  var lengthColumn: Int { barColumn + (barWidth > 0 ? barWidth + 1 : 0) - 1 }
  /// Whether there is room for notes beside the rows; else they are below.
  var hasNotes: Bool { columns - noteColumn >= 16 }
  var noteColumn: Int { lengthColumn + Self.lengthWidth + 2 }
}
