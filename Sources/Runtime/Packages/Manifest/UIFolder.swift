import Glibc
import LinuxSystem

/// Which folder `ui.path` means: in the root, then in `dist/`, last `dist/ui` (pixell-kit 0.4 moves
/// built surfaces there without changing the manifest).
enum UIFolder {
  static func find(_ path: String, in root: Descriptor) throws(StepFailure) -> String {
    let hint = "docs/errors.md#ui-folder"
    guard let relative = normalised(path) else {
      throw StepFailure("ui.path '\(path)' leaves the package", hint: hint)
    }
    var withoutIndex: String?
    for candidate in [relative, "dist/" + relative, "dist/ui"] {
      let folder: Descriptor
      do throws(SystemError) {
        folder = try root.openBeneath(candidate, O_RDONLY | O_DIRECTORY)
      } catch {
        // EXDEV: a link on the way points out of the package (openat2(2)).
        guard error.number == EXDEV else { continue }
        throw StepFailure("ui.path '\(path)' leaves the package through a link", hint: hint)
      }
      guard let index = try? folder.openBeneath("index.html", O_RDONLY | O_NONBLOCK),
        (try? index.status().isFile) == true
      else {
        withoutIndex = withoutIndex ?? candidate
        continue
      }
      guard let absolute = resolvedPath("/proc/self/fd/\(folder.number)") else { continue }
      return absolute
    }
    if let withoutIndex {
      throw StepFailure(
        "the UI folder \(withoutIndex) has no index.html", hint: "build the UI first; \(hint)")
    }
    throw StepFailure(
      "ui.path '\(path)' is no folder of the package, nor is it there in dist/", hint: hint)
  }

  /// Without `.` parts and with `..` resolved; `.` for the root; nil when it leaves the root.
  static func normalised(_ path: String) -> String? {
    guard !path.isEmpty, !path.hasPrefix("/"), !path.contains("\\"), !path.utf8.contains(0) else {
      return nil
    }
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
      if part != ".." {
        parts.append(part)
      } else if parts.popLast() == nil {
        return nil
      }
    }
    return parts.isEmpty ? "." : parts.joined(separator: "/")
  }
}
