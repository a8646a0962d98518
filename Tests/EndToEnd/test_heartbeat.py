"""An agent whose event loop stands still is a lost worker."""

from __future__ import annotations

import os
import signal
import time

import httpx
import pytest

from support import packages
from support.clients import Call, until
from support.figures import metric, metrics

BLOCKED = (
    packages.PROBE
    + """
    @app.get("/api/block")
    async def block(seconds: float):
        import time
        time.sleep(seconds)
        return {}
"""
)


@pytest.fixture(scope="module")
def blocking(tmp_path_factory):
    files = packages.rest_files(BLOCKED, extra={"src/meet.py": packages.MEET})
    return packages.archive(tmp_path_factory.mktemp("blocking") / "p.apkg", files)


def test_a_stuck_loop_is_a_lost_worker(par, blocking):
    run = par(blocking, HEARTBEAT_TIMEOUT_SEC=2)
    port = run.ready()["rest_port"]
    stuck = run.worker_pid
    lost = Call(port, "/api/block?seconds=1000", headers="X-Request-ID: lost-one\r\n")
    ended = run.wait("worker_exited")
    assert (ended["pid"], ended["signal"], ended["will_restart"]) == (stuck, "SIGKILL", True)
    first, *stacks = ended["stack"].splitlines()
    assert first == "the agent's event loop did not run for 2 s"
    assert any("src/rest/index.py" in line and "in block" in line for line in stacks), stacks
    assert ended["in_flight"] == ["lost-one"] and not ended["asked"]
    assert lost.wait()[0] == 502
    run.ready(count=2)
    assert httpx.get(f"{run.base}/api/hello").json()["pid"] != stuck
    assert metric(run, "par_workers_stuck_total") == 1
    assert run.stop(signal.SIGINT) == 0


def test_so_is_one_that_is_stopped(par, probe):
    run = par(probe, HEARTBEAT_TIMEOUT_SEC=2)
    run.ready()
    os.kill(run.worker_pid, signal.SIGSTOP)
    until(lambda: metrics(run)["par_agent_loop_lag_seconds"] > 0.5, "the lag is seen")
    ended = run.wait("worker_exited")
    assert ended["stack"] == "the agent's event loop did not run for 2 s"
    run.ready(count=2)
    assert metrics(run)["par_agent_loop_lag_seconds"] < 0.5
    assert run.stop(signal.SIGINT) == 0


def test_a_group_that_was_stopped_goes_on(par, probe):
    run = par(probe, HEARTBEAT_TIMEOUT_SEC=1)
    run.ready()
    worker = run.worker_pid
    for pid in (run.pid, worker):
        os.kill(pid, signal.SIGSTOP)
    # Longer than the time-out; nothing tells of it.
    time.sleep(2.2)
    for pid in (run.pid, worker):
        os.kill(pid, signal.SIGCONT)
    assert httpx.get(f"{run.base}/api/hello").json()["pid"] == worker
    until(lambda: metrics(run)["par_agent_loop_lag_seconds"] < 0.5, "it beats again")
    assert not run.events("worker_exited")
    assert run.stop(signal.SIGINT) == 0


def test_a_loop_that_is_blocked_for_a_while_is_told_of_once(par, blocking):
    run = par(blocking)
    port = run.ready()["rest_port"]
    answer = Call(port, "/api/block?seconds=8")
    warning = run.wait("warning", code="loop_blocked")
    assert "the agent's event loop has not run for 6 s: it is in src/rest/index.py" in (
        warning["message"]
    )
    assert warning["message"].endswith("in block")
    assert answer.wait()[0] == 200
    assert len(run.events("warning", code="loop_blocked")) == 1
    assert run.stop(signal.SIGINT) == 0


def test_it_can_be_turned_off(par, blocking):
    run = par(blocking, HEARTBEAT_TIMEOUT_SEC=0)
    port = run.ready()["rest_port"]
    assert Call(port, "/api/block?seconds=1").wait()[0] == 200
    assert metrics(run)["par_agent_loop_lag_seconds"] == 0
    assert run.stop(signal.SIGINT) == 0


def test_restarts_used_up_by_a_stuck_loop_say_so(par, blocking):
    run = par(blocking, HEARTBEAT_TIMEOUT_SEC=1, WORKER_RESTARTS="0/60")
    Call(run.ready()["rest_port"], "/api/block?seconds=1000")
    assert run.exit() == 1
    failed = run.events("boot_failed")[0]
    assert "was killed: the agent's event loop did not run for 1 s" in failed["error"]
    assert "in block" in failed["detail"]
