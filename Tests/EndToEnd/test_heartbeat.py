"""An agent whose event loop stands still is a lost worker."""

from __future__ import annotations

import os
import signal

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
    run = par(blocking, HEARTBEAT_TIMEOUT_SEC=2, WORKER_RESTARTS="1/60")
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
    assert metric(run, "par_workers_stuck_total") == 1
    until(lambda: metrics(run)["par_agent_loop_lag_seconds"] < 0.5, "the new one beats")
    # One that is stopped can tell no stacks; and now the restarts are used up.
    os.kill(run.worker_pid, signal.SIGSTOP)
    until(lambda: metrics(run)["par_agent_loop_lag_seconds"] > 0.5, "the lag is seen")
    assert run.exit() == 1
    assert run.events("worker_exited")[1]["stack"] == first
    assert f"was killed: {first}" in run.events("boot_failed")[0]["error"]


def test_a_loop_that_is_blocked_for_a_while_is_told_of_and_a_group_that_was_stopped_goes_on(
    par, blocking
):
    blocked, group = par(blocking), par(blocking, HEARTBEAT_TIMEOUT_SEC=2)
    answer = Call(blocked.ready()["rest_port"], "/api/block?seconds=7")
    group.ready()
    worker = group.worker_pid
    for pid in (group.pid, worker):
        os.kill(pid, signal.SIGSTOP)
    warning = blocked.wait("warning", code="loop_blocked")["message"]
    assert "the agent's event loop has not run for 6 s: it is in src/rest/index.py" in warning
    assert warning.endswith("in block")
    # Meanwhile the others were stopped for longer than their time-out.
    for pid in (group.pid, worker):
        os.kill(pid, signal.SIGCONT)
    assert httpx.get(f"{group.base}/api/hello").json()["pid"] == worker
    until(lambda: metrics(group)["par_agent_loop_lag_seconds"] < 0.5, "it beats again")
    assert not group.events("worker_exited")
    assert group.stop(signal.SIGINT) == 0
    assert answer.wait()[0] == 200
    assert len(blocked.events("warning", code="loop_blocked")) == 1
    assert blocked.stop(signal.SIGINT) == 0
