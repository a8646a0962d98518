"""The world of one cell: its folders, its run, and the search for what was left behind."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import signal
import ssl
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Optional, Sequence

from support import log, packages
from support.byte_server import Authority
from support.clients import until
from support.gate import Gate
from support.program import (
    DEADLINE,
    PROGRAM,
    Run,
    inherited_environment,
    listeners,
    marked_processes,
    shown_line,
)

#: What is promised to happen within a second may take longer on a machine that is slow by this.
SLOWNESS = DEADLINE / 30
#: How long a process that was killed may still be seen.
REAPING = 0.5
#: What downloads are given and no log may hold.
SECRETS = ("secret-signature", "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY", "secretsecretsecret")
#: A developer's own settings of downloads.
_DOWNLOADS = ("AWS_", "SSL_CERT", "CURL_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
#: Lines of the agent's output whose form is checked; a flood's are all alike.
CHECKED_OUTPUT_LINES = 50


class Stage:
    """Everything that a cell needs, and nothing that another cell could notice."""

    def __init__(self, library: "Library") -> None:
        self.library = library
        # Short: a Unix socket's path ends after 107 bytes.
        self.root = Path(tempfile.mkdtemp(prefix="par-r-"))
        self.runtime = self.root / "run"
        self.temporary = self.root / "tmp"
        self.cache = self.root / "cache"
        self.tools = self.root / "bin"
        for folder in (self.runtime, self.temporary, self.cache, self.tools):
            folder.mkdir()
        self.variables: dict[str, Any] = {}
        self.command: list[str] = []
        self.user: Optional[int] = None
        self.gate = Gate()
        self.runs: list[Run] = []
        self.closers: list[Callable[[], None]] = []
        self.ports: list[int] = []
        #: By inode: another cell's run may be given the number of a port that this one closed.
        self.listeners: set[str] = set()
        #: Whether what is written to stdout can be read to its end.
        self.has_whole_log = True
        #: Processes that carry no mark and have to be gone as well.
        self.unmarked: list[int] = []
        #: What a scene leaves for the fault.
        self.call: Any = None
        self.passage: Any = None
        self.index_connections: list[Any] = []
        self.origin: Any = None
        #: When the fault struck, if that was not at the beginning of striking.
        self.struck = 0.0
        self.own_package = self.root / "own.apkg"
        self.own_sockets: list[str] = []
        self.threads: list[Any] = []
        #: Where the cache can be looked at when the run sees it in a mount namespace of its own.
        self.cache_seen = self.cache

    # --- starting ---

    @property
    def environment(self) -> dict[str, str]:
        inherited = {
            name: value
            for name, value in inherited_environment().items()
            if not name.upper().startswith(_DOWNLOADS)
        }
        own = {
            "AGENT_APP_ID": "cell",
            "BIND_ADDRESS": "127.0.0.1",
            "REST_PORT": "0",
            "A2A_PORT": "0",
            "UI_PORT": "0",
            "PAR_CACHE_DIR": self.cache,
            "RUNTIME_DIRECTORY": self.runtime,
            "TMPDIR": self.temporary,
            "HOME": self.root,
            "PATH": f"{self.tools}:{inherited['PATH']}",
            # A loaded machine must not fail a cell that is not about the limit.
            "BOOT_HARD_LIMIT_MULTIPLIER": "0",
            "LOAD_TIMEOUT_SEC": "60",
            "DRAIN_MIN_SEC": "0.2",
            **self.gate.environment,
        }
        merged = {**inherited, **own, **self.variables}
        return {name: str(value) for name, value in merged.items() if value is not None}

    def start(self, package: Any = None, *, stdout: Optional[int] = None, **variables: Any) -> Run:
        self.variables.update(variables)
        command = [*self.command, str(PROGRAM), "run"]
        if self.user is not None:
            for path in (self.root, *self.root.iterdir()):
                if path.stat().st_uid == os.geteuid() and path.name != "theirs":
                    os.chown(path, self.user, self.user)
        run = Run(
            [] if package is None else [str(package)],
            self.environment,
            runtime=self.runtime,
            command=command,
            stdout=stdout,
        )
        self.runs.append(run)
        return run

    @property
    def run(self) -> Run:
        return self.runs[-1]

    def package(self, name: str) -> Path:
        return self.own_package if name == "own" else self.library[name]

    def agent(self, module: str, **fields: Any) -> Path:
        """A package of this cell alone, whose REST surface is this module."""
        files = packages.rest_files(module, extra={"src/meet.py": packages.MEET}, **fields)
        return packages.archive(self.root / "agent.apkg", files)

    def tool(self, name: str, text: str, mode: int = 0o755) -> Path:
        """A program that the run finds first in its PATH."""
        path = self.tools / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def close_at_end(self, close: Callable[[], None]) -> None:
        self.closers.append(close)

    # --- processes of the run ---

    def step(self, kind: str) -> int:
        """The step's process, waited for."""
        wanted = f"\0step\0{kind}\0".encode()

        def find() -> int:
            return next((pid for pid in children(self.run.pid) if wanted in command_of(pid)), 0)

        return until(find, f"the {kind} step runs")

    def processes(self, word: str) -> list[int]:
        """Processes of the run with this word in their command line."""
        return [pid for pid, command in marked_processes(self.run.mark).items() if word in command]

    def note_ports(self) -> None:
        found = listeners(self.run.pid)
        self.ports += found.values()
        self.listeners |= found.keys()

    # --- what is left ---

    def leftovers(self) -> list[str]:
        """Files, processes and sockets that the run should have taken along."""
        found: list[str] = []
        for run in self.runs:
            if run.process.poll() is None:
                found.append(f"the program {run.pid} still runs")
                continue
            found += [f"process {one}" for one in left_processes(run.mark, self.unmarked)]
        found += [f"file {one}" for one in tree(self.runtime) + tree(self.temporary)]
        found += [f"in the cache: {one}" for one in unfinished(self.cache_seen)]
        bound = Path("/proc/net/unix").read_text()
        found += [f"socket {one}" for one in bound.split() if one.startswith(str(self.root))
                  and one not in self.own_sockets]
        for table in ("tcp", "tcp6"):
            for row in Path("/proc/net", table).read_text().splitlines()[1:]:
                column = row.split()
                if column[3] == "0A" and column[9] in self.listeners:
                    port = int(column[1].rsplit(":", 1)[1], 16)
                    found.append(f"listener on port {port}")
        return found

    def log_problems(self) -> list[str]:
        found: list[str] = []
        for thread in self.threads:
            thread.join(DEADLINE)
        for run in self.runs:
            said = 0
            formal = []
            for line in run.lines:
                said += line.get("event") == "agent_output"
                if line.get("event") != "agent_output" or said <= CHECKED_OUTPUT_LINES:
                    formal.append(line)
            killed = run.process.returncode is not None and run.process.returncode < 0
            text = json.dumps(run.lines)
            found += [f"the log holds the secret {one}" for one in SECRETS if one in text]
            found += log.schema_errors(formal)
            found += log.sequence_errors(run.lines)
            if not self.has_whole_log:
                continue
            found += log.trace_problems(bytes(run.raw), cut_off=killed)
            found += log.table_problems(run.lines)
            found += [f"stdout holds more than the log: {one!r}" for one in run.other[:3]]
            ends = [line for line in run.lines if line.get("event") == "stopped"]
            if not killed:
                if not ends or run.lines[-1] is not ends[0]:
                    found.append("the last line is not `stopped`")
                elif ends[0]["exit_code"] != run.process.returncode:
                    found.append(f"exit code {run.process.returncode}, told {ends[0]['exit_code']}")
        return found

    def report(self) -> str:
        parts = []
        for run in self.runs:
            lines = [line for line in run.lines if line.get("event") != "agent_output"]
            output = [line for line in run.lines if line.get("event") == "agent_output"]
            parts.append("\n".join(shown_line(line) for line in lines[-40:] + output[-5:]))
            parts.append("\n".join(f"(stderr) {x}" for x in run.stderr().splitlines()[-10:]))
        return "\n".join(parts)

    def end_all(self) -> None:
        """Ends what still runs of a cell that went wrong."""
        for run in self.runs:
            if run.process.poll() is None:
                run.process.kill()
                run.process.wait()
                self.has_whole_log = False

    def close(self) -> None:
        for run in self.runs:
            run.clean_up()
        for pid in self.unmarked:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        for close in reversed(self.closers):
            close()
        self.gate.close()
        for folder, names, _ in os.walk(self.root):
            for name in names:
                path = os.path.join(folder, name)
                if not os.path.islink(path):
                    os.chmod(path, 0o700)
        shutil.rmtree(self.root, ignore_errors=True)


class Library:
    """The packages that several cells boot, each made once."""

    def __init__(self) -> None:
        # Not a folder of pytest's: cells that run as another user read the packages too.
        folder = Path(tempfile.mkdtemp(prefix="par-library-"))
        folder.chmod(0o755)
        self.folder = folder
        self._made: dict[str, Path] = {}
        meet = {"src/meet.py": packages.MEET}
        importing = "import os\nfrom src.meet import meet\nmeet(f'import {os.getpid()}')\n"
        again = (
            "import os\nfrom src.meet import meet\n"
            "if os.path.exists(os.environ['SEEN']): meet(f'again {os.getpid()}')\n"
            "open(os.environ['SEEN'], 'w').close()\n"
        )
        blocks = {f"src/block{i}": os.urandom(1 << 20) for i in range(4)}
        many = {f"src/part{i // 100}/file{i}": f"text {i}" * 20 for i in range(3000)}
        requirement = {**meet, "requirements.txt": "tagged==1.0\n"}
        for name, module, extra in (
            ("probe", packages.PROBE, meet),
            ("gate", importing + packages.PROBE, meet),
            ("again", again + packages.PROBE, meet),
            ("large", packages.PROBE, {**meet, **blocks}),
            ("many", packages.PROBE, {**meet, **many}),
            ("requirement", packages.PROBE, requirement),
            ("newest", packages.PROBE, meet),
        ):
            fields = {"runtime": "python3.38"} if name == "newest" else {}
            files = packages.rest_files(module, extra=extra, **fields)
            self._made[name] = packages.archive(folder / f"{name}.apkg", files)
            self._made[name].chmod(0o644)

        self.authority = Authority(folder)
        self.authority.file.chmod(0o644)
        other = folder / "other"
        other.mkdir()
        past = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
        self._certificates = {
            "good": self.authority.server_context(),
            "other": Authority(other).server_context(),
            "elsewhere": self.authority.server_context("elsewhere.example"),
            "expired": self.authority.server_context(not_after=past),
        }

    def __getitem__(self, name: str) -> Path:
        return self._made[name]

    def certificate(self, kind: str) -> ssl.SSLContext:
        """Of a server on 127.0.0.1, or of one that should not be trusted."""
        return self._certificates[kind]

    def close(self) -> None:
        shutil.rmtree(self.folder)


def children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            found += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    except OSError:
        pass  # it ended meanwhile
    return found


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def state_of(pid: int) -> str:
    """The state letter of proc_pid_stat(5); empty when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0]
    except OSError:
        return ""


def left_processes(mark: str, unmarked: Sequence[int] = ()) -> list[str]:
    end = time.monotonic() + REAPING * SLOWNESS
    while True:
        found = [f"{pid} {command}" for pid, command in marked_processes(mark).items()]
        found += [f"{pid} without a mark" for pid in unmarked if state_of(pid) not in ("", "Z")]
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.01)


def tree(folder: Path) -> list[str]:
    return sorted(str(one.relative_to(folder.parent)) for one in folder.rglob("*"))


def unfinished(cache: Path) -> list[str]:
    """What a cache holds beside whole packages, whole archives, whole environments and locks."""
    found = []
    for kind in ("packages", "archives", "environments"):
        folder = cache / kind
        if not folder.is_dir():
            continue
        for one in folder.iterdir():
            whole = {
                "packages": one.name.startswith("sha256-") and len(one.name) == 71,
                "archives": one.name.startswith(("sha256-", "url-")) and "." in one.name,
                "environments": one.name in ("venv.py", "__pycache__") or (one / ".par-complete").exists(),
            }[kind]
            if not whole and not one.name.endswith(".lock"):
                found.append(f"{kind}/{one.name}")
    return found

