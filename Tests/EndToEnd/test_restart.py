"""The worker's end is survived, within limits."""

from __future__ import annotations

import collections
import hashlib
import json
import os
import signal
import threading
import time

import httpx
import pytest

from support import packages
from support.clients import Call, Connection, until
from support.figures import metric
from support.program import DEADLINE, Run


def test_a_killed_worker_is_started_again(par, probe):
    run = par(probe)
    ready = run.ready()
    assert ready["attempt"] == 1
    first = httpx.get(f"{run.base}/api/hello").json()["pid"]
    assert first == run.worker_pid
    os.kill(first, signal.SIGKILL)
    again = run.ready(count=2)
    assert again["attempt"] == 2
    exited = run.events("worker_exited")[0]
    assert exited["pid"] == first and exited["will_restart"] is True
    load = run.events("load")[1]
    assert (load["from"], load["attempt"]) == ("ready", 2)
    assert httpx.get(f"{run.base}/health").status_code == 200
    assert httpx.get(f"{run.base}/api/hello").json()["pid"] == run.worker_pid != first
    assert run.stop() == 0


@pytest.mark.parametrize("status", [0, 7])
def test_a_worker_that_leaves_by_itself_is_a_loss(par, probe, status):
    run = par(probe)
    run.ready()
    answer = httpx.get(f"{run.base}/api/exit", params={"status": status})
    assert answer.status_code == 502
    run.ready(count=2)
    assert httpx.get(f"{run.base}/api/hello").status_code == 200
    assert run.stop() == 0


def test_what_was_in_flight_is_answered_502(par, probe, gate):
    run = par(probe, **gate.environment)
    port = run.ready()["rest_port"]
    call = Call(port, "/api/gate", headers="X-Request-ID: lost-one\r\n")
    gate.visitor()
    os.kill(run.worker_pid, signal.SIGKILL)
    status, fields, body = call.wait()
    assert status == 502 and fields["content-type"].startswith("application/json")
    assert b"lost-one" in body
    aborted = run.wait("request_aborted")
    assert aborted["request_id"] == "lost-one"
    assert run.wait("worker_exited")["pid"]
    run.ready(count=2)
    assert run.stop() == 0


@pytest.mark.parametrize("allowed", [0, 2])
def test_restarts_used_up_end_the_program(par, probe, allowed):
    run = par(probe, WORKER_RESTARTS=f"{allowed}/60")
    for attempt in range(1, allowed + 2):
        run.ready(count=attempt)
        os.kill(run.worker_pid, signal.SIGKILL)
        run.wait("worker_exited", count=attempt)
    assert run.exit() == 1
    assert run.stopped["outcome"] == "failed"
    drain = run.events("drain")[0]
    assert drain["level"] == "error"
    last = run.events("worker_exited")[-1]
    assert last["will_restart"] is False


@pytest.fixture
def slow_second_time(tmp_path, gate):
    """Loads at once the first time and meets the test at every later import."""
    module = (
        "import os\nfrom src.meet import meet\n"
        "if os.path.exists(os.environ['SEEN']): meet('again')\n"
        "open(os.environ['SEEN'], 'w').close()\n"
    ) + packages.PROBE
    files = packages.rest_files(
        module,
        ui={"path": "ui"},
        extra={"src/meet.py": packages.MEET, "dist/ui/index.html": "<title>page</title>"},
    )
    package = packages.archive(tmp_path / "p.apkg", files)
    return package, {"SEEN": tmp_path / "seen", **gate.environment}


def test_what_answers_while_the_worker_restarts(par, slow_second_time, gate):
    package, variables = slow_second_time
    run = par(package, **variables)
    run.ready()
    os.kill(run.worker_pid, signal.SIGKILL)
    passage = gate.visitor()
    health = httpx.get(f"{run.base}/health")
    assert health.status_code == 503
    assert health.json()["state"] == "loading" and health.json()["reason"]
    base = f"{run.base}/agents/probe"
    for path in ("/meta", "/ui/", "/ui-config.json"):
        assert httpx.get(base + path).status_code == 200, path
    assert httpx.get(f"{run.base}/livez").status_code == 200
    assert httpx.get(f"{base}/ui/health").status_code == 503
    passage.let_through()
    run.ready(count=2)
    assert httpx.get(f"{base}/api/hello").status_code == 200
    assert run.stop() == 0


def test_requests_wait_for_the_new_worker(par, slow_second_time, gate):
    package, variables = slow_second_time
    run = par(package, **variables)
    port = run.ready()["rest_port"]
    os.kill(run.worker_pid, signal.SIGKILL)
    passage = gate.visitor()
    calls = [Call(port, f"/agents/probe/api/scope?n={n}") for n in range(5)]
    calls += [Call(port, "/api/digest", method="POST", body=b"held") for _ in range(5)]
    until(lambda: metric(run, "par_requests_held") == 10, "ten requests wait")
    assert metric(run, "par_requests_in_flight") == 10
    passage.let_through()
    for n, call in enumerate(calls[:5]):
        status, _, body = call.wait()
        assert status == 200 and json.loads(body)["query"] == f"n={n}"
    digest = hashlib.sha256(b"held").hexdigest()
    for call in calls[5:]:
        status, _, body = call.wait()
        assert status == 200 and json.loads(body) == {"bytes": 4, "sha256": digest}
    run.ready(count=2)
    assert metric(run, "par_requests_completed_total") == 10
    assert metric(run, "par_requests_aborted_total") == 0
    assert run.stop() == 0


@pytest.mark.parametrize("variable", ["HOLD_MAX_REQUESTS", "HOLD_MAX_SEC"])
def test_nothing_waits_where_it_may_not(par, slow_second_time, gate, variable):
    package, variables = slow_second_time
    run = par(package, **{variable: 0}, **variables)
    run.ready()
    os.kill(run.worker_pid, signal.SIGKILL)
    passage = gate.visitor()
    refused = httpx.get(f"{run.base}/api/hello")
    assert refused.status_code == 503 and "retry-after" in refused.headers
    assert refused.json()["state"] == "loading"
    passage.let_through()
    run.ready(count=2)
    assert run.stop() == 0


def test_requests_do_not_wait_for_ever_nor_without_number(par, slow_second_time, gate):
    package, variables = slow_second_time
    run = par(package, HOLD_MAX_REQUESTS=2, HOLD_MAX_SEC=1.5, **variables)
    port = run.ready()["rest_port"]
    os.kill(run.worker_pid, signal.SIGKILL)
    passage = gate.visitor()
    began = time.monotonic()
    calls = [Call(port, "/api/hello") for _ in range(2)]
    until(lambda: metric(run, "par_requests_held") == 2, "two requests wait")
    status, fields, _ = Call(port, "/api/hello").wait()
    assert status == 503 and fields["retry-after"]
    assert metric(run, "par_requests_hold_refused_total") == 1
    for call in calls:
        status, fields, _ = call.wait()
        assert status == 503 and fields["retry-after"] and "connection" not in fields
    assert time.monotonic() - began >= 1.5
    assert metric(run, "par_requests_hold_expired_total") == 2
    passage.let_through()
    run.ready(count=2)
    assert metric(run, "par_requests_aborted_total") == 0
    assert run.stop() == 0


def test_a_drain_answers_what_waits(par, slow_second_time, gate):
    package, variables = slow_second_time
    run = par(package, **variables)
    port = run.ready()["rest_port"]
    os.kill(run.worker_pid, signal.SIGKILL)
    gate.visitor()
    calls = [Call(port, "/api/hello") for _ in range(3)]
    until(lambda: metric(run, "par_requests_held") == 3, "three requests wait")
    assert run.stop() == 0
    for call in calls:
        status, fields, _ = call.wait()
        assert status == 503 and fields["connection"] == "close" and fields["retry-after"]
    assert run.stopped["outcome"] == "clean"
    assert (run.stopped["completed"], run.stopped["aborted"]) == (0, 0)


def test_restarts_used_up_answer_what_waits(par, slow_second_time, gate):
    package, variables = slow_second_time
    run = par(package, WORKER_RESTARTS="1/60", **variables)
    port = run.ready()["rest_port"]
    os.kill(run.worker_pid, signal.SIGKILL)
    gate.visitor()
    call = Call(port, "/api/hello")
    until(lambda: metric(run, "par_requests_held") == 1, "a request waits")
    os.kill(run.worker_pid, signal.SIGKILL)
    status, fields, _ = call.wait()
    assert status == 503 and fields["connection"] == "close"
    assert run.exit() == 1


#: Writes the id of each request to a file before any other code of the agent runs for it.
RECORDS = """
_begun = os.open(os.environ["BEGUN"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
_routes = mount
class Recording:
    def __init__(self, app):
        self.app = app
    async def __call__(self, scope, receive, send):
        for name, value in scope.get("headers", ()):
            if name == b"x-request-id":
                os.write(_begun, value + b"\\n")
        await self.app(scope, receive, send)
def mount(app):
    _routes(app)
    app.add_middleware(Recording)
"""

DIES = """
_mount = mount
def mount(app):
    _mount(app)
    @app.get("/api/die")
    async def die():
        os.kill(os.getpid(), signal.SIGKILL)
"""

CLIENTS = 64


class Load:
    """Clients that ask without a pause and check what comes; some keep their connections."""

    #: More than is kept of a body that is handed over.
    UPLOAD = os.urandom(90_000)

    def __init__(self, port: int) -> None:
        self.answered = 0
        #: Request id to what came instead of 200.
        self.lost: dict[str, object] = {}
        self._stopping = False
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._ask, args=(port, number), daemon=True)
            for number in range(CLIENTS)
        ]
        for thread in self._threads:
            thread.start()

    def _ask(self, port: int, number: int) -> None:
        connection = Connection(port)
        count = 0
        while not self._stopping:
            count += 1
            identifier = f"{number}-{count}"
            path, method, body = [
                ("/api/hello", "GET", b""),
                ("/agents/probe/api/digest", "POST", b"x" * 100),
                ("/api/slow?ms=5", "GET", b""),
                ("/api/digest", "POST", b"x" * 9000),
                ("/api/digest", "PUT", self.UPLOAD),
            ][(count + number) % 9 % 5]  # few uploads: they take long
            headers = f"X-Request-ID: {identifier}\r\n"
            if closes := number % 4 == 0:
                headers += "Connection: close\r\n"
            came: object
            try:
                if method == "PUT":
                    self._upload(connection, path, headers)
                else:
                    connection.request(path, method, headers, body)
                came, fields, answer = connection.response()
                if came == 200 and "digest" in path:
                    whole = hashlib.sha256(body).hexdigest()
                    assert json.loads(answer) == {"bytes": len(body), "sha256": whole}
                # An upload that is answered before its end ends its connection.
                if closes or fields.get("connection") == "close":
                    connection.close()
                    connection = Connection(port)
            except (OSError, EOFError) as error:
                came = error
                connection.close()
                connection = Connection(port)
            with self._lock:
                if came == 200:
                    self.answered += 1
                else:
                    self.lost[identifier] = came
        connection.close()

    def _upload(self, connection: Connection, path: str, headers: str) -> None:
        """In chunks, and not at once."""
        head = f"POST {path} HTTP/1.1\r\nHost: test\r\n{headers}Transfer-Encoding: chunked\r\n\r\n"
        connection.send(head.encode())
        for start in range(0, len(self.UPLOAD), 30_000):
            piece = self.UPLOAD[start : start + 30_000]
            connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        connection.send(b"0\r\n\r\n")

    def goes_on(self, answers: int = 300) -> None:
        """Waits until so many more were answered."""
        until_this = self.answered + answers
        until(lambda: self.answered >= until_this, "the load goes on")

    def stop(self) -> None:
        self._stopping = True
        for thread in self._threads:
            thread.join(DEADLINE)
            assert not thread.is_alive(), "a client waits for ever"


@pytest.mark.parametrize("by_itself", [True, False])
def test_a_restart_under_load_loses_nothing_that_the_worker_had_not_begun(par, tmp_path, by_itself):
    module = packages.PROBE + DIES + RECORDS
    package = packages.archive(
        tmp_path / "p.apkg", packages.rest_files(module, extra={"src/meet.py": packages.MEET})
    )
    begun_file = tmp_path / "begun"
    run = par(package, WORKER_RESTARTS="10/60", BEGUN=begun_file)
    port = run.ready()["rest_port"]
    load = Load(port)
    kills = 4
    try:
        for kill in range(1, kills + 1):
            load.goes_on()
            if by_itself:
                # Its event loop does it, so it is not amid reading a request.
                assert httpx.get(f"{run.base}/api/die").status_code == 502
            else:
                os.kill(run.worker_pid, signal.SIGKILL)
            run.ready(count=kill + 1)
        load.goes_on()
    finally:
        load.stop()
    begun = collections.Counter(begun_file.read_text().split())
    print(f"{load.answered} answered, lost {len(load.lost)}", load.lost)
    for identifier, came in load.lost.items():
        # A response that had begun ends in its middle; so does one while the request is sent.
        assert came == 502 or isinstance(came, (EOFError, OSError)) and identifier in begun, came
    unbegun = sorted(set(load.lost) - set(begun))
    # From outside the worker can be hit between its mark and the agent's note: one request a time.
    assert len(unbegun) <= (0 if by_itself else kills), unbegun
    assert metric(run, "par_requests_held") == 0
    assert metric(run, "par_requests_holds_total") > 0
    twice = [one for one, times in begun.items() if times > 1]
    assert not twice, "what a worker has begun is given to no other"
    aborted = len(load.lost) + (kills if by_itself else 0)
    assert metric(run, "par_requests_aborted_total") == aborted
    assert run.stop() == 0


def test_a_restart_that_hangs_meets_the_load_timeout(par, slow_second_time, gate):
    package, variables = slow_second_time
    run = par(package, LOAD_TIMEOUT_SEC=4, WORKER_RESTARTS="1/60", **variables)
    run.ready()
    os.kill(run.worker_pid, signal.SIGKILL)
    gate.visitor()
    assert run.exit() == 1
    assert run.stopped["outcome"] == "failed"


def test_a_signal_during_a_restart(par, slow_second_time, gate):
    package, variables = slow_second_time
    run = par(package, **variables)
    run.ready()
    os.kill(run.worker_pid, signal.SIGKILL)
    gate.visitor()
    assert run.stop() == 0
    assert run.events("drain")[0]["from"] == "loading"


def test_restarts_lose_no_connection_of_an_idle_client(par, probe):
    """A client that keeps its connection sees nothing but the time it took."""
    run = par(probe)
    run.ready()
    with httpx.Client(base_url=run.base) as client:
        assert client.get("/api/hello").status_code == 200
        os.kill(run.worker_pid, signal.SIGKILL)
        run.ready(count=2)
        until(lambda: client.get("/health").status_code == 200, "healthy again")
        assert client.get("/api/hello").status_code == 200
    assert run.stop() == 0


HANGS_AGAIN = """
import os, subprocess, time
from src.meet import meet
with open(os.environ["COUNT"], "a") as count: count.write("x")
attempt = os.path.getsize(os.environ["COUNT"])
if attempt == 2:
    child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    meet(f"hangs {child.pid}")
if attempt == 3: meet("third")
"""


def test_what_a_hanging_attempt_left_behind_is_gone_before_the_next(par, gate, tmp_path):
    files = packages.rest_files(
        HANGS_AGAIN + packages.PROBE, extra={"src/meet.py": packages.MEET}
    )
    run = par(
        packages.archive(tmp_path / "p.apkg", files),
        LOAD_TIMEOUT_SEC=3,
        WORKER_RESTARTS="5/60",
        COUNT=tmp_path / "count",
        **gate.environment,
    )
    run.ready()
    os.kill(run.worker_pid, signal.SIGKILL)
    grandchild = int(gate.visitor().place.split(" ")[1])
    os.kill(grandchild, 0)
    hanging = run.worker_pid
    third = gate.visitor()
    assert third.place == "third"
    for pid in (grandchild, hanging):
        assert not os.path.exists(f"/proc/{pid}"), "it lives, or nobody has reaped it"
    third.let_through()
    assert run.ready(count=2)["attempt"] == 3
    killed, timed_out = run.events("worker_exited")
    assert (killed["signal"], killed["asked"], killed["will_restart"]) == ("SIGKILL", False, True)
    assert (timed_out["pid"], timed_out["signal"]) == (hanging, "SIGKILL")
    assert (timed_out["asked"], timed_out["will_restart"]) == (False, True)
    assert (killed["restarts"], timed_out["restarts"]) == (1, 2)
    assert "index.py" in timed_out["stack"], "the stacks say where it hung"
    assert run.stop() == 0
    last = run.events("worker_exited")[-1]
    assert (last["asked"], last["will_restart"]) == (True, False)
