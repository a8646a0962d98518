"""SIGHUP replaces the agent's process without a gap; a run at a terminal ends instead."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from pathlib import Path

import httpx
import pytest

from support import packages
from support.clients import Call, Connection, until
from support.figures import metric
from support.program import Run


def reload(run: Run) -> None:
    run.send(signal.SIGHUP)


def replaced(run: Run, count: int = 1) -> dict:
    """The end of the count-th reload, and that of the worker it replaced."""
    line = run.wait("reload_finished", count=count)
    run.wait("worker_exited", pid=line["replaced"])
    return line


def pid_of(run: Run) -> int:
    return httpx.get(f"{run.base}/api/hello").json()["pid"]


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


@pytest.fixture(scope="module")
def meeting_later(tmp_path_factory):
    """Loads at once the first time. Later imports meet the test where a file says so, or fail."""
    module = (
        "import os\nfrom src.meet import meet\n"
        "import time\n"
        "wish = os.environ['WISH']\n"
        "wish = open(wish).read() if os.path.exists(wish) else ''\n"
        "if wish == 'meet': meet('again')\n"
        "elif wish: exec(wish)\n"
    ) + packages.PROBE
    files = packages.rest_files(module, extra={"src/meet.py": packages.MEET})
    return packages.archive(tmp_path_factory.mktemp("later") / "p.apkg", files)


class Wish:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, text: str) -> None:
        self.path.write_text(text)


@pytest.fixture
def wish(tmp_path):
    return Wish(tmp_path / "wish")


@pytest.fixture
def started(par, meeting_later, wish, gate):
    """A run that is ready, whose next import does what the test wishes."""

    def start(**variables) -> Run:
        run = par(meeting_later, WISH=wish.path, **{**gate.environment, **variables})
        run.ready()
        return run

    return start


def test_a_reload_replaces_the_process_and_nothing_is_lost(par, probe):
    run = par(probe, GRACEFUL_SHUTDOWN_TIMEOUT_SEC=20)
    port = run.ready()["rest_port"]
    stop, answers, failures = threading.Event(), [], []

    def ask(kept: bool) -> None:
        connection = Connection(port)
        while not stop.is_set():
            try:
                connection.request("/api/hello", headers="" if kept else "Connection: close\r\n")
                status, _, body = connection.response()
                answers.append((status, json.loads(body)["pid"]))
                if not kept:
                    connection.close()
                    connection = Connection(port)
            except (OSError, EOFError, ValueError, KeyError) as error:
                failures.append(repr(error))
                connection = Connection(port)
        connection.close()

    clients = [threading.Thread(target=ask, args=(n % 2 == 0,)) for n in range(8)]
    for client in clients:
        client.start()
    pids = [run.worker_pid]
    for count in (1, 2):
        reload(run)
        line = replaced(run, count)
        assert line["replaced"] == pids[-1] and line["load_ms"] > 0
        pids.append(line["pid"])
        until(lambda: pids[-1] in {pid for _, pid in answers[-20:]}, "the new one answers")
    stop.set()
    for client in clients:
        client.join()
    assert failures == []
    assert {status for status, _ in answers} == {200} and {pid for _, pid in answers} == set(pids)
    for pid in pids[:-1]:
        ended = run.events("worker_exited", pid=pid)[0]
        assert ended["asked"] and ended["status"] == 0 and not ended["will_restart"], ended
        assert gone(pid)
    assert len(run.events("runtime_ready")) == 1 and len(run.events("load")) == 1
    assert metric(run, "par_reloads_total") == 2
    assert metric(run, "par_worker_restarts_total") == 0
    assert metric(run, "par_requests_aborted_total") == 0
    # Who serves now is who is restarted.
    os.kill(pids[-1], signal.SIGKILL)
    assert run.ready(count=2)["attempt"] == 2
    assert pid_of(run) == run.worker_pid
    assert run.stop(signal.SIGINT) == 0


def test_the_run_s_sockets_lead_to_the_worker_that_serves(par, probe):
    run = par(probe)
    run.ready()
    path = run.events("load")[0]["sockets"]["rest"]

    def ask() -> int:
        with httpx.Client(transport=httpx.HTTPTransport(uds=path)) as client:
            return client.get("http://agent/api/hello").json()["pid"]

    assert ask() == run.worker_pid
    reload(run)
    assert ask() in (one["pid"] for one in run.events("worker_started"))
    line = replaced(run)
    assert ask() == line["pid"]
    names = {one.name for one in Path(path).parent.iterdir()}
    assert names == {"rest.sock", "rest.2.sock", "control.sock"}
    os.kill(run.worker_pid, signal.SIGKILL)
    run.ready(count=2)
    assert ask() == run.worker_pid
    assert run.stop(signal.SIGINT) == 0


def test_what_the_old_worker_has_is_answered_before_it_ends(started, gate):
    run = started()
    old = run.worker_pid
    slow = Call(run.port, "/api/gate")
    passage = gate.visitor()
    stream = Connection(run.port)
    stream.request("/api/events?n=2")
    stream.head()
    event = gate.visitor()
    reload(run)
    line = run.wait("reload_finished")
    assert pid_of(run) == line["pid"] != old
    assert not run.events("worker_exited")
    passage.let_through()
    assert slow.wait()[0] == 200
    event.let_through()
    gate.visitor().let_through()
    stream.until(b"0\r\n\r\n")
    stream.close()
    ended = run.wait("worker_exited", pid=old)
    assert ended["asked"] and ended["in_flight"] == []
    assert run.stop(signal.SIGINT) == 0


def test_streams_of_the_old_worker_are_ended_properly(started):
    run = started(STREAM_DRAIN_SEC=3)
    old = run.worker_pid
    stream = Connection(run.port)
    stream.request("/api/forever")
    stream.head()
    reload(run)
    run.wait("reload_finished")
    # An end of its own: the last chunk, and the connection may go on.
    stream.until(b"\r\n0\r\n\r\n")
    stream.close()
    run.wait("worker_exited", pid=old)
    assert not run.events("request_aborted")
    assert run.stop(signal.SIGINT) == 0


def test_a_drain_ends_streams_properly_too(started):
    run = started(STREAM_DRAIN_SEC=3)
    stream = Connection(run.port)
    stream.request("/api/forever")
    stream.head()
    run.send(signal.SIGINT)
    stream.until(b"\r\n0\r\n\r\n")
    stream.close()
    assert run.exit() == 0
    assert run.stopped["outcome"] == "clean"


def test_a_new_worker_that_fails_leaves_the_old_one_in_its_place(started, wish):
    run = started()
    old = run.worker_pid
    wish("raise ValueError('not today')")
    reload(run)
    failed = run.wait("reload_failed")
    assert "not today" in failed["error"] and "docs/errors.md#" in failed["hint"]
    assert "ValueError" in failed["detail"]
    ended = run.events("worker_exited")[0]
    assert ended["pid"] != old and not ended["asked"] and not ended["will_restart"]
    assert pid_of(run) == old
    assert metric(run, "par_reloads_failed_total") == 1
    wish("os._exit(3)")
    reload(run)
    failed = run.wait("reload_failed", count=2)
    assert "ended with status 3 before it was ready" in failed["error"]
    wish("")
    reload(run)
    assert replaced(run)["replaced"] == old
    assert run.stop(signal.SIGINT) == 0


def test_a_new_worker_that_hangs_is_given_up(started, wish):
    run = started(LOAD_TIMEOUT_SEC=3)
    old = run.worker_pid
    wish("time.sleep(1000)")
    reload(run)
    failed = run.wait("reload_failed")
    assert "was not ready after 3 s" in failed["error"] and "load-timeout" in failed["hint"]
    assert "index.py" in failed["detail"]
    ended = run.events("worker_exited")[0]
    assert ended["signal"] == "SIGKILL" and ended["stack"].startswith("it was not ready after 3 s")
    assert pid_of(run) == old
    assert run.stop(signal.SIGINT) == 0


def test_a_new_worker_that_is_killed(started, wish, gate):
    run = started()
    wish("meet")
    reload(run)
    gate.visitor()
    new = run.worker_pid
    os.kill(new, signal.SIGKILL)
    assert "was ended by SIGKILL" in run.wait("reload_failed")["error"]
    assert pid_of(run) != new
    assert run.stop(signal.SIGINT) == 0


def test_wishes_during_a_reload_are_one_more(started, wish, gate):
    run = started()
    wish("meet")
    reload(run)
    passage = gate.visitor()
    for _ in range(3):
        reload(run)
    # They have been read when this is answered: the answer needs the same thread.
    read_signals(run)
    wish("")
    passage.let_through()
    second = replaced(run, 2)
    assert pid_of(run) == second["pid"]
    assert len(run.events("reload_started")) == 2
    assert run.stop(signal.SIGINT) == 0


def read_signals(run: Run) -> None:
    """Waits until the program's main thread has come round."""
    folder = next(Path(run.runtime).glob("par-*"))
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(20)
        asking.connect(str(folder / "control.sock"))
        while asking.recv(65536):
            pass


def test_a_worker_that_is_lost_while_its_successor_loads(started, wish, gate):
    run = started()
    wish("meet")
    reload(run)
    gate.visitor()
    wish("")
    old = run.events("worker_started")[0]["pid"]
    os.kill(old, signal.SIGKILL)
    failed = run.wait("reload_failed")
    assert "has ended" in failed["error"]
    assert run.ready(count=2)["attempt"] == 2
    ends = {one["pid"]: one for one in run.events("worker_exited")}
    assert ends[old]["will_restart"] and not ends[old]["asked"]
    (other,) = (one for pid, one in ends.items() if pid != old)
    assert other["asked"] and not other["will_restart"]
    assert pid_of(run) == run.worker_pid
    reload(run)
    replaced(run)
    assert run.stop(signal.SIGINT) == 0


def test_a_signal_during_a_reload_ends_the_new_worker_at_once(started, wish, gate):
    run = started()
    wish("meet")
    reload(run)
    gate.visitor()
    run.send(signal.SIGTERM)
    assert "the program stops" in run.wait("reload_failed")["error"]
    assert run.exit() == 0
    assert run.stopped["outcome"] == "clean"


def test_an_old_worker_that_is_killed_loses_what_it_had_and_nothing_else(started, gate):
    run = started()
    old = run.worker_pid
    lost = Call(run.port, "/api/gate", headers="X-Request-ID: lost-one\r\n")
    gate.visitor()
    reload(run)
    line = run.wait("reload_finished")
    os.kill(old, signal.SIGKILL)
    ended = run.wait("worker_exited", pid=old)
    assert ended["in_flight"] == ["lost-one"] and not ended["will_restart"], ended
    assert ended["level"] == "error"
    assert lost.wait()[0] == 502
    assert run.wait("request_aborted")["request_id"] == "lost-one"
    assert pid_of(run) == line["pid"]
    assert len(run.events("load")) == 1
    reload(run)
    replaced(run, 2)
    assert run.stop(signal.SIGINT) == 0


def test_an_old_worker_that_hangs_is_killed_at_the_drain_s_deadline(started, gate):
    run = started(GRACEFUL_SHUTDOWN_TIMEOUT_SEC=3)
    old = run.worker_pid
    held = Call(run.port, "/api/gate")
    gate.visitor()
    reload(run)
    line = run.wait("reload_finished")
    # No third worker while two run: the next wish waits.
    reload(run)
    ended = run.wait("worker_exited", pid=old)
    assert ended["asked"]
    assert 2.5 <= (ended["uptime_ms"] - line["uptime_ms"]) / 1000 <= 4
    # Uvicorn gives its request up when it is asked to stop, or the kill does.
    with pytest.raises((AssertionError, OSError, EOFError)):
        assert held.wait()[0] == 200
    assert run.wait("reload_started", count=2)["uptime_ms"] >= ended["uptime_ms"]
    replaced(run, 2)
    assert run.stop(signal.SIGINT) == 0


def test_a_drain_waits_for_what_both_workers_have(started, gate):
    run = started()
    old = run.worker_pid
    first = Call(run.port, "/api/gate")
    first_passage = gate.visitor()
    reload(run)
    run.wait("reload_finished")
    second = Call(run.port, "/api/gate")
    second_passage = gate.visitor()
    run.send(signal.SIGINT)
    assert run.wait("drain")["in_flight"] == 2
    second_passage.let_through()
    assert second.wait()[0] == 200
    first_passage.let_through()
    assert first.wait()[0] == 200
    assert run.exit() == 0
    assert run.stopped["outcome"] == "clean"
    ends = run.events("worker_exited")
    assert [one["asked"] for one in ends] == [True, True] and ends[0]["pid"] == old


def test_what_each_worker_leaves_behind_goes_with_it(started):
    run = started()
    old_child = httpx.get(f"{run.base}/api/child").json()["pid"]
    reload(run)
    replaced(run)
    until(lambda: gone(old_child), "the child of the old worker is gone")
    child = httpx.get(f"{run.base}/api/child").json()["pid"]
    reload(run)
    replaced(run, 2)
    until(lambda: gone(child), "so is that of the next")
    assert run.stop(signal.SIGINT) == 0


@pytest.mark.parametrize("state", ["loading", "restarting", "draining"])
def test_a_reload_is_refused_where_nothing_is_to_be_replaced(par, meeting_later, wish, gate, state):
    if state == "loading":
        wish("meet")
    run = par(meeting_later, WISH=wish.path, DRAIN_MIN_SEC=5, **gate.environment)
    if state == "loading":
        passage = gate.visitor()
    else:
        run.ready()
    if state == "restarting":
        wish("meet")
        os.kill(run.worker_pid, signal.SIGKILL)
        passage = gate.visitor()
    if state == "draining":
        run.send()
        run.wait("drain")
    reload(run)
    assert run.wait("warning", code="reload_refused")["message"]
    if state == "draining":
        run.send(signal.SIGINT)
        assert run.exit() == 0
    else:
        passage.let_through()
        run.ready(count=2 if state == "restarting" else 1)
        assert run.stop(signal.SIGINT) == 0
    assert not run.events("reload_started")


def test_a_page_alone_has_nothing_to_reload(par, tmp_path):
    files = {
        "agent.yaml": packages.manifest(ui={"path": "ui"}),
        "dist/ui/index.html": "<title>page</title>",
    }
    run = par(packages.archive(tmp_path / "ui.apkg", files))
    run.ready()
    reload(run)
    assert "no code" in run.wait("warning", code="reload_refused")["message"]
    assert run.stop(signal.SIGINT) == 0


def test_a_reload_whose_package_is_gone(par, probe, tmp_path):
    with packages.zipfile.ZipFile(probe) as source:
        source.extractall(tmp_path / "own")
    run = par(tmp_path / "own")
    run.ready()
    old = run.worker_pid
    (tmp_path / "own").rename(tmp_path / "elsewhere")
    reload(run)
    failed = run.wait("reload_failed")
    assert "is gone" in failed["error"], failed
    assert pid_of(run) == old
    (tmp_path / "elsewhere").rename(tmp_path / "own")
    reload(run)
    replaced(run)
    assert run.stop(signal.SIGINT) == 0


def test_at_a_terminal_a_hang_up_ends_the_run(par, probe):
    outer, inner = os.openpty()
    run = par(probe, before_exec=lambda: os.dup2(inner, 0))
    os.close(inner)
    run.ready()
    run.send(signal.SIGHUP)
    assert run.exit() == 0
    assert run.events("drain")[0]["cause"] == "SIGINT"
    os.close(outer)
