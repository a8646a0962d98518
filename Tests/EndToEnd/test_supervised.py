"""A run that a supervisor commands through its lifeline, on sockets that the supervisor opened."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Iterator

import httpx
import pytest

from support import packages
from support.clients import until
from support.program import PROGRAM, marked_processes

#: How long a run may take to be gone, with everything that it started, once its supervisor is.
GONE = 2.0

#: Becomes the program with these descriptors as 3 and up: the passed sockets, then the lifeline.
BECOME = """
import os, sys
numbers, command = [int(x) for x in sys.argv[1].split(",")], sys.argv[2:]
spare = [os.dup2(number, 200 + i, True) for i, number in enumerate(numbers)]
for i, number in enumerate(spare):
    os.dup2(number, 3 + i, True)
os.closerange(3 + len(numbers), 300)
os.execv(command[0], command)
"""

#: Leaves processes behind in every way: in its session, in one of their own, deaf to signals,
#: without their environment, and orphans.
LEAVING = packages.PROBE + '''
    @app.get("/api/leave")
    def leave_behind():
        import subprocess
        deaf = "import signal, time; [signal.signal(n, signal.SIG_IGN) for n in (1, 2, 15)]; time.sleep(600)"
        started = [
            subprocess.Popen(["sleep", "600"]).pid,
            subprocess.Popen(["sleep", "600"], start_new_session=True, env={}).pid,
            subprocess.Popen([sys.executable, "-c", deaf], start_new_session=True).pid,
            int(subprocess.check_output(["sh", "-c", "setsid sleep 600 >/dev/null & echo $!"])),
            int(subprocess.check_output(["sh", "-c", "sh -c 'sleep 600; true' >/dev/null & echo $!"])),
        ]
        return {"pids": started}
'''


@pytest.fixture(scope="session")
def leaving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("leaving") / "leaving.apkg"
    files = packages.rest_files(LEAVING, extra={"src/meet.py": packages.MEET})
    return packages.archive(path, files)


class Supervised:
    """A run, its lifeline's other end and the address that it serves."""

    def __init__(self, run: Any, lifeline: int, sockets: list[socket.socket]) -> None:
        self.run = run
        self.lifeline = lifeline
        self.sockets = sockets

    def say(self, *words: str) -> None:
        os.write(self.lifeline, "".join(word + "\n" for word in words).encode())

    def end(self) -> float:
        """The supervisor is gone; returns when."""
        os.close(self.lifeline)
        self.lifeline = -1
        return time.monotonic()

    def client(self) -> httpx.Client:
        address = self.sockets[0].getsockname()
        if isinstance(address, str):
            return httpx.Client(
                transport=httpx.HTTPTransport(uds=address), base_url="http://agent", timeout=30
            )
        return httpx.Client(base_url=f"http://127.0.0.1:{address[1]}", timeout=30)


@pytest.fixture
def supervised(par, monkeypatch) -> Iterator[Any]:
    started: list[Supervised] = []
    original = subprocess.Popen.__init__

    def popen(self, *arguments: Any, **options: Any) -> None:
        options.setdefault("close_fds", False)
        original(self, *arguments, **options)

    monkeypatch.setattr(subprocess.Popen, "__init__", popen)

    def start(package: Any, *paths: Path, **variables: Any) -> Supervised:
        sockets = []
        for path in paths:
            one = socket.socket(socket.AF_UNIX)
            one.bind(str(path))
            one.listen(64)
            sockets.append(one)
        if not paths:
            sockets.append(socket.create_server(("127.0.0.1", 0)))
        theirs, ours = os.pipe()
        descriptors = [one.fileno() for one in sockets] + [theirs]
        for number in descriptors:
            os.set_inheritable(number, True)
        names = ["rest", "a2a"][: len(sockets)]
        variables = {
            "LISTEN_FDS": len(sockets), "LISTEN_FDNAMES": ":".join(names),
            # What the drain waits for is not what these tests are about.
            "PAR_CONTROL_FD": 3 + len(sockets), "DRAIN_MIN_SEC": "0.05", **variables,
        }  # fmt: skip
        command = [sys.executable, "-c", BECOME, ",".join(map(str, descriptors)), str(PROGRAM), "run"]
        run = par(package, command=command, **variables)
        os.close(theirs)
        one = Supervised(run, ours, sockets)
        started.append(one)
        return one

    yield start
    for one in started:
        for each in one.sockets:
            each.close()
        if one.lifeline >= 0:
            os.close(one.lifeline)


def left_behind(client: httpx.Client) -> list[int]:
    return client.get("/api/leave").json()["pids"]


def gone(pids: list[int]) -> bool:
    def lives(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
        except OSError:
            return False

    return not any(lives(pid) for pid in pids)


@pytest.mark.parametrize("word, cause", [("terminate", "SIGTERM"), ("interrupt", "SIGINT")])
def test_a_word_is_what_the_signal_is(supervised, probe, word, cause):
    one = supervised(probe)
    one.run.wait("runtime_ready")
    one.say(word)
    assert one.run.exit() == 0
    assert one.run.events("drain")[0]["cause"] == cause
    assert one.run.stopped["outcome"] == "clean"
    assert not one.run.events("warning")


def test_a_second_interrupt_ends_the_wait(supervised, probe, gate):
    one = supervised(probe, GATE_PORT=gate.port)
    one.run.wait("runtime_ready")
    with socket.create_connection(one.sockets[0].getsockname()) as client:
        client.sendall(b"GET /api/gate HTTP/1.1\r\nHost: a\r\n\r\n")
        passage = gate.visitor()
        one.say("interrupt", "interrupt")
        assert one.run.exit() == 0
    assert one.run.stopped["outcome"] == "cut"


def test_neither_agent_nor_descriptor_knows_of_the_lifeline_and_hangup_replaces_the_worker(supervised, probe):
    one = supervised(probe)
    one.run.wait("runtime_ready")
    first = one.run.worker_pid
    with one.client() as client:
        seen = client.get("/api/env").json()
        assert not [name for name in seen if name.startswith(("PAR_", "LISTEN_"))]
        ours = os.readlink(f"/proc/self/fd/{one.lifeline}")
        held = [os.readlink(x.path) for x in os.scandir(f"/proc/{first}/fd")]
        assert ours not in held
        # What is no command is told, and changes nothing.
        one.say("explode", "x" * 200)
        one.run.wait("warning", code="control_line", count=2)
        assert one.run.worker_pid == first
        one.say("hangup")
        until(lambda: one.run.worker_pid != first, "another worker")
        one.run.wait("worker_exited", pid=first)
        assert client.get("/api/hello").json()["pid"] == one.run.worker_pid
    one.say("terminate")
    assert one.run.exit() == 0


def test_a_kill_leaves_nothing(supervised, leaving):
    one = supervised(leaving)
    one.run.wait("runtime_ready")
    with one.client() as client:
        pids = [*left_behind(client), one.run.worker_pid]
        at = time.monotonic()
        one.say("kill")
        one.run.exit(GONE)
    until(lambda: gone(pids), "everything that the agent started is gone", GONE)
    assert time.monotonic() - at < GONE
    assert one.run.events("warning", code="lifeline")


def test_the_end_during_the_boot(supervised, tmp_path, gate):
    one = supervised(packages.blocking_import(tmp_path / "p.apkg"), GATE_PORT=gate.port)
    gate.visitor()
    pid = one.run.worker_pid
    one.end()
    one.run.exit(GONE)
    until(lambda: gone([pid]), "the agent is gone", GONE)


def test_an_end_before_the_start(supervised, probe):
    one = supervised(probe)
    one.end()
    one.run.exit()
    assert one.run.lines[-1]["event"] == "stopped"


@pytest.mark.parametrize(
    "value, error",
    [
        ("three", "is no descriptor above 2"),
        ("1", "is no descriptor above 2"),
        ("99", "is not open"),
        ("0", "is no descriptor above 2"),
    ],
)
def test_a_descriptor_that_is_none(par, probe, value, error):
    run = par(probe, PAR_CONTROL_FD=value)
    assert run.exit() == 1
    assert error in run.events("boot_failed")[0]["error"]


def test_in_the_drain_new_requests_are_refused_not_left_waiting(supervised, probe, gate):
    one = supervised(probe, GATE_PORT=gate.port, DRAIN_MIN_SEC="0.05")
    with one.client() as client:
        # During the boot nothing is held.
        assert client.get("/health").status_code == 503
        one.run.wait("runtime_ready")
    with socket.create_connection(one.sockets[0].getsockname()) as busy:
        busy.sendall(b"GET /api/gate HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        passage = gate.visitor()
        one.say("terminate")
        one.run.wait("drain")

        def refused() -> bool:
            with one.client() as client:
                answer = client.get("/api/hello")
            return answer.status_code == 503 and answer.headers["connection"] == "close"

        until(refused, "new work is refused and told so")
        passage.let_through()
        assert busy.recv(64).startswith(b"HTTP/1.1 200")
    assert one.run.exit() == 0
    assert one.run.stopped["outcome"] == "clean"


def test_on_unix_sockets_alone(supervised, probe, runtime):
    """As an isolated agent is served: no port at all."""
    paths = [runtime / "s.rest", runtime / "s.a2a"]
    one = supervised(probe, *paths)
    ready = one.run.wait("runtime_ready")
    assert ready["rest_port"] == 0 and not ready["a2a_port"]

    def curl(*arguments: str) -> str:
        command = ["curl", "-sS", "--max-time", "10", "--unix-socket", str(paths[0]), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert json.loads(curl("http://agent/health"))["ok"] is True
    # Whoever can open the socket is the supervisor: what it says of the client counts.
    scope = json.loads(
        curl("-H", "X-Forwarded-For: 203.0.113.9", "-H", "X-Forwarded-Proto: https",
             "-H", "X-Forwarded-Host: example.org", "http://agent/api/scope")
    )  # fmt: skip
    headers = dict(scope["headers"])
    assert headers["x-forwarded-proto"] == "https"
    assert headers["x-forwarded-host"] == "example.org"
    assert headers["x-forwarded-for"].startswith("203.0.113.9")
    # HTTP/2 by prior knowledge, on the same socket.
    version = curl("--http2-prior-knowledge", "-o", "/dev/null", "-w", "%{http_version} %{http_code}",
                   "http://agent/api/hello")  # fmt: skip
    assert version == "2 200"
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    for path in paths:
        with grpc.insecure_channel(f"unix:{path}") as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=10)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
    one.say("terminate")
    assert one.run.exit() == 0
    for path in paths:
        path.unlink()


#: A supervisor as small as can be: starts the program with a lifeline, then sleeps.
PARENT = """
import ctypes, os, subprocess, sys, time
theirs, ours = os.pipe()
os.set_inheritable(theirs, True)
child = subprocess.Popen(
    sys.argv[1:], close_fds=True, pass_fds=[theirs], start_new_session=True,
    env={**os.environ, "PAR_CONTROL_FD": str(theirs)},
)
os.close(theirs)
time.sleep(600)
"""


def test_a_supervisor_that_is_killed_leaves_nothing(par, leaving):
    """The end of the lifeline, while a request is on its way."""
    parent = par(leaving, command=[sys.executable, "-c", PARENT, str(PROGRAM), "run"], checked=False)
    ready = parent.wait("runtime_ready")
    with httpx.Client(base_url=f"http://127.0.0.1:{ready['rest_port']}", timeout=30) as client:
        pids = [*left_behind(client), parent.worker_pid, parent.lines[0]["pid"]]
        with socket.create_connection(("127.0.0.1", ready["rest_port"])) as busy:
            busy.sendall(b"GET /api/slow?ms=60000 HTTP/1.1\r\nHost: a\r\n\r\n")
            client.get("/api/hello")
            parent.process.kill()
            at = time.monotonic()
            until(lambda: gone(pids), "everything is gone", GONE)
            assert time.monotonic() - at < GONE
    assert not marked_processes(parent.mark)
    assert parent.events("warning", code="lifeline")
    assert parent.stopped["drain_ms"] < 1000
