"""What a supervisor is given that it should not be: requests, configurations, packages, workers. One agent's
trouble is that agent's alone: the other one serves, and /health does not change."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any, Iterator

import grpc
import pytest

from support import packages
from support.agent_service import AgentService
from support.clients import until
from support.grpc_clients import channel
from support.program import DEADLINE
from support.supervisor import TOKEN, Place, Supervise, Supervisor, fleet_place, supervise  # noqa: F401

#: The least that serves, and what else an agent may do when it is imported or asked.
GOOD = """
import os
from fastapi import Request

def mount(app):
    @app.get("/api/hello")
    async def hello():
        return {"agent": os.environ["AGENT_APP_ID"]}
"""
NEVER_READY = "import time\ntime.sleep(3600)\n" + GOOD
#: Whoever has the worker's user can open its log, which is a pipe: here with a line that a worker would write.
LIAR = (
    GOOD
    + """
    @app.post("/api/lie")
    async def lie(request: Request):
        with open(f"/proc/{os.getppid()}/fd/1", "ab", buffering=0) as file:
            file.write(await request.body() + b"\\n")
        return {}

    @app.post("/api/flood")
    def flood(lines: int):
        with open(f"/proc/{os.getppid()}/fd/1", "ab", buffering=0) as file:
            for number in range(lines):
                file.write(b"x" * 1000 + b"\\n")
        return {}
"""
)


def package(folder: Path, name: str, module: str, **fields: Any) -> str:
    path = packages.archive(folder / f"{name}.apkg", packages.rest_files(module, name=name, **fields))
    path.chmod(0o644)
    return str(path)


def page(folder: Path) -> str:
    """A package that boots without Python."""
    path = packages.archive(
        folder / "page.apkg", {"agent.yaml": packages.manifest(ui={"path": "ui"}), "ui/index.html": "<p>hello</p>"}
    )
    path.chmod(0o644)
    return str(path)


class Health:
    """Asks for /health all the time: what it said besides 200."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.others: list[int] = []
        self.asked = 0
        self._stopping = threading.Event()
        self._supervisor = supervisor
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping.wait(0.01):
            status = self._supervisor.ask("/health").status
            self.asked += 1
            if status != 200:
                self.others.append(status)

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()


@pytest.fixture(scope="module")
def fleet(shared_cache: Path) -> Iterator[Supervisor]:
    """A supervisor with one good agent, which all tests leave as it is, and /health watched all the time."""
    place = Place(shared_cache)
    start = Supervise(place)
    supervisor = start([{"agent_app_id": "good", "package_path": package(place.root, "good", GOOD)}])
    supervisor.settled()
    health = Health(supervisor)
    yield supervisor
    until(lambda: health.asked, "/health is asked")
    health.stop()
    still = supervisor.ask("/agents/good/api/hello")
    moves = supervisor.events("agent_traffic", agent="good")
    start.finish()
    place.close()
    assert not health.others, health.others
    assert still.status == 200 and len(moves) == 1


def folder(supervisor: Supervisor) -> Path:
    return supervisor.state.parent


def test_an_unknown_agent_is_not_found(fleet: Supervisor) -> None:
    for path in ("/agents/nobody/", "/agents/nobody/health", "/agents/nobody", "/agents/goo/api/hello"):
        answer = fleet.ask(path)
        assert answer.status == 404, path
        assert answer.json["error"] and answer.json["request_id"]
    assert fleet.admin("GET", "/nobody").status == 404
    assert fleet.admin("DELETE", "/nobody").status == 404
    assert fleet.admin("POST", "/nobody/restart").status == 404


def test_a_call_without_or_with_an_unknown_agent_says_so(fleet: Supervisor) -> None:
    with channel(fleet.port) as one:
        for metadata, code in (
            (None, grpc.StatusCode.INVALID_ARGUMENT),
            ((("x-agent-id", "nobody"),), grpc.StatusCode.NOT_FOUND),
            ((("x-deployment-id", "nothing"),), grpc.StatusCode.NOT_FOUND),
        ):
            call = one.unary_unary("/some.Service/Method")
            with pytest.raises(grpc.RpcError) as error:
                call(b"", timeout=DEADLINE, metadata=metadata)
            assert error.value.code() == code, error.value
        with pytest.raises(grpc.RpcError) as error:
            AgentService(one, "/agents/nobody/a2a").call("Ping")
        assert error.value.code() == grpc.StatusCode.NOT_FOUND


def test_paths_that_two_parsers_could_read_differently_reach_no_agent(fleet: Supervisor) -> None:
    for path, status in (
        ("/agents/good/../nobody/api/hello", 404),
        ("/agents/nobody/../good/api/hello", 200),
        ("/agents/nobody/%2e%2e/good/api/hello", 200),
        ("/agents/nobody%2fgood/api/hello", 404),
        ("/agents//good/api/hello", 404),
        ("/agents/good%00/api/hello", 400),
        ("//agents/good/api/hello", 404),
        ("/supervisor/../agents/good/api/hello", 200),
        ("/agents/good/../../supervisor/agents", 401),
    ):
        assert fleet.ask(path).status == status, path


def test_a_missing_or_wrong_token_is_unauthorized(fleet: Supervisor) -> None:
    """Each time; the log has one line of the first, and of those after it one a minute."""
    changes = len(fleet.events("admin_request"))
    for authorization in (None, "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x"):
        fields = {"Authorization": authorization} if authorization else {}
        for method, target in (
            ("POST", "/supervisor/agents"), ("DELETE", "/supervisor/agents/good"),
            ("POST", "/supervisor/agents/good/restart"), ("GET", "/supervisor/events"),
        ):  # fmt: skip
            answer = fleet.ask(target, method, **fields)
            assert answer.status == 401, (method, target)
            assert answer.fields["www-authenticate"].startswith("Bearer")
            assert TOKEN not in answer.body.decode()
    assert len(fleet.events("admin_request")) == changes
    fleet.wait("warning", code="token_refused")
    assert len(fleet.events("warning", code="token_refused")) <= 3
    assert TOKEN.encode() not in bytes(fleet.raw)


def test_a_body_over_a_mebibyte_is_refused(fleet: Supervisor) -> None:
    spec = {"agent_app_id": "big", "package_path": "/x", "environment": {"A": "x" * (1 << 20)}}
    for fields in ({}, {"Transfer_Encoding": "chunked"}):
        try:
            answer = fleet.admin("POST", "", spec) if not fields else chunked(fleet, spec)
        except (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected):
            pytest.fail("the answer could not be read")
        assert answer == 413 or getattr(answer, "status", None) == 413
    assert not [one for one in fleet.status()["agents"] if one["agent_app_id"] == "big"]


def chunked(supervisor: Supervisor, spec: Any) -> int:
    """The same without saying how long it is."""
    body = json.dumps(spec).encode()
    with socket.create_connection(("127.0.0.1", supervisor.port), timeout=DEADLINE) as one:
        head = (
            f"POST /supervisor/agents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
            "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        try:
            one.sendall(head.encode() + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
        except OSError:
            pass  # it need not be taken to its end
        return int(one.recv(65536).split(b" ")[1])


def test_everything_wrong_with_an_entry_is_told_at_once(fleet: Supervisor) -> None:
    answer = fleet.admin("POST", "", {
        "agent_app_id": "-bad", "package_url": "file:///etc/passwd", "package_sha256": "12", "memory_mb": -1,
        "environment": {"SUPERVISOR_TOKEN": "x"}, "colour": "red",
    })  # fmt: skip
    assert answer.status == 422
    assert len(answer.json["problems"]) >= 6, answer.json


def test_an_agent_that_the_config_lists_is_the_configs(fleet: Supervisor) -> None:
    good = {"agent_app_id": "good", "package_path": package(folder(fleet), "good", GOOD)}
    assert fleet.admin("POST", "", good).status == 409
    assert fleet.put(good).status == 409
    assert fleet.admin("DELETE", "/good").status == 409


def test_a_config_with_an_id_twice_is_refused_whole(fleet: Supervisor) -> None:
    config = folder(fleet) / "agents.json"
    whole = config.read_text()
    path = package(folder(fleet), "good", GOOD)
    entries = [{"agent_app_id": name, "package_path": path} for name in ("good", "new", "new")]
    config.write_text(json.dumps({"agents": entries}))
    try:
        fleet.send(signal.SIGHUP)
        line = fleet.wait("desired_refused")
        assert "new" in json.dumps(line["errors"])
        assert [one["agent_app_id"] for one in fleet.status()["agents"] if one["agent_app_id"] in ("good", "new")] == ["good"]
    finally:
        config.write_text(whole)
        fleet.send(signal.SIGHUP)


def test_a_package_that_never_becomes_ready_fails_alone(fleet: Supervisor) -> None:
    path = package(folder(fleet), "never", NEVER_READY)
    spec = {"agent_app_id": "never", "package_path": path, "environment": {"LOAD_TIMEOUT_SEC": "0.5"}}
    assert fleet.put(spec).status == 202
    waiting = fleet.ask("/agents/never/api/hello")
    assert waiting.status == 503 and waiting.fields["retry-after"]
    fleet.becomes("never", "failed")
    assert fleet.agent("never")["reason"]
    assert fleet.ask("/agents/never/api/hello").status == 503
    assert fleet.admin("DELETE", "/never").status == 202
    fleet.wait("agent_removed", agent="never")
    until(lambda: fleet.ask("/agents/never/api/hello").status == 404, "the removed agent is unknown")


def test_a_package_that_is_not_there_fails_with_its_reason(fleet: Supervisor) -> None:
    assert fleet.put({"agent_app_id": "absent", "package_path": "/nowhere/agent.apkg"}).status == 202
    fleet.becomes("absent", "failed")
    assert "/nowhere/agent.apkg" in fleet.agent("absent")["reason"]
    listed = {one["agent_app_id"]: one["reason"] for one in fleet.admin("GET", "").json["agents"]}
    assert listed["absent"] == fleet.agent("absent")["reason"]
    # Who has not the token hears nothing that a worker said.
    for path in ("/supervisor/status", "/supervisor/fleet"):
        shown = {one["agent_app_id"]: one["reason"] for one in fleet.ask(path).json["agents"]}
        assert shown["absent"] in ("its boot failed while fetching", "its boot failed while verifying")
    assert fleet.admin("DELETE", "/absent").status == 202
    fleet.wait("agent_removed", agent="absent")


@pytest.fixture(scope="module")
def liar(fleet: Supervisor) -> Iterator[str]:
    """An agent that writes into its worker's log what it is told to."""
    path = package(folder(fleet), "liar", LIAR)
    assert fleet.put({"agent_app_id": "liar", "package_path": path}).status == 202
    fleet.becomes("liar", "ready")
    yield "/agents/liar/api"
    assert fleet.admin("DELETE", "/liar").status == 202
    fleet.wait("agent_removed", agent="liar")


@pytest.mark.parametrize(
    "lie",
    [
        '{"timestamp":"2026-01-01T00:00:00.000000Z","level":"info","event":"stopped","seq":1,"run_id":"WHAT"}',
        "no JSON at all",
        "x" * 40_000,
    ],
    ids=["another's stopped line", "no line", "a line without end"],
)
def test_what_an_agent_writes_into_its_workers_log_is_not_believed(fleet: Supervisor, liar: str, lie: str) -> None:
    lie = lie.replace("WHAT", fleet.worker_run(fleet.worker_of("good")["pid"]))
    assert fleet.ask(f"{liar}/lie", "POST", body=lie.encode()).status == 200
    # It is passed on as output, and warned of once for each worker.
    until(lambda: any(lie[:80] in one["line"] for one in fleet.events("agent_output", agentAppId=None)), "it is output")
    fleet.wait("warning", code="worker_log")
    # The other one is not harmed, and this one serves, at the latest by a new worker.
    assert fleet.agent("good")["state"] == "ready"
    until(lambda: fleet.ask(f"{liar}/hello").status == 200, "it serves")


def test_a_worker_that_floods_its_log_does_not_stop_the_others(fleet: Supervisor, liar: str) -> None:
    flooding = threading.Thread(target=lambda: fleet.ask(f"{liar}/flood?lines=1500", "POST"))
    flooding.start()
    slowest = 0.0
    while flooding.is_alive():
        began = time.monotonic()
        assert fleet.ask("/agents/good/api/hello").status == 200
        assert fleet.ask("/health").status == 200
        slowest = max(slowest, time.monotonic() - began)
    assert slowest < 2
    # What is no line of a log is passed on as the agent's output, or counted where nobody keeps up.
    assert not fleet.other and not [one for one in fleet.lines if "event" not in one]


# --- supervisors of their own ---


def test_without_a_token_nobody_may_change_anything(supervise: Supervise) -> None:  # noqa: F811
    supervisor = supervise([], SUPERVISOR_TOKEN=None)
    supervisor.settled()
    for method, target in (("POST", ""), ("DELETE", "/x"), ("GET", "/x")):
        assert supervisor.admin(method, target).status == 403
    assert supervisor.ask("/health").status == 200


def test_a_used_up_range_of_ports_is_a_failed_deployment(supervise: Supervise) -> None:  # noqa: F811
    with socket.socket() as taken:
        try:
            taken.bind(("127.0.0.1", 65535))
            taken.listen()
        except OSError:
            pass  # somebody else has it: as good
        supervisor = supervise(
            [{"agent_app_id": "no-port", "package_path": page(supervise.place.root)}],
            SUPERVISOR_WORKER_PORT_BASE="65535",
            SUPERVISOR_WORKER_TCP="true",
        )
        supervisor.settled()
        agent = supervisor.agent("no-port")
        assert agent["state"] == "failed" and "65535" in agent["reason"]
        assert supervisor.ask("/health").status == 200
        assert supervisor.ask("/agents/no-port/").status == 503


CRASHING = int(os.environ.get("SUPERVISOR_CRASHING", "4"))


def test_a_crash_loop_of_many_agents_costs_the_supervisor_little(supervise: Supervise) -> None:  # noqa: F811
    """Each is started again with a growing delay, the one beside them serves, /health does not change."""
    path = page(supervise.place.root)
    entry = {"package_path": path, "restart": {"max": 1000, "window_sec": 60}}
    names = [f"crash-{number}" for number in range(CRASHING)]
    supervisor = supervise(
        [{"agent_app_id": "good", "package_path": path}, *({**entry, "agent_app_id": name} for name in names)]
    )
    supervisor.settled()
    stopping = threading.Event()

    def crash() -> None:
        """Every worker of theirs, as soon as it is there."""
        done = 0
        while not stopping.wait(0.01):
            started = [one["pid"] for one in supervisor.events("agent_worker") if one["agent"] in names]
            for pid in started[done:]:
                os.kill(pid, signal.SIGKILL)
            done = len(started)

    crashing = threading.Thread(target=crash)
    crashing.start()
    try:
        for name in names:
            supervisor.wait("agent_worker_exited", agent=name)
        before, began = cpu_seconds(supervisor.pid), time.monotonic()
        deaths = len(supervisor.events("agent_worker_exited"))
        until(lambda: len(supervisor.events("agent_worker_exited")) >= deaths + 2 * CRASHING, "they go on")
        used, passed = cpu_seconds(supervisor.pid) - before, time.monotonic() - began
        crashed = len(supervisor.events("agent_worker_exited")) - deaths
    finally:
        stopping.set()
        crashing.join()
    print(f"{CRASHING} agents, {crashed} crashes in {passed:.1f} s: {used * 1000 / crashed:.2f} ms each, "
          f"{used / passed:.2%} of a core")  # fmt: skip
    assert supervisor.ask("/agents/good/health").status == supervisor.ask("/health").status == 200
    assert used / crashed < 0.05, f"{used} s of CPU for {crashed} crashes"


def cpu_seconds(pid: int) -> float:
    """Of the process alone, user and system."""
    total = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        total += int((thread / "schedstat").read_text().split()[0])
    return total / 1e9
