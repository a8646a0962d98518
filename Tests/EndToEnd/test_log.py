"""The log's reader may be slow, gone or a person; the program does not care."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal

import httpx

from support import log
from support.clients import until
from support.program import DEADLINE, PROGRAM


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


def test_a_reader_that_does_not_read(par, probe):
    reader, writer = os.pipe()
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
    run = par(probe, stdout=writer)
    flags = fcntl.fcntl(writer, fcntl.F_GETFL)
    os.close(writer)
    assert not flags & os.O_NONBLOCK
    until(lambda: healthy(run), "Ready with a stuck reader")
    assert httpx.get(f"{run.base}/api/flood?lines=20000", timeout=30).status_code == 200
    # The agent was not held up by a log that nobody reads, and neither is anything else.
    assert httpx.get(f"{run.base}/api/hello").status_code == 200
    assert httpx.get(f"{run.base}/health").status_code == 200
    run.send(signal.SIGINT)
    with os.fdopen(reader, "rb") as stream:
        lines = [json.loads(line) for line in stream]
    assert run.exit() == 0
    assert log.problems(lines) == []
    events = [line["event"] for line in lines]
    assert events[-1] == "stopped" and "runtime_ready" in events
    assert "log_dropped" in events
    assert len([x for x in events if x == "agent_output"]) < 20_000


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
