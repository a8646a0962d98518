"""The service manager's words: notifications, watchdog, passed sockets."""

from __future__ import annotations

import collections
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any, Iterator, Sequence

import httpx
import pytest

from support import packages
from support.clients import Call, Connection, until
from support.passed_sockets import PASS
from support.program import DEADLINE, PROGRAM, health_status

#: The longest extension that is asked for at once.
EXTENSION = 30


class Manager:
    """A service manager's end of NOTIFY_SOCKET."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        #: When each datagram came, and its lines.
        self.heard: list[tuple[float, list[str]]] = []
        self._news = threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                data = self._socket.recv(8192)
            except OSError:
                return
            with self._news:
                self.heard.append((time.monotonic(), data.decode().split("\n")))
                self._news.notify_all()

    def close(self) -> None:
        self._socket.close()

    def told(self) -> list[list[str]]:
        """Everything but the watchdog's, EXTEND_TIMEOUT_USEC without its number."""
        with self._news:
            heard = [lines for _, lines in self.heard if lines != ["WATCHDOG=1"]]
        return [[re.sub(r"^(EXTEND_TIMEOUT_USEC)=\d+$", r"\1", x) for x in y] for y in heard]

    def extensions(self) -> list[tuple[float, float]]:
        """When more time was asked for, and how many seconds."""
        with self._news:
            return [
                (at, int(line.split("=")[1]) / 1e6)
                for at, lines in self.heard
                for line in lines
                if line.startswith("EXTEND_TIMEOUT_USEC=")
            ]

    def feedings(self) -> list[float]:
        with self._news:
            return [at for at, lines in self.heard if "WATCHDOG=1" in lines]

    def wait(self, pattern: str, *, count: int = 1) -> str:
        """The count-th line that matches, waited for."""
        end = time.monotonic() + DEADLINE
        with self._news:
            while True:
                lines = [x for _, lines in self.heard for x in lines if re.fullmatch(pattern, x)]
                if len(lines) >= count:
                    return lines[count - 1]
                left = end - time.monotonic()
                assert left > 0, f"nobody said {pattern}: {self.heard}"
                self._news.wait(left)


@pytest.fixture(params=["path", "abstract"])
def either_manager(request, tmp_path) -> Iterator[Manager]:
    name = uuid.uuid4().hex
    manager = Manager(f"@par-{name}" if request.param == "abstract" else f"/tmp/par-{name}")
    yield manager
    manager.close()
    if request.param == "path":
        os.unlink(manager.address)


@pytest.fixture
def manager() -> Iterator[Manager]:
    manager = Manager(f"@par-{uuid.uuid4().hex}")
    yield manager
    manager.close()


def without_progress(told: Sequence[list[str]]) -> list[list[str]]:
    """What is told of a phase while it lasts depends on the machine's speed."""
    progress = re.compile(r"STATUS=(Fetching|Verifying|Installing|Loading|Restarting \(attempt \d+\)): .*")
    return [x for x in told if not (len(x) == 1 and progress.fullmatch(x[0]))]


BOOT = [
    ["STATUS=Fetching", "EXTEND_TIMEOUT_USEC"],
    ["STATUS=Verifying", "EXTEND_TIMEOUT_USEC"],
    ["STATUS=Installing", "EXTEND_TIMEOUT_USEC"],
    ["STATUS=Loading", "EXTEND_TIMEOUT_USEC"],
]


def ready(port: int) -> list[str]:
    return ["READY=1", f"STATUS=Ready on port {port}"]


DRAIN = ["STOPPING=1", "STATUS=Draining, 0 in flight", "EXTEND_TIMEOUT_USEC"]


# --- the sequences ---


def test_a_boot_with_a_slow_installation(par, manager, tmp_path):
    """pip makes an environment in the state installing, which takes seconds."""
    files = packages.rest_files(
        "import tagged\ndef mount(app): pass\n", extra={"requirements.txt": "tagged==1.5\n"}
    )
    package = packages.archive(tmp_path / "p.apkg", files)
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    packages.wheel(wheels, "tagged", "1.5")
    run = par(
        package,
        NOTIFY_SOCKET=manager.address,
        PAR_CACHE_DIR=tmp_path / "cache",
        PAR_INSTALLER="pip",
        WHEELHOUSE_DIR=wheels,
        LOAD_TIMEOUT_SEC=20,
    )
    said = manager.wait("STATUS=Installing: .+")
    port = run.ready(deadline=120)["rest_port"]
    assert run.events("install")[0]["environment"]["cache"] == "miss" and len(said) < 1100
    manager.wait("READY=1")
    assert run.stop() == 0
    manager.wait("STATUS=Stopped")
    told = without_progress(manager.told())
    # A slow machine is asked for more time in the middle.
    told = [x for x in told if x != ["EXTEND_TIMEOUT_USEC"]]
    assert told == [*BOOT, ready(port), DRAIN, ["STATUS=Stopped"]]
    # It reached from each word to the next, and never further than half a minute.
    asked = manager.extensions()
    assert all(0 < seconds <= EXTENSION for _, seconds in asked)
    before = [asked[i][0] + asked[i][1] for i in range(len(asked) - 2)]
    assert all(reach > later for reach, (later, _) in zip(before, asked[1:]))


def test_an_installation_that_takes_too_long(par, manager, tmp_path):
    files = packages.rest_files("def mount(app): pass\n", extra={"requirements.txt": "absent==1\n"})
    package = packages.archive(tmp_path / "p.apkg", files)
    # An index that takes connections and says nothing.
    with socket.create_server(("127.0.0.1", 0)) as index:
        url = f"http://127.0.0.1:{index.getsockname()[1]}/simple"
        run = par(
            package,
            NOTIFY_SOCKET=manager.address,
            PAR_CACHE_DIR=tmp_path / "cache",
            PAR_INSTALLER="uv",
            UV_INDEX_URL=url,
            UV_DEFAULT_INDEX=url,
            UV_NO_CACHE="1",
            INSTALL_TIMEOUT_SEC=2,
        )
        assert run.exit() == 1
    manager.wait("STATUS=Failed: the installation took longer than 2 s")
    began = next(at for at, x in manager.heard if x[0] == "STATUS=Installing")
    stopping = next(at for at, x in manager.heard if x[0] == "STOPPING=1")
    assert stopping - began >= 2 - 0.1
    of_install = [(at, s) for at, s in manager.extensions() if began <= at < stopping]
    # Asked for once, because it is all there is.
    assert len(of_install) == 1 and 1.5 < of_install[0][1] <= 2


@pytest.mark.parametrize(
    "variables, of_load",
    [({"BOOT_BUDGET_MS": 8000, "BOOT_HARD_LIMIT_MULTIPLIER": 2}, 16), ({"LOAD_TIMEOUT_SEC": 12}, 12)],
)
def test_no_more_time_is_asked_for_than_a_phase_has(par, probe, manager, variables, of_load):
    run = par(
        probe,
        NOTIFY_SOCKET=manager.address,
        FETCH_TIMEOUT_SEC=7,
        GRACEFUL_SHUTDOWN_TIMEOUT_SEC=6,
        **variables,
    )
    run.ready()
    assert run.stop() == 0
    manager.wait("STATUS=Stopped")
    asked = [seconds for _, seconds in manager.extensions()]
    assert len(asked) == 5
    assert 6 < asked[0] <= 7
    # Stacks are asked for at the limit, for which there are 0.3 s.
    assert of_load - 3 < asked[3] <= of_load + 0.3
    assert 5 < asked[4] <= 6


def test_a_failed_boot(par, either_manager, tmp_path):
    module = "raise RuntimeError('no way')\n"
    package = packages.archive(tmp_path / "p.apkg", packages.rest_files(module))
    run = par(package, NOTIFY_SOCKET=either_manager.address)
    assert run.exit() == 1
    error = run.events("boot_failed")[0]["error"]
    either_manager.wait("STOPPING=1")
    told = without_progress(either_manager.told())
    assert told == [*BOOT, ["STOPPING=1", f"STATUS=Failed: {error}", "EXTEND_TIMEOUT_USEC"]]


@pytest.mark.parametrize(
    "variables, error",
    [
        ({"REST_PORT": "x"}, "REST_PORT"),
        ({"REST_PORT": "x", "UI_PORT": "y"}, "the configuration has 2 mistakes"),
        ({"BIND_ADDRESS": "203.0.113.1"}, "this machine has no such address"),
    ],
)
def test_a_run_that_never_began(par, probe, manager, variables, error):
    run = par(probe, NOTIFY_SOCKET=manager.address, **{"MULTIPLEXED": "false", **variables})
    assert run.exit() == 1
    said = manager.wait("STATUS=Failed: .*")
    assert error in said and said == f"STATUS=Failed: {run.events('boot_failed')[0]['error']}"
    assert manager.told()[0][0] == "STOPPING=1"


def test_a_restart_and_a_drain(par, probe, manager, gate):
    run = par(probe, NOTIFY_SOCKET=manager.address, **gate.environment)
    port = run.ready()["rest_port"]
    os.kill(run.worker_pid, signal.SIGKILL)
    run.ready(count=2)
    call = Call(port, "/api/gate")
    passage = gate.visitor()
    run.send()
    assert manager.wait("STATUS=Draining, .*") == "STATUS=Draining, 1 in flight"
    passage.let_through()
    assert call.wait()[0] == 200
    assert run.exit() == 0
    manager.wait("STATUS=Stopped")
    told = without_progress(manager.told())
    # READY=1 is said once; a restart is a status.
    assert told[: len(BOOT) + 4] == [
        *BOOT,
        ready(port),
        ["STATUS=Restarting (attempt 2)"],
        [f"STATUS=Ready on port {port}"],
        ["STOPPING=1", "STATUS=Draining, 1 in flight", "EXTEND_TIMEOUT_USEC"],
    ]
    # How many looks at what is in flight there are depends on the machine's speed.
    rest = told[len(BOOT) + 4 :]
    assert rest in ([["STATUS=Draining, 0 in flight"], ["STATUS=Stopped"]], [["STATUS=Stopped"]])


def test_restarts_used_up(par, probe, manager):
    run = par(probe, NOTIFY_SOCKET=manager.address, WORKER_RESTARTS="0/60")
    run.ready()
    os.kill(run.worker_pid, signal.SIGKILL)
    assert run.exit() == 1
    error = run.events("boot_failed")[0]["error"]
    manager.wait(re.escape(f"STATUS=Failed: {error}"))
    assert without_progress(manager.told())[-1][0] == "STOPPING=1"


def test_secrets_stay_out_of_the_status(par, tmp_path, manager):
    module = "import os\nraise RuntimeError('token ' + os.environ['API_TOKEN'] + ' \\nREADY=1')\n"
    package = packages.archive(tmp_path / "p.apkg", packages.rest_files(module))
    run = par(package, NOTIFY_SOCKET=manager.address, API_TOKEN="hunter2hunter2")
    assert run.exit() == 1
    said = manager.wait("STATUS=Failed: .*")
    assert "token ***" in said
    lines = [line for _, lines in manager.heard for line in lines]
    assert not [line for line in lines if "hunter2" in line or line == "READY=1"]


# --- a service manager that is not there, or does not listen ---


@pytest.mark.parametrize("address", ["/nowhere/notify", "@par-nobody", "vsock:2:1", "nonsense"])
def test_nobody_listens(par, probe, address):
    run = par(probe, NOTIFY_SOCKET=address)
    run.ready()
    assert run.stop() == 0
    warnings = run.events("warning", code="notify_socket")
    assert len(warnings) == 1 and address in warnings[0]["message"]


def test_an_empty_name_is_none(par, probe):
    run = par(probe, NOTIFY_SOCKET="", WATCHDOG_USEC="", LISTEN_FDS="", LISTEN_PID="")
    run.ready()
    assert run.stop() == 0
    assert not run.events("warning")


def test_a_manager_that_never_reads_holds_nothing_up(par, probe):
    name = f"@par-{uuid.uuid4().hex}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind("\0" + name[1:])
        fill("\0" + name[1:])
        run = par(probe, NOTIFY_SOCKET=name, WATCHDOG_USEC=100_000)
        run.ready()
        assert run.stop() == 0
        deaf.setblocking(False)
        assert deaf.recv(64) == b"X=1"


def fill(address: str) -> None:
    """Fills a datagram socket's queue, by as many senders as that takes."""
    sent = True
    while sent:
        sent = False
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            try:
                while True:
                    sender.sendto(b"X=1", address)
                    sent = True
            except BlockingIOError:
                pass


# --- none of it reaches the agent or a step ---


def test_the_words_are_for_the_program_alone(par, tmp_path, manager):
    run = par(
        packages.probe(tmp_path / "p.apkg"),
        NOTIFY_SOCKET=manager.address,
        WATCHDOG_USEC="5000000",
        WATCHDOG_PID="",
        LISTEN_FDS="0",
        LISTEN_PID="1",
        LISTEN_FDNAMES="x",
    )
    seen: dict[int, bytes] = {}
    while not run.events("runtime_ready"):
        for task in Path(f"/proc/{run.pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                try:
                    environment = Path(f"/proc/{child}/environ").read_bytes()
                except OSError:
                    continue
                # Before it executes a child still is its parent.
                command = Path(f"/proc/{child}/cmdline").read_bytes() if environment else b""
                if b"step" in command or b"start.py" in command:
                    seen[int(child)] = environment
        assert run.process.poll() is None, run.report()
    assert seen
    reached = httpx.get(f"{run.base}/api/env").json()
    for environment in [*seen.values(), "\0".join(f"{k}=" for k in reached).encode()]:
        names = [entry.split(b"=")[0] for entry in environment.split(b"\0")]
        wrong = (b"NOTIFY_SOCKET", b"WATCHDOG_", b"LISTEN_")
        assert not [name for name in names if name.startswith(wrong)]
    assert run.stop() == 0


# --- the watchdog ---


def gaps(feedings: Sequence[float]) -> list[float]:
    return [later - earlier for earlier, later in zip(feedings, feedings[1:])]


def test_the_watchdog_is_fed_under_load(par, probe, manager):
    interval = 2.0
    run = par(probe, NOTIFY_SOCKET=manager.address, WATCHDOG_USEC=int(interval * 1e6))
    port = run.ready()["rest_port"]
    done = threading.Event()

    def load() -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            while not done.is_set():
                client.get("/api/bytes", params={"n": 1_000_000})

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: len(manager.feedings()) >= 5, "the watchdog is fed")
    done.set()
    for thread in threads:
        thread.join()
    assert run.stop() == 0
    feedings = manager.feedings()
    # At half the interval, never a whole one apart.
    assert max(gaps(feedings)) < interval
    assert min(gaps(feedings)) > interval / 4


def test_a_stopped_program_does_not_feed_the_watchdog(par, probe, manager):
    run = par(probe, NOTIFY_SOCKET=manager.address, WATCHDOG_USEC=400_000)
    run.ready()
    until(lambda: len(manager.feedings()) >= 3, "the watchdog is fed")
    run.send(signal.SIGSTOP)
    until(lambda: "State:\tT" in Path(f"/proc/{run.pid}/status").read_text(), "it is stopped")
    before = len(manager.feedings())
    # An interval has to pass for the absence of something to be seen.
    time.sleep(0.8)
    assert len(manager.feedings()) == before
    run.send(signal.SIGCONT)
    until(lambda: len(manager.feedings()) > before, "the watchdog is fed again")
    assert run.stop() == 0


def test_a_full_log_does_not_starve_the_watchdog(par, probe, manager):
    reader, writer = os.pipe()
    run = par(probe, NOTIFY_SOCKET=manager.address, WATCHDOG_USEC=400_000, stdout=writer)
    try:
        manager.wait("READY=1")
        httpx.get(f"{run.base}/api/flood", params={"lines": 20_000}, timeout=DEADLINE)
        before = len(manager.feedings())
        until(lambda: len(manager.feedings()) > before + 3, "the watchdog is fed")
    finally:
        os.close(writer)
        os.close(reader)
    run.send(signal.SIGINT)
    run.process.wait(DEADLINE)


@pytest.mark.parametrize("usec", ["0", "-1", "soon", "18446744073709551615"])
def test_a_watchdog_time_that_is_none(par, probe, manager, usec):
    run = par(probe, NOTIFY_SOCKET=manager.address, WATCHDOG_USEC=usec)
    run.ready()
    assert run.stop() == 0
    assert usec in run.events("warning", code="watchdog")[0]["message"]
    assert not manager.feedings()


def test_a_watchdog_for_another_process(par, probe, manager):
    run = par(probe, NOTIFY_SOCKET=manager.address, WATCHDOG_USEC=20_000, WATCHDOG_PID=1)
    run.ready()
    assert run.stop() == 0
    assert not manager.feedings()


# --- passed sockets ---

@pytest.fixture
def passing(par):
    """Starts a run with these sockets as descriptors 3 and up."""
    made = []

    def start(package: Path, sockets: Sequence[Any], names: str | None = None, **variables: Any):
        for one in sockets:
            os.set_inheritable(one.fileno(), True)
        numbers = ",".join(str(one.fileno()) for one in sockets)
        command = [sys.executable, "-c", PASS, numbers, str(PROGRAM), "run"]
        variables.setdefault("LISTEN_FDS", len(sockets))
        if names is not None:
            variables["LISTEN_FDNAMES"] = names
        made.extend(sockets)
        return par(package, command=command, **variables)

    yield start
    for one in made:
        one.close()


@pytest.fixture(autouse=True)
def inheriting(monkeypatch):
    """Descriptors that are inheritable reach the program, as with a service manager."""
    original = subprocess.Popen.__init__

    def popen(self, *arguments: Any, **options: Any) -> None:
        options.setdefault("close_fds", False)
        original(self, *arguments, **options)

    monkeypatch.setattr(subprocess.Popen, "__init__", popen)


def listener(port: int = 0) -> socket.socket:
    return socket.create_server(("127.0.0.1", port), backlog=64)


def port_of(one: socket.socket) -> int:
    return one.getsockname()[1]


@pytest.mark.parametrize("names", [None, "rest", "par@hello.socket", ""])
def test_the_rest_port_may_be_passed(passing, probe, names):
    one = listener()
    run = passing(probe, [one], names, REST_PORT=1, A2A_PORT=0)
    assert run.ready()["rest_port"] == port_of(one)
    assert httpx.get(f"http://127.0.0.1:{port_of(one)}/api/hello").status_code == 200
    assert run.stop() == 0
    assert not run.events("warning")


def test_requests_from_before_the_program_are_answered(passing, probe):
    one = listener()
    with_body = "HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
    early = []
    for path in ["/livez", "/api/hello", "/health", "/api/hello"]:
        client = socket.create_connection(("127.0.0.1", port_of(one)), timeout=DEADLINE)
        client.sendall(f"GET {path} {with_body}".encode())
        early.append((client, path))
    run = passing(probe, [one], "rest")
    for client, path in early:
        with client:
            answer = b""
            while part := client.recv(65536):
                answer += part
        status = int(answer.split(b" ")[1])
        # What is for the agent waits for it.
        assert status in ((200, 503) if path == "/health" else (200,)), path
    run.ready()
    assert run.stop() == 0


def test_a_successor_on_the_same_socket_gets_what_its_predecessor_left(passing, probe):
    """systemctl restart under load: the socket stays, and no request is refused or lost."""
    one = listener()
    base = f"http://127.0.0.1:{port_of(one)}"
    answers: collections.Counter[object] = collections.Counter()
    stopping = threading.Event()

    def ask(keeps: bool) -> None:
        with httpx.Client(base_url=base, timeout=DEADLINE) as client:
            while not stopping.is_set():
                headers = {} if keeps else {"Connection": "close"}
                try:
                    answer: object = client.get("/api/hello", headers=headers).status_code
                except httpx.HTTPError as error:
                    answer = repr(error)
                answers[answer] += 1

    run = passing(probe, [one], "rest")
    run.ready()
    clients = [threading.Thread(target=ask, args=(n % 2 == 0,), daemon=True) for n in range(8)]
    for client in clients:
        client.start()
    for _ in range(2):
        until(lambda so_far=answers.total(): answers.total() > so_far + 100, "the load goes on")
        assert run.stop() == 0
        run = passing(probe, [one], "rest")
        run.ready()
    until(lambda so_far=answers.total(): answers.total() > so_far + 100, "the load goes on")
    stopping.set()
    for client in clients:
        client.join(DEADLINE)
    assert list(answers) == [200], answers
    assert run.stop() == 0


def test_passed_by_name_in_any_order(passing, probe, tmp_path):
    ui, a2a, rest = listener(), listener(), listener()
    run = passing(probe, [ui, a2a, rest], "ui:a2a:rest", MULTIPLEXED="false")
    line = run.ready()
    assert (line["rest_port"], line["ui_port"]) == (port_of(rest), port_of(ui))
    assert health_status(port_of(ui)) == 200
    # Kept open: a connection is taken by the kernel and waits.
    socket.create_connection(("127.0.0.1", port_of(a2a)), timeout=DEADLINE).close()
    assert run.stop() == 0
    assert not run.events("warning")


def test_passed_by_port(passing, probe):
    other, rest = listener(), listener()
    run = passing(probe, [other, rest], None, REST_PORT=port_of(rest))
    assert run.ready()["rest_port"] == port_of(rest)
    assert run.stop() == 0
    warning = run.events("warning", code="listen_fds")[0]
    assert str(port_of(other)) in warning["message"]


def test_what_is_for_nothing_is_closed_with_a_warning(passing, probe):
    rest, other = listener(), listener()
    port = port_of(other)
    run = passing(probe, [rest, other], "rest:other")
    run.ready()
    assert len(run.events("warning", code="listen_fds")) == 1
    other.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
    assert run.stop() == 0


def test_a_unix_socket_may_be_passed(passing, probe, runtime, manager):
    path = str(runtime / "public.sock")
    one = socket.socket(socket.AF_UNIX)
    one.bind(path)
    one.listen(16)
    run = passing(probe, [one], "rest", NOTIFY_SOCKET=manager.address)
    assert run.wait("runtime_ready")["rest_port"] == 0
    manager.wait(f"STATUS=Ready on {re.escape(path)}")
    with httpx.Client(transport=httpx.HTTPTransport(uds=path), base_url="http://x") as client:
        assert client.get("/api/hello").json()["message"] == "hello"
        assert client.get("/health").status_code == 200
    assert run.stop() == 0
    # The path is the service manager's.
    os.unlink(path)


def test_passed_sockets_reach_no_child(passing, probe):
    one = listener()
    run = passing(probe, [one], "rest")
    run.ready()
    inode = os.readlink(f"/proc/{os.getpid()}/fd/{one.fileno()}")
    held = [os.readlink(x.path) for x in os.scandir(f"/proc/{run.worker_pid}/fd")]
    assert inode not in held
    # And a child of the program that only executes would not get it either.
    flags = [
        Path(f"/proc/{run.pid}/fdinfo/{x.name}").read_text()
        for x in os.scandir(f"/proc/{run.pid}/fd")
        if os.readlink(x.path) == inode
    ]
    assert flags and all(int(re.search(r"flags:\s+(\d+)", x)[1], 8) & 0o2000000 for x in flags)
    assert run.stop() == 0


def deaf() -> socket.socket:
    one = socket.socket()
    one.bind(("127.0.0.1", 0))
    return one


@pytest.mark.parametrize(
    "what, error",
    [
        (deaf, "does not listen"),
        (lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM), "is no stream socket"),
        (lambda: open("/dev/null"), "is no socket"),
    ],
)
def test_what_is_no_listening_stream_socket_is_an_error(passing, probe, what, error):
    run = passing(probe, [what()], "rest")
    assert run.exit() == 1
    failed = run.events("boot_failed")
    assert len(failed) == 1 and error in failed[0]["error"]
    assert "descriptor 3 (rest) of LISTEN_FDS" in failed[0]["error"]
    assert failed[0]["hint"].endswith("docs/errors.md#listen-fds")


@pytest.mark.parametrize(
    "variables, error",
    [
        ({"LISTEN_FDS": 2}, "descriptor 4 (unknown) of LISTEN_FDS is not open"),
        ({"LISTEN_FDS": "many"}, "LISTEN_FDS=many"),
        ({"LISTEN_FDS": 65}, "LISTEN_FDS=65"),
        ({"LISTEN_FDNAMES": "a:b"}, "LISTEN_FDNAMES has 2 names"),
    ],
)
def test_a_wrong_number_of_sockets_is_an_error(passing, probe, variables, error):
    run = passing(probe, [listener()], **variables)
    assert run.exit() == 1
    assert error in run.events("boot_failed")[0]["error"]


def test_sockets_for_another_process_are_left_alone(par, probe):
    run = par(probe, LISTEN_FDS=1, LISTEN_PID=1)
    run.ready()
    assert run.stop() == 0
    assert not run.events("warning")


@pytest.mark.skipif(not shutil.which("systemd-socket-activate"), reason="needs systemd")
def test_under_systemd_socket_activate(par, probe):
    with listener() as free:
        port = port_of(free)
    command = ["systemd-socket-activate", "-l", f"127.0.0.1:{port}", "--fdname=rest"]
    passed = [f"-E{name}" for name in par.environment]
    run = par(command=[*command, *passed, str(PROGRAM), "run", str(probe)])

    def asks() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/livez", timeout=DEADLINE).status_code == 200
        except httpx.ConnectError:
            return False

    # The first connection starts the program, and is answered by it.
    until(asks, "the first connection is answered")
    assert run.ready()["rest_port"] == port
    assert run.stop() == 0
