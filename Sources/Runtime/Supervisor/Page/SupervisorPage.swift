internal import LinuxSystem

/// `GET /supervisor/`: one page for people, with everything in it. What is fixed of it is
/// supervisor.html, supervisor.css and supervisor.js beside this file; what it shows it asks of the
/// routes beside it.
struct SupervisorPage {
  let body: [UInt8]
  let fields: [(name: String, value: String)]
  let tag: String

  init() {
    let style = PackageResources.supervisor_css
    let script = PackageResources.supervisor_js
    let page = """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <title>par-lifecycle supervisor</title>
      <style>\(String(decoding: style, as: UTF8.self))</style>
      </head>
      <body>
      \(String(decoding: PackageResources.supervisor_html, as: UTF8.self))\
      <script>\(String(decoding: script, as: UTF8.self))</script>
      </body>
      </html>

      """
    body = Array(page.utf8)
    let policy =
      PagePolicy.text(style: style, script: script, asksItsOrigin: true)
      + "; frame-ancestors 'none'"
    tag = "\"\(PagePolicy.digest(body) ?? String(body.count))\""
    fields = [
      ("Content-Security-Policy", policy), ("X-Content-Type-Options", "nosniff"),
      ("Referrer-Policy", "no-referrer"), ("Cache-Control", "no-cache"), ("ETag", tag),
    ]
  }
}
