"""What the benches share: figures, processes and their CPU and memory, nginx, and this program."""

from __future__ import annotations

import atexit
import os
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any, Callable, Mapping, Optional

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "Tests/EndToEnd"))

from support import packages  # noqa: E402
from support.program import PROGRAM, Run, inherited_environment  # noqa: E402

PATIENCE = 120.0
PAGE = os.sysconf("SC_PAGE_SIZE")

#: One core for a proxy; another, where there is one, for everything else.
PROXY_CORE, OTHER_CORE = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))


# --- processes ---


def raise_files(wanted: int = 65536) -> None:
    """Open files of this process and those it starts: as many as wanted, or as are allowed."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, hard)))
    except (ValueError, OSError):  # only root may raise the hard limit
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def need(*tools: tuple[str, str]) -> None:
    """Ends when a program is missing: pairs of its name and Debian's package."""
    for tool, package in tools:
        if not shutil.which(tool):
            raise SystemExit(f"{tool} is not there; Debian has it in {package}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def answering(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def wait_until(what: str, condition: Callable[[], Any]) -> Any:
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        if time.monotonic() > end:
            raise SystemExit(f"{what}: not within {PATIENCE} s")
        time.sleep(0.01)
    return found


def wait_for(port: int) -> None:
    wait_until(f"a listener on port {port}", lambda: answering(port))


def children(pid: int) -> list[int]:
    out = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(one) for one in out.stdout.split()]


def end(process: subprocess.Popen[Any]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


_running: list[Side] = []


@atexit.register
def _stop_all() -> None:
    while _running:
        _running[-1].stop()


signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


class Side:
    """One way to the agent: the port to call, and the processes whose CPU and memory count."""

    def __init__(self, name: str, port: Any, pids: list[int], stop: Callable[[], None]) -> None:
        self.name, self.port, self.pids, self._stop = name, port, pids, stop
        _running.append(self)

    def stop(self) -> None:
        """Once; also at the end of the bench, however it ends."""
        if self in _running:
            _running.remove(self)
            self._stop()

    def cpu(self) -> float:
        """Seconds that the processes have used, user and system: what utime + stime of
        /proc/PID/stat say in hundredths, in nanoseconds (sched-stats, first field)."""
        total = 0
        for pid in self.pids:
            for thread in Path(f"/proc/{pid}/task").iterdir():
                total += int((thread / "schedstat").read_text().split()[0])
        return total / 1e9

    def resident(self) -> int:
        return sum(int(Path(f"/proc/{p}/statm").read_text().split()[1]) for p in self.pids) * PAGE

    def switches(self) -> int:
        """How often the processes' threads have gone to sleep and so were woken."""
        total = 0
        for pid in self.pids:
            for thread in Path(f"/proc/{pid}/task").iterdir():
                rows = (thread / "status").read_text().splitlines()
                total += sum(int(r.split()[1]) for r in rows if r.startswith("voluntary_ctxt"))
        return total


def pinned(core: int, *command: Any) -> list[str]:
    return ["taskset", "-c", str(core), *(str(one) for one in command)]


def nginx(name: str, folder: Path, configuration: str, port: int) -> Side:
    """nginx in the foreground on the proxies' core: one worker."""
    path = folder / f"nginx-{port}.conf"
    path.write_text(configuration)
    process = subprocess.Popen(
        pinned(PROXY_CORE, "nginx", "-c", path, "-g", "daemon off;"), stderr=subprocess.DEVNULL
    )
    wait_for(port)
    workers = wait_until("a worker of nginx", lambda: children(process.pid))
    return Side(name, port, [process.pid, *workers], lambda: end(process))


def ours(package: Path, folder: Path, *, port: str = "rest_port", name: str = "through us",
         core: Optional[int] = PROXY_CORE, **variables: Any) -> tuple[Side, Run]:  # fmt: skip
    """This program, ready, on the proxies' core; the agent and what it starts are not counted."""
    environment = {
        **inherited_environment(), "AGENT_APP_ID": "bench", "BIND_ADDRESS": "127.0.0.1",
        "REST_PORT": "0", "A2A_PORT": "0", "PAR_CACHE_DIR": str(folder / "cache"),
        "RUNTIME_DIRECTORY": str(folder), "TMPDIR": str(folder),
        "BOOT_HARD_LIMIT_MULTIPLIER": "0", "DRAIN_MIN_SEC": "0",
        "GRACEFUL_SHUTDOWN_TIMEOUT_SEC": "2", **variables,
    }  # fmt: skip
    command = [PROGRAM, "run", package]
    whole = [str(one) for one in command] if core is None else pinned(core, *command)
    run = Run(whole[1:], environment, runtime=folder, command=whole[:1])
    ready = run.ready(deadline=PATIENCE)

    def stop() -> None:
        run.stop(signal.SIGINT)
        run.clean_up()

    return Side(name, ready[port], [run.pid], stop), run


def compile_peers(folder: Path) -> None:
    """What is in peers/, as programs in the folder."""
    for name in ("upstream", "load"):
        source = ROOT / f"bench/peers/{name}.c"
        subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-o", folder / name, source], check=True)
    source = ROOT / "bench/peers/count.c"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", folder / "count.so", source], check=True)


def upstream_alone(folder: Path) -> Side:
    """peers/upstream.c on a Unix socket, on the core that is not the proxies'."""
    path = folder / "upstream.sock"
    path.unlink(missing_ok=True)
    process = subprocess.Popen(pinned(OTHER_CORE, folder / "upstream", path))
    wait_until("the upstream", path.exists)
    path.chmod(0o777)  # nginx's worker is nobody
    return Side("the upstream alone", path, [process.pid], lambda: end(process))


def ours_before(upstream: Path, folder: Path, **variables: Any) -> Side:
    """This program in front of a foreign upstream: it boots a small package, and once it is ready
    the upstream's socket gets a second name, which is moved over the worker's own (`rest.0.sock`, of
    which `rest.sock` is another name) in the run's folder. The next connection to the agent, and
    there was none before, finds the upstream."""
    package = packages.archive(
        folder / "tiny.apkg",
        packages.rest_files("def mount(app):\n    app.get('/')(lambda: {})\n"),
    )
    side, _ = ours(package, folder, **variables)
    (agent,) = folder.glob("par-*/rest.[0-9]*.sock")
    os.link(upstream, f"{agent}.upstream")
    os.rename(f"{agent}.upstream", agent)
    # What it answers first shows that it does not mark what it has begun; before that, no more than
    # can be sent again would be handed to it.
    with urllib.request.urlopen(f"http://127.0.0.1:{side.port}/json", timeout=PATIENCE) as answer:
        answer.read()
    return side


# --- figures ---

rows: list[dict[str, Any]] = []


def row(what: str, unit: str, values: list[float], goal: str = "") -> float:
    median, low, high = statistics.median(values), min(values), max(values)
    rows.append({"what": what, "unit": unit, "median": median, "low": low, "high": high,
                 "runs": len(values)})  # fmt: skip
    digits = 2 if abs(high) < 100 else 0
    print(f"{what:58} {median:9.{digits}f}  [{low:.{digits}f} – {high:.{digits}f}] {unit}"
          f"{'   goal ' + goal if goal else ''}", flush=True)  # fmt: skip
    return median


def alternately(
    sides: list[Side], runs: int, measure: Callable[[Side], Mapping[str, float]]
) -> dict[str, dict[str, list[float]]]:
    """Runs each side in turn, `runs` times, after one round that only warms up: the figures of each
    side by name. `cpu` is added: seconds of the side's processes."""
    figures: dict[str, dict[str, list[float]]] = {side.name: {} for side in sides}
    for round_ in range(runs + 1):
        for side in sides:
            before = side.cpu()
            result = {**measure(side), "cpu": side.cpu() - before}
            if round_:
                for name, value in result.items():
                    figures[side.name].setdefault(name, []).append(value)
    return figures
