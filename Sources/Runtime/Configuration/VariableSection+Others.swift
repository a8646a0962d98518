/// The rows of variables that others define. They are read where they are needed, not by
/// `Configuration`, and mean what they mean to everybody else.
extension VariableSection {
  static let downloadRows = [
    VariableRow(
      ["AWS_REGION", "AWS_DEFAULT_REGION"], default: "`us-east-1`", "the bucket's region"),
    VariableRow(
      ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"],
      """
      another service that speaks S3, `http://` or `https://`; the first wins. The bucket is then \
      the first part of the path
      """),
    VariableRow(
      ["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"], default: "`false`",
      "`true`: neither of the two above counts"),
    VariableRow(
      ["AWS_NO_SIGN_REQUEST"], default: "`false`",
      "switch: ask for a public object without credentials"),
    VariableRow(
      ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"],
      """
      credentials; they win over the container's. The last is the token's old name, read when \
      there is none by the new one
      """),
    VariableRow(
      ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"],
      """
      where a task (ECS) or pod (EKS) gets its role's credentials, which are renewed before they \
      end; the first wins. Set by the platform
      """),
    VariableRow(
      ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN"],
      """
      what it wants to see for them: a file, read anew each time, or the token itself; the first \
      wins. Set by the platform
      """),
    VariableRow(
      ["SSL_CERT_FILE", "SSL_CERT_DIR", "AWS_CA_BUNDLE"], default: "the system's",
      """
      certificate authorities, instead of the system's; `AWS_CA_BUNDLE` is for S3 and wins there
      """),
    VariableRow(
      ["HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"], "as curl reads them, lower case too, which wins"),
    VariableRow(
      ["http_proxy"], "lower case alone: the proxy for an S3 endpoint over `http://`"),
  ]

  static let serviceRows = [
    VariableRow(
      ["NOTIFY_SOCKET"],
      """
      where the program tells what it does, as sd_notify(3) does: an absolute path or `@` and an \
      abstract name. One that cannot be reached is the warning `notify_socket`
      """),
    VariableRow(
      ["WATCHDOG_USEC", "WATCHDOG_PID"],
      """
      microseconds above 0 within which a sign of life is wanted · the process that is meant, \
      this one when it is not set. Another value is the warning `watchdog`
      """),
    VariableRow(
      ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"],
      """
      up to 64 listening sockets, from descriptor 3 on · the process that is meant; without it, or \
      with another's, there are none · their names, separated by colons. A mistake is an error: \
      [errors.md](errors.md#listen-fds)
      """),
    VariableRow(
      ["PAR_CONTROL_FD"],
      """
      for `supervise` alone: the pipe on which it commands a run, whose end is the run's \
      ([architecture.md](architecture.md#a-supervised-run)). `LISTEN_PID` is not needed with it
      """),
    VariableRow(
      ["PAR_MARKS_FD"],
      """
      for `supervise` alone: memory in which a run marks what its agent has got \
      ([http.md](http.md#a-supervisors-routes))
      """),
  ]

  static let folderRows = [
    VariableRow(
      ["STATE_DIRECTORY"],
      """
      set by systemd: without `SUPERVISOR_STATE_DIR` its first absolute folder holds a supervisor's \
      state
      """),
    VariableRow(
      ["XDG_STATE_HOME"],
      "without the ones above and not as root, that is `par` in this folder"),
    VariableRow(
      ["CACHE_DIRECTORY"],
      "set by systemd: without `PAR_CACHE_DIR` its first absolute folder is the cache"),
    VariableRow(
      ["XDG_CACHE_HOME"],
      "without the ones above and not as root, the cache is `par` in this folder"),
    VariableRow(
      ["HOME"],
      """
      without the ones above and not as root, the cache is `.cache/par` in this folder; without it \
      the installers keep their own caches in `PAR_CACHE_DIR`
      """),
    VariableRow(
      ["RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"],
      """
      where a run makes its folder of sockets; the first in which it can, and else `TMPDIR`. \
      systemd sets them
      """),
    VariableRow(
      ["TMPDIR"], default: "`/tmp`",
      "where the run's folder and the cache are when nothing above says so"),
    VariableRow(
      ["PATH"], default: "`/usr/bin:/bin`",
      """
      where Python and uv are looked up. The agent's begins with the programs of its own \
      environment
      """),
  ]
}
