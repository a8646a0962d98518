"""The program under test: starts it as an operator does and takes its log as the truth."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
import uuid
from pathlib import Path
from typing import Any, Callable, Mapping, Optional, Sequence

REPOSITORY = Path(__file__).resolve().parents[3]
PROGRAM = Path(os.environ.get("PAR_PROGRAM", REPOSITORY / ".build/release/par-lifecycle"))
#: Seconds to wait for any one event, answer or exit.
DEADLINE = float(os.environ.get("PAR_TEST_DEADLINE", "30"))
#: Every process of a run carries this variable, so that a left-over one is found whoever adopted it.
MARK = "E2E_RUN_MARK"

#: What the program or the installers read; a developer's own settings must not decide a test.
_OURS = ("AGENT_", "PACKAGE_", "SUPERVISOR_", "PAR_", "BOOT_", "LOG_", "WHEELHOUSE_", "LISTEN_",
    "WATCHDOG_", "AWS_", "HOLD_",
)
_NAMES = {
    "DEPLOYMENT_ID", "BASE_PATH", "BIND_ADDRESS", "REST_PORT", "A2A_PORT", "UI_PORT",
    "MULTIPLEXED", "MAX_PACKAGE_SIZE_MB", "MAX_UNPACKED_SIZE_MB", "MAX_PACKAGE_FILES",
    "FETCH_TIMEOUT_SEC", "INSTALL_TIMEOUT_SEC", "LOAD_TIMEOUT_SEC", "DRAIN_MIN_SEC",
    "GRACEFUL_SHUTDOWN_TIMEOUT_SEC", "STREAM_DRAIN_SEC", "HOLD_MAX_REQUESTS", "HOLD_MAX_SEC",
    "WORKER_RESTARTS", "HEARTBEAT_TIMEOUT_SEC", "BODY_IDLE_TIMEOUT_SEC", "UPSTREAM_CONNECT_TIMEOUT_SEC",
    "TRUSTED_PROXIES", "ACCESS_LOG", "SLOW_REQUEST_MS", "TIMING_HEADER", "ECS_TASK_PROTECTION", "VIRTUAL_ENV",
    "PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "NOTIFY_SOCKET", "XDG_RUNTIME_DIR", "RUNTIME_DIRECTORY",
    "CACHE_DIRECTORY", "STATE_DIRECTORY", "TMPDIR",
}  # fmt: skip


def inherited_environment() -> dict[str, str]:
    """This process's environment without what configures the program."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in _NAMES and not name.startswith(_OURS)
    }


def marked_processes(mark: str) -> dict[int, str]:
    """Living processes that carry the mark: process id to command line. Zombies do not count."""
    found = {}
    wanted = f"{MARK}={mark}".encode()
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            if wanted not in Path(entry.path, "environ").read_bytes().split(b"\0"):
                continue
            command = Path(entry.path, "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue  # it ended meanwhile, or is another user's
        found[int(entry.name)] = command
    return found

#: A folder that keeps the log of every run, byte for byte: a corpus of real logs.
KEPT_LOGS = os.environ.get("PAR_KEEP_LOGS")


class Run:
    """One run of the program. Use the `par` fixture, which stops it and checks its log."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        *,
        runtime: Path,
        command: Optional[Sequence[str]] = None,
        stdout: Optional[int] = None,
        before_exec: Optional[Callable[[], None]] = None,
        pass_fds: Sequence[int] = (),
        mark: Optional[str] = None,
    ) -> None:
        self.mark = mark or uuid.uuid4().hex
        self.runtime = runtime
        self.environment = {**environment, MARK: self.mark}
        self.lines: list[dict[str, Any]] = []
        #: `time.monotonic()` at which line i was read.
        self.read_at: list[float] = []
        #: Everything that was on stdout, byte for byte.
        self.raw = bytearray()
        #: What was on stdout and was no JSON object.
        self.other: list[str] = []
        #: Of the listening sockets, by their places.
        self._ports: dict[int, int] = {}
        self._news = threading.Condition()
        self._closed = stdout is not None
        self._stderr = tempfile.TemporaryFile()
        self.started_at = time.monotonic()
        # The tests stop the program by its own id; a session of its own keeps a Ctrl-C at the
        # terminal for pytest.
        self.process = subprocess.Popen(
            [*(command or [str(PROGRAM), "run"]), *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if stdout is None else stdout,
            stderr=self._stderr,
            start_new_session=True,
            preexec_fn=before_exec,
            **({"pass_fds": pass_fds} if pass_fds else {}),
        )
        if stdout is None:
            threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        kept = open(Path(KEPT_LOGS, f"{self.mark}.log"), "wb", buffering=0) if KEPT_LOGS else None
        for raw in self.process.stdout:
            if kept:
                kept.write(raw)
            self.raw += raw
            text = raw.decode("utf-8", "replace").rstrip("\n")
            try:
                line = json.loads(text)
            except ValueError:
                line = None
            with self._news:
                if isinstance(line, dict):
                    self.lines.append(line)
                    self.read_at.append(time.monotonic())
                else:
                    self.other.append(text)
                self._news.notify_all()
        with self._news:
            self._closed = True
            self._news.notify_all()

    # --- the log ---

    def events(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        with self._news:
            return [line for line in self.lines if _matches(line, event, fields)]

    def wait(
        self, event: str, *, count: int = 1, deadline: float = DEADLINE, **fields: Any
    ) -> dict[str, Any]:
        """The count-th line with this event and these field values, waited for."""
        end = time.monotonic() + deadline
        with self._news:
            while True:
                matching = [line for line in self.lines if _matches(line, event, fields)]
                if len(matching) >= count:
                    return matching[count - 1]
                left = end - time.monotonic()
                if self._closed or left <= 0:
                    why = "the log ended" if self._closed else f"{deadline} s passed"
                    raise AssertionError(f"{why} without {event} {fields or ''}\n{self.report()}")
                self._news.wait(left)

    def time_of(self, line: dict[str, Any]) -> float:
        with self._news:
            return self.read_at[next(i for i, one in enumerate(self.lines) if one is line)]

    def report(self) -> str:
        """What happened, for a failure's message."""
        with self._news:
            shown = [shown_line(line) for line in self.lines[-40:]]
            shown += [f"(not JSON) {text}" for text in self.other[-10:]]
        shown += [f"(stderr) {text}" for text in self.stderr().splitlines()[-20:]]
        return "\n".join(shown) or "(no line was written)"

    def stderr(self) -> str:
        self._stderr.seek(0)
        return self._stderr.read().decode("utf-8", "replace")

    # --- the process ---

    @property
    def pid(self) -> int:
        return self.process.pid

    def ready(self, *, count: int = 1, deadline: float = DEADLINE) -> dict[str, Any]:
        """Waits for the count-th `runtime_ready`; whoever has read it finds the gate open."""
        line = self.wait("runtime_ready", count=count, deadline=deadline)
        status = health_status(line["rest_port"])
        assert status == 200, f"ready, but /health is {status}\n{self.report()}"
        return line

    @property
    def port(self) -> int:
        """The REST port; before `runtime_ready` names it, as the kernel knows it, which takes long to
        ask on a machine with many connections."""
        ready = self.events("runtime_ready")
        return ready[0]["rest_port"] if ready else self._listener(0)

    @property
    def a2a_port(self) -> int:
        """The A2A port, likewise."""
        return self._listener(1)

    def _listener(self, place: int) -> int:
        """The port of the listening socket that was opened in that place. Looked up once: the kernel's table has every
        connection of the machine, those that have just ended too, and is slow to read."""
        if place in self._ports:
            return self._ports[place]
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            ports = listening_ports(self.pid)
            if len(ports) > place:
                self._ports[place] = ports[place]
                return ports[place]
            if self.process.poll() is not None:
                break
            time.sleep(0.001)
        raise AssertionError(f"no listening socket\n{self.report()}")

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def worker_pid(self) -> int:
        return self.events("worker_started")[-1]["pid"]

    def send(self, number: int = signal.SIGTERM) -> float:
        """Sends a signal to the program alone; returns when, on the monotonic clock."""
        at = time.monotonic()
        self.process.send_signal(number)
        return at

    def exit(self, deadline: float = DEADLINE) -> int:
        """Waits for the end and for the rest of the log; the exit code (negative: a signal)."""
        try:
            code = self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {deadline} s\n{self.report()}") from None
        end = time.monotonic() + deadline
        with self._news:
            while not self._closed and time.monotonic() < end:
                self._news.wait(end - time.monotonic())
            assert self._closed, "somebody holds the program's stdout open after its end"
        return code

    def stop(self, number: int = signal.SIGTERM, deadline: float = DEADLINE) -> int:
        self.send(number)
        return self.exit(deadline)

    @property
    def stopped(self) -> dict[str, Any]:
        return self.wait("stopped")

    def clean_up(self) -> list[str]:
        """Ends what still runs; names the processes that should have been gone by themselves."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(DEADLINE)
        end = time.monotonic() + 2  # a killed worker's own children need a moment to go
        while (found := marked_processes(self.mark)) and time.monotonic() < end:
            time.sleep(0.02)
        left = [f"{pid} {command}" for pid, command in found.items()]
        for pid in marked_processes(self.mark):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._stderr.close()
        return left


def shown_line(line: dict[str, Any]) -> str:
    """A line for a failure's message: without what is the same in every line of a run."""
    dull = ("timestamp", "run_id", "agentAppId", "config", "state")
    fields = {name: value for name, value in line.items() if name not in dull}
    return json.dumps(fields, ensure_ascii=False)[:800]


def _matches(line: dict[str, Any], event: str, fields: Mapping[str, Any]) -> bool:
    return line.get("event") == event and all(line.get(k) == v for k, v in fields.items())


def health_status(port: int) -> int:
    """What /health says now, asked once on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status
    finally:
        connection.close()


def listening_ports(pid: int) -> list[int]:
    """TCP ports on which the process listens, in the order of their descriptors."""
    return list(listeners(pid).values())


def listeners(pid: int) -> dict[str, int]:
    """The port of each TCP socket on which the process listens, by the socket's inode (proc(5)),
    in the order of their descriptors."""
    try:
        inodes = {}
        for descriptor in os.scandir(f"/proc/{pid}/fd"):
            try:
                target = os.readlink(descriptor.path)
            except OSError:
                continue  # closed meanwhile
            if target.startswith("socket:["):
                inodes[target[8:-1]] = int(descriptor.name)
        found = []
        for table in ("tcp", "tcp6"):
            for row in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
                column = row.split()
                if column[3] == "0A" and column[9] in inodes:
                    port = int(column[1].rsplit(":", 1)[1], 16)
                    found.append((inodes[column[9]], column[9], port))
        return {inode: port for _, inode, port in sorted(found)}
    except OSError:
        return {}
