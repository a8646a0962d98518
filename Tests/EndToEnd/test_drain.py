"""SIGTERM and SIGINT, in every state and under load."""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
import time

import httpx
import pytest

from support import packages
from support.clients import Call, Connection, until
from support.program import Run, health_status

#: Between the kernel's clocks, the log writer and this process's scheduling on a busy machine.
SLACK = 0.5


def check_stopped(run: Run, *, came_from: str, cause: str, outcome: str, code: int = 0) -> dict:
    assert run.exit() == code, run.report()
    drain, stopped = run.events("drain")[0], run.events("stopped")[0]
    assert (drain["from"], drain["cause"]) == (came_from, cause), drain
    assert (stopped["from"], stopped["outcome"]) == ("draining", outcome), stopped
    assert stopped["exit_code"] == code
    return stopped


# --- before the first Ready: what runs is stopped at once, nothing partial stays ---


def test_a_signal_that_was_there_before_the_program(par, probe, tmp_path):
    def pending() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        os.kill(os.getpid(), signal.SIGTERM)

    run = par(probe, PAR_CACHE_DIR=tmp_path / "cache", before_exec=pending)
    run.exit()
    check_stopped(run, came_from="fetching", cause="SIGTERM", outcome="clean")
    assert packages.file_tree(tmp_path / "cache") == []


@pytest.fixture(scope="session")
def large(tmp_path_factory):
    """Takes a while to unpack."""
    path = tmp_path_factory.mktemp("large") / "large.apkg"
    files = {f"src/part{i // 500}/file{i}.txt": "text" * 20 for i in range(15_000)}
    return packages.archive(path, {**packages.rest_files("def mount(app): pass\n"), **files})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_verifying(par, large, tmp_path, number):
    run = par(large, PAR_CACHE_DIR=tmp_path / "cache", BOOT_BUDGET_MS=60000)
    run.wait("verify")
    at = run.send(number)
    check_stopped(run, came_from="verifying", cause=number.name, outcome="clean")
    assert time.monotonic() - at < 2
    assert packages.file_tree(tmp_path / "cache") == []


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_a_signal_in_installing(par, tmp_path, installer):
    files = packages.rest_files("def mount(app): pass\n", extra={"requirements.txt": "absent==1\n"})
    package = packages.archive(tmp_path / "p.apkg", files)
    # An index that takes the connection and says nothing.
    with socket.create_server(("127.0.0.1", 0)) as index:
        url = f"http://127.0.0.1:{index.getsockname()[1]}/simple"
        run = par(
            package,
            PAR_CACHE_DIR=tmp_path / "cache",
            PAR_INSTALLER=installer,
            PIP_INDEX_URL=url,
            UV_INDEX_URL=url,
            UV_DEFAULT_INDEX=url,
            UV_NO_CACHE="1",
        )
        index.settimeout(60)
        connection, _ = index.accept()
        with connection:
            at = run.send()
            check_stopped(run, came_from="installing", cause="SIGTERM", outcome="clean")
            # What was begun is removed first: a thousand files, on a disk that others use too.
            assert time.monotonic() - at < 10
    left = packages.file_tree(tmp_path / "cache")
    assert not [one for one in left if one.startswith("environments/")]


def test_a_signal_in_loading(par, gate, tmp_path):
    package = packages.blocking_import(tmp_path / "p.apkg")
    run = par(package, **gate.environment)
    passage = gate.visitor()
    assert httpx.get(f"{run.base}/health").status_code == 503
    at = run.send()
    check_stopped(run, came_from="loading", cause="SIGTERM", outcome="clean")
    assert time.monotonic() - at < 2
    assert passage.gone()


@pytest.mark.parametrize("seed", range(12))
def test_a_signal_at_any_moment_of_the_boot(par, probe, tmp_path, seed):
    """The offset is the test's subject, so it is waited out rather than waited for."""
    run = par(probe, PAR_CACHE_DIR=tmp_path / "cache", DRAIN_MIN_SEC=0)
    run.wait("run_started")
    time.sleep(random.Random(seed).uniform(0, 0.6))
    assert run.stop() == 0
    assert run.stopped["outcome"] == "clean"


# --- from Ready ---


def test_an_idle_program_ends_after_the_lame_duck(par, probe):
    run = par(probe)
    run.ready()
    at = run.send()
    stopped = check_stopped(run, came_from="ready", cause="SIGTERM", outcome="clean")
    # DRAIN_MIN_SEC's default of 1 s, in which a load balancer notices.
    assert 1 <= time.monotonic() - at < 1 + 1 + SLACK
    assert stopped["completed"] == 0 and stopped["aborted"] == 0
    assert stopped["drain_ms"] >= 1000


def test_an_interrupt_does_not_wait_for_a_load_balancer(par, probe):
    run = par(probe)
    run.ready()
    at = run.send(signal.SIGINT)
    check_stopped(run, came_from="ready", cause="SIGINT", outcome="clean")
    assert time.monotonic() - at < 1 + SLACK


def test_a_terminal_s_quit_key_ends_it_like_an_interrupt(par, probe):
    run = par(probe)
    run.ready()
    at = run.send(signal.SIGQUIT)
    check_stopped(run, came_from="ready", cause="SIGINT", outcome="clean")
    assert time.monotonic() - at < 1 + SLACK


@pytest.mark.parametrize("round_", range(20))
def test_whoever_reads_of_a_transition_finds_the_gate_there(par, probe, round_):
    run = par(probe, DRAIN_MIN_SEC=5)
    port = run.wait("runtime_ready")["rest_port"]
    assert health_status(port) == 200
    run.send()
    run.wait("drain")
    assert health_status(port) == 503
    run.send(signal.SIGINT)
    check_stopped(run, came_from="ready", cause="SIGTERM", outcome="clean")


def test_requests_after_the_worker_was_lost_in_the_lame_duck(par, probe):
    run = par(probe, DRAIN_MIN_SEC=10)
    port = run.ready()["rest_port"]
    kept = Connection(port)
    kept.request("/api/hello")
    assert kept.response()[0] == 200
    run.send()
    run.wait("drain")
    os.kill(run.worker_pid, signal.SIGKILL)
    run.wait("worker_exited")
    for path in ("/api/hello", "/agents/probe/api/hello", "/agents/probe/invoke"):
        status, fields, body = Call(port, path).wait()
        assert (status, fields["connection"].lower()) == (503, "close"), (path, body)
    kept.request("/api/hello")
    status, fields, _ = kept.response()
    assert (status, fields["connection"].lower()) == (503, "close")
    assert kept.closed()
    kept.close()
    run.send(signal.SIGINT)
    assert run.exit() == 0


def test_the_stages_of_a_drain(par, probe, gate):
    run = par(probe, DRAIN_MIN_SEC=1, GRACEFUL_SHUTDOWN_TIMEOUT_SEC=20, **gate.environment)
    port = run.ready()["rest_port"]
    held = Call(port, "/api/gate")
    passage = gate.visitor()
    kept = Connection(port)
    kept.request("/api/hello")
    assert kept.response()[0] == 200
    # A request ends for the program a moment after its client has read the last byte.
    until(lambda: in_flight(run) == 1, "only the held request is in flight")

    at = run.send()
    until(lambda: httpx.get(f"{run.base}/health").status_code == 503, "health is 503", 1)
    body = httpx.get(f"{run.base}/health").json()
    assert body["ok"] is False and body["state"] == "draining" and body["reason"]
    assert httpx.get(f"{run.base}/livez").status_code == 200
    assert httpx.get(f"{run.base}/agents/probe/meta").status_code == 200

    # The lame duck: new work is served, and told to go elsewhere next time.
    status, fields, _ = Call(port, "/api/hello").wait()
    assert time.monotonic() - at < 1, "too slow a machine for this test"
    assert (status, fields["connection"].lower()) == (200, "close")

    # Then: 503 and close, on new connections and on kept ones.
    def refused() -> bool:
        status, fields, _ = Call(port, "/api/hello").wait()
        return status == 503 and fields["connection"].lower() == "close"

    until(refused, "new work is refused", 5)
    assert time.monotonic() - at >= 1
    kept.request("/api/hello")
    status, fields, body = kept.response()
    assert status == 503 and fields["connection"].lower() == "close"
    assert b'"state":"draining"' in body and b'"request_id"' in body
    assert kept.closed()
    kept.close()

    # The one in flight is what the program waits for.
    assert run.process.poll() is None
    passage.let_through()
    released = time.monotonic()
    assert held.wait()[0] == 200
    stopped = check_stopped(run, came_from="ready", cause="SIGTERM", outcome="clean")
    assert time.monotonic() - released < 1.5
    assert stopped["aborted"] == 0
    assert run.events("drain")[0]["in_flight"] == 1


def test_under_load_from_64_clients_every_request_that_fits_completes(par, probe):
    """Requests of 0 to 3 s; the deadline leaves room for each that the lame duck lets in."""
    lame_duck, clients = 1.0, 64
    run = par(probe, DRAIN_MIN_SEC=lame_duck, GRACEFUL_SHUTDOWN_TIMEOUT_SEC=8)
    port = run.ready()["rest_port"]
    signalled = threading.Event()
    busy = threading.Barrier(clients + 1)
    signalled_at = [0.0]
    answers: list[tuple[float, int, object]] = []
    lock = threading.Lock()

    def client(seed: int) -> None:
        chance = random.Random(seed)
        connection = None
        first = True
        while True:
            # A client goes on for most of the lame duck, as one behind a load balancer would.
            if signalled.is_set() and time.monotonic() > signalled_at[0] + lame_duck * 0.6:
                break
            milliseconds = chance.choice([0, 5, 50, 300, 1000, 2000, 3000])
            sent = time.monotonic()
            try:
                connection = connection or Connection(port)
                connection.request(f"/api/slow?ms={milliseconds}")
                if first:
                    busy.wait(30)
                    first = False
                status, fields, body = connection.response()
            except (OSError, EOFError) as error:
                with lock:
                    answers.append((sent, 0, repr(error)))
                return
            with lock:
                answers.append((sent, status, body))
            if fields.get("connection", "").lower() == "close":
                connection.close()
                connection = None
        if connection:
            connection.close()

    threads = [threading.Thread(target=client, args=(i,), daemon=True) for i in range(clients)]
    for thread in threads:
        thread.start()
    busy.wait(30)
    signalled_at[0] = run.send()
    signalled.set()
    for thread in threads:
        thread.join(60)
    stopped = check_stopped(run, came_from="ready", cause="SIGTERM", outcome="clean")
    failures = [one for one in answers if one[1] != 200]
    assert not failures, f"{len(failures)} of {len(answers)}: {failures[:5]}"
    assert stopped["aborted"] == 0
    assert run.events("drain")[0]["in_flight"] > 0
    assert any(sent > signalled_at[0] for sent, _, _ in answers), "nobody came in the lame duck"


def test_the_deadline_cuts_off_what_does_not_fit(par, probe):
    run = par(probe, GRACEFUL_SHUTDOWN_TIMEOUT_SEC=3, DRAIN_MIN_SEC=0.1)
    port = run.ready()["rest_port"]
    call = Call(port, "/api/slow?ms=60000", headers="X-Request-ID: too-long\r\n")
    until(lambda: "par" in httpx.get(f"{run.base}/metrics").text and in_flight(run) == 1, "1")
    at = run.send()
    stopped = check_stopped(run, came_from="ready", cause="SIGTERM", outcome="cut")
    assert time.monotonic() - at < 3 + SLACK, "the process must have ended by its deadline"
    assert stopped["aborted"] == 1
    aborted = run.events("request_aborted")
    assert [(x["method"], x["request_id"]) for x in aborted] == [("GET", "too-long")]
    try:
        assert call.wait()[0] in (502, 503, 504)
    except (OSError, EOFError):
        pass  # cut without an answer is also an end


def in_flight(run: Run) -> int:
    for line in httpx.get(f"{run.base}/metrics").text.splitlines():
        if "in_flight" in line and not line.startswith("#"):
            return int(float(line.rsplit(" ", 1)[1]))
    raise AssertionError("no in_flight in /metrics")


def test_an_agent_that_blocks_its_loop_does_not_outlive_the_deadline(par, gate, tmp_path):
    module = (
        "import time\nfrom src.meet import meet\ndef mount(app):\n"
        "    @app.get('/api/block')\n    async def block():\n"
        "        meet('blocked')\n        time.sleep(600)\n"
    )
    files = packages.rest_files(module, extra={"src/meet.py": packages.MEET})
    run = par(
        packages.archive(tmp_path / "p.apkg", files),
        GRACEFUL_SHUTDOWN_TIMEOUT_SEC=2,
        **gate.environment,
    )
    port = run.ready()["rest_port"]
    Call(port, "/api/block")
    gate.visitor().let_through()
    at = run.send()
    check_stopped(run, came_from="ready", cause="SIGTERM", outcome="cut")
    assert time.monotonic() - at < 2 + SLACK


def test_children_of_the_agent_go_with_it(par, probe):
    run = par(probe)
    run.ready()
    child = httpx.get(f"{run.base}/api/child").json()["pid"]
    os.kill(child, 0)
    run.stop(signal.SIGINT)
    until(lambda: not os.path.exists(f"/proc/{child}"), "the agent's child is gone", 2)


def test_a_second_interrupt_ends_the_wait_at_once(par, probe, gate):
    run = par(probe, **gate.environment)
    port = run.ready()["rest_port"]
    Call(port, "/api/gate")
    gate.visitor()
    run.send(signal.SIGINT)
    run.wait("drain")
    at = run.send(signal.SIGINT)
    stopped = check_stopped(run, came_from="ready", cause="SIGINT", outcome="cut")
    assert time.monotonic() - at < 1
    assert stopped["aborted"] == 1


def test_a_second_sigterm_counts_from_two_seconds_on(par, probe, gate):
    run = par(probe, **gate.environment)
    port = run.ready()["rest_port"]
    Call(port, "/api/gate")
    gate.visitor()
    at = run.send()
    run.wait("drain")
    run.send()  # the orchestrator signals the whole tree: this is the same wish again
    until(lambda: time.monotonic() >= at + 2.1, "2.1 s have passed")
    assert run.process.poll() is None, "the early second SIGTERM ended it"
    run.send()
    check_stopped(run, came_from="ready", cause="SIGTERM", outcome="cut")
    assert time.monotonic() - at < 2.1 + 1


def test_a_long_stream_does_not_hold_the_drain(par, probe):
    run = par(probe, STREAM_DRAIN_SEC=1, DRAIN_MIN_SEC=0.1, GRACEFUL_SHUTDOWN_TIMEOUT_SEC=20)
    port = run.ready()["rest_port"]
    with Connection(port) as stream:
        stream.request("/api/forever")
        assert stream.head()[0] == 200
        stream.until(b"tick")
        at = run.send()
        stopped = check_stopped(run, came_from="ready", cause="SIGTERM", outcome="clean")
        # It is ended a tenth of the time before it would be cut.
        assert 0.9 <= time.monotonic() - at < 4
        assert stopped["aborted"] == 0
        stream.until(b"\r\n0\r\n\r\n")


def test_a_worker_lost_in_the_drain_is_answered_for(par, probe, gate):
    run = par(probe, **gate.environment)
    port = run.ready()["rest_port"]
    call = Call(port, "/api/gate")
    gate.visitor()
    run.send()
    run.wait("drain")
    os.kill(run.worker_pid, signal.SIGKILL)
    assert call.wait()[0] == 502
    stopped = check_stopped(run, came_from="ready", cause="SIGTERM", outcome="cut")
    assert stopped["aborted"] == 1
    assert len(run.events("load")) == 1, "a drain restarts nothing"
