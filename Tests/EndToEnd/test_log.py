"""The log's reader may be slow, gone or a person; the program does not care."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from support import log, packages
from support.clients import until
from support.program import DEADLINE, PROGRAM, health_status


def test_the_order_of_a_boot(par, probe):
    run = par(probe)
    run.ready()
    assert run.stop() == 0
    transitions = [line["event"] for line in run.lines if "to" in line]
    assert transitions == [
        "fetch", "verify", "install", "load", "runtime_ready", "drain", "stopped",
    ]  # fmt: skip
    started = run.lines[0]
    assert started["event"] == "run_started" and started["pid"] == run.pid
    assert started["config"]
    ready = run.events("runtime_ready")[0]
    assert set(ready["phases_ms"]) == {"fetch", "verify", "install", "load"}
    assert ready["boot_ms"] >= max(ready["phases_ms"].values())
    uptimes = [line["uptime_ms"] for line in run.lines]
    assert uptimes == sorted(uptimes)
    assert {line["agentAppId"] for line in run.lines} == {"probe"}


def test_a_deployment_id_is_on_every_line(par, probe):
    run = par(probe, DEPLOYMENT_ID="blue-7")
    run.ready()
    assert run.stop() == 0
    assert {line["deploymentId"] for line in run.lines} == {"blue-7"}


def test_a_late_boot_is_said_once(par, probe):
    run = par(probe, BOOT_BUDGET_MS=1)
    run.ready()
    assert run.stop() == 0
    late = run.events("Boot time exceeded budget")
    assert len(late) == 1
    assert late[0]["budget_ms"] == 1 and late[0]["boot_ms"] > 1


def test_a_reader_that_has_gone(par, probe):
    reader, writer = os.pipe()
    run = par(probe, stdout=writer)
    os.close(writer)
    os.read(reader, 1)
    os.close(reader)
    until(lambda: healthy(run), "Ready without a reader")
    assert httpx.get(f"{run.base}/api/print?text=x").status_code == 200
    assert run.stop() == 0


def healthy(run) -> bool:
    try:
        return httpx.get(f"{run.base}/health").status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.parametrize("blocking", [True, False])
def test_a_reader_that_does_not_read(par, probe, blocking):
    reader, writer = os.pipe()
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
    # Whoever shares the pipe may have made it non-blocking.
    os.set_blocking(writer, blocking)
    run = par(probe, stdout=writer)
    until(lambda: healthy(run), "Ready with a stuck reader")
    assert os.get_blocking(writer) == blocking, "the descriptor is not the program's alone"
    os.close(writer)
    assert httpx.get(f"{run.base}/api/flood?lines=20000", timeout=30).status_code == 200
    # The agent was not held up by a log that nobody reads, and neither is anything else.
    assert httpx.get(f"{run.base}/api/hello").status_code == 200
    assert httpx.get(f"{run.base}/health").status_code == 200
    run.send(signal.SIGINT)
    with os.fdopen(reader, "rb") as stream:
        raw = stream.read()
    lines = [json.loads(line) for line in raw.splitlines()]
    assert run.exit() == 0
    assert log.problems(lines, raw=raw) == []
    events = [line["event"] for line in lines]
    assert events[-1] == "stopped" and "runtime_ready" in events
    assert "log_dropped" in events
    assert len([x for x in events if x == "agent_output"]) < 20_000


def may_mount() -> bool:
    return os.geteuid() == 0 and (
        subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0
    )


@pytest.mark.skipif(not may_mount(), reason="needs a mount namespace")
def test_a_log_on_a_full_disk_goes_on_when_there_is_room_again(par, probe, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    # Mounted in the run's own namespace: nothing to unmount, whatever happens.
    script = (
        'mount -t tmpfs -o size=2m none "$1" && cd "$1" && head -c 1900k /dev/zero >filler && '
        'exec "$2" run "$3" >log'
    )
    run = par(
        command=["unshare", "--mount", "sh", "-c", script, "sh", str(disk), str(PROGRAM),
                 str(probe)],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    until(lambda: healthy(run), "Ready")
    inside = Path(f"/proc/{run.pid}/root{disk}")
    # Fills the disk, and less of the writer's queue than would be dropped.
    assert httpx.get(f"{run.base}/api/flood?lines=1000", timeout=30).status_code == 200
    until(lambda: os.statvfs(inside).f_bavail == 0, "the disk is full")
    with open(inside / "log", "rb") as stream:
        assert health_status(run.port) == 200
        assert httpx.get(f"{run.base}/api/hello").status_code == 200
        os.truncate(inside / "filler", 0)
        until(lambda: b"line 999 " in os.pread(stream.fileno(), 1 << 20, 0), "the rest of the log")
        assert run.stop(signal.SIGINT) == 0
        raw = stream.read()
    lines = [json.loads(line) for line in raw.splitlines()]
    assert log.problems(lines, raw=raw) == []
    assert lines[-1]["event"] == "stopped"
    said = [x["line"].split(" ")[1] for x in lines if x["event"] == "agent_output"]
    assert said == [str(i) for i in range(1000)]


@pytest.mark.skipif(not may_mount(), reason="needs a mount namespace")
def test_a_disk_that_stays_full_holds_up_nothing(par, probe, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    script = 'mount -t tmpfs -o size=4k none "$1" && cd "$1" && exec "$2" run "$3" >log'
    run = par(
        command=["unshare", "--mount", "sh", "-c", script, "sh", str(disk), str(PROGRAM),
                 str(probe)],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    until(lambda: healthy(run), "Ready")
    assert httpx.get(f"{run.base}/api/flood?lines=20000", timeout=30).status_code == 200
    assert run.stop(signal.SIGINT) == 0


@pytest.mark.parametrize("closed", [[0], [1], [2], [1, 2], [0, 1, 2]], ids=str)
def test_standard_descriptors_that_are_closed_at_the_start(par, probe, closed):
    def close() -> None:
        for fd in closed:
            os.close(fd)

    run = par(probe, stdout=subprocess.DEVNULL, before_exec=close)
    until(lambda: healthy(run), "Ready")
    for fd in closed:
        assert os.readlink(f"/proc/{run.pid}/fd/{fd}") == "/dev/null"
    assert httpx.get(f"{run.base}/api/print?text=x").status_code == 200
    assert run.stop(signal.SIGINT) == 0


def test_a_person_s_log(par, probe):
    reader, writer = os.pipe()
    run = par(probe, stdout=writer, LOG_FORMAT="text")
    os.close(writer)
    until(lambda: healthy(run), "Ready")
    assert run.stop() == 0
    with os.fdopen(reader) as stream:
        text = stream.read()
    assert re.search("ready", text) and "stopped" in text
    assert not text.lstrip().startswith("{")
    assert "\x1b" not in text, "no colours where nobody sees them"


def test_a_log_level_hides_what_is_below_but_breaks_no_trace(par, probe):
    run = par(probe, LOG_LEVEL="warning", checked=False)
    until(lambda: healthy(run), "Ready")
    assert run.stop() == 0
    assert log.schema_errors(run.lines) == [] and log.sequence_errors(run.lines) == []


def test_the_access_log(par, probe):
    run = par(probe, ACCESS_LOG="true")
    run.ready()
    httpx.get(f"{run.base}/api/hello?token=secret-in-query", headers={"X-Request-ID": "seen"})
    line = run.wait("request", request_id="seen")
    assert line["status"] == 200 and line["method"] == "GET"
    assert "state" not in line and "secret-in-query" not in json.dumps(line)
    assert run.stop() == 0


def test_slow_requests_and_a_sampled_access_log(par, probe):
    run = par(probe, ACCESS_LOG="0.000001", SLOW_REQUEST_MS="300", TIMING_HEADER="true")
    run.ready()
    trace = "0af7651916cd43dd8448eb211c80319c"
    fields = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    assert httpx.get(f"{run.base}/api/hello").status_code == 200
    with httpx.stream("GET", f"{run.base}/api/forever") as stream:
        ticks = stream.iter_lines()
        # Two lines each, fifty milliseconds apart: longer than the threshold, but begun before it.
        for _ in range(16):
            next(ticks)
    answer = httpx.get(
        f"{run.base}/api/slow?ms=350&token=secret-in-query",
        headers={**fields, "X-Request-ID": "late"},
    )
    times = dict(part.split(";dur=") for part in answer.headers["server-timing"].split(", "))
    assert float(times["agent"]) >= 350 and float(times["par"]) >= 0 and len(times) == 2
    slow = run.wait("slow_request")
    assert slow["path"] == "/api/slow" and slow["status"] == 200 and slow["request_id"] == "late"
    assert slow["duration_ms"] >= slow["agent_ms"] >= 350 and slow["held_ms"] == 0
    assert slow["trace_id"] == trace and slow["left_out"] == 0
    line = run.wait("request", request_id="late")
    assert line["sample"] == 1 and line["trace_id"] == trace
    assert httpx.get(f"{run.base}/api/exit", headers=fields).status_code == 502
    assert run.wait("request_aborted")["trace_id"] == trace
    assert run.stop(signal.SIGINT) == 0
    # Chance has its say in a million lines; what failed is there.
    assert [x["status"] for x in run.events("request")] == [200, 502]
    assert len(run.events("slow_request")) == 1
    assert "secret-in-query" not in json.dumps(run.lines)


def test_two_programs_do_not_fight_over_a_log(par, probe):
    """Both write to one pipe; every line stays whole."""
    reader, writer = os.pipe()
    runs = [par(probe, stdout=writer) for _ in range(2)]
    os.close(writer)
    for run in runs:
        until(lambda: healthy(run), "Ready")
    for run in runs:
        assert run.stop(signal.SIGINT) == 0
    with os.fdopen(reader, "rb") as stream:
        lines = [json.loads(line) for line in stream]
    assert len({line["run_id"] for line in lines}) == 2


def test_the_program_is_where_the_tests_look() -> None:
    assert PROGRAM.exists() and DEADLINE > 0
