"""The worker's end is survived, within limits."""

from __future__ import annotations

import os
import signal

import httpx
import pytest

from support import packages
from support.clients import Call, until


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
    # Requests are not held yet: they are told to come back.
    refused = httpx.get(f"{base}/api/hello")
    assert refused.status_code == 503 and "retry-after" in refused.headers
    passage.let_through()
    run.ready(count=2)
    assert httpx.get(f"{base}/api/hello").status_code == 200
    assert run.stop() == 0


def test_a_restart_that_hangs_meets_the_load_timeout(par, slow_second_time, gate):
    package, variables = slow_second_time
    run = par(package, LOAD_TIMEOUT_SEC=1, WORKER_RESTARTS="1/60", **variables)
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
