"""SIGHUP replaces the agent's process without a gap; a run at a terminal ends instead."""

from __future__ import annotations

import json
import os
import shutil
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


def come_round(run: Run) -> None:
    """Waits until the program's main thread has read what was sent to it before."""
    folder = next(Path(run.runtime).glob("par-*"))
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(20)
        asking.connect(str(folder / "control.sock"))
        while asking.recv(65536):
            pass


@pytest.fixture(scope="module")
def wishing(tmp_path_factory):
    """An agent whose imports do what a file says: nothing, `meet` the test, or a line of Python."""
    module = (
        "import os\nfrom src.meet import meet\n"
        "path = os.environ['WISH']\n"
        "wish = open(path).read() if os.path.exists(path) else ''\n"
        "if wish == 'meet': meet('import')\n"
        "elif wish: exec(wish)\n"
    ) + packages.PROBE
    files = packages.rest_files(module, extra={"src/meet.py": packages.MEET})
    return packages.archive(tmp_path_factory.mktemp("wishing") / "p.apkg", files)


@pytest.fixture
def wish(tmp_path):
    return (tmp_path / "wish").write_text


@pytest.fixture
def started(par, wishing, tmp_path, gate):
    def start(**variables) -> Run:
        return par(wishing, WISH=tmp_path / "wish", **gate.environment, **variables)

    return start


class Clients:
    """Requests without a pause, on connections that are kept and on ones that are not."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answers: list[tuple[int, int]] = []
        self.failures: list[str] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(n % 2 == 0,)) for n in range(6)]
        for thread in self._threads:
            thread.start()

    def _ask(self, kept: bool) -> None:
        connection = Connection(self.port)
        while not self._stop.is_set():
            try:
                connection.request("/api/hello", headers="" if kept else "Connection: close\r\n")
                status, _, body = connection.response()
                self.answers.append((status, json.loads(body)["pid"]))
            except (OSError, EOFError, ValueError, KeyError) as error:
                self.failures.append(repr(error))
                kept = False
            if not kept:
                connection.close()
                connection = Connection(self.port)
        connection.close()

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def test_a_reload_replaces_the_process_and_nothing_is_lost(par, probe):
    run = par(probe)
    port = run.ready()["rest_port"]
    path = run.events("load")[0]["sockets"]["rest"]

    def ask_directly() -> int:
        with httpx.Client(transport=httpx.HTTPTransport(uds=path)) as client:
            return client.get("http://agent/api/hello").json()["pid"]

    pids = [run.worker_pid]
    assert ask_directly() == pids[0]
    clients = Clients(port)
    for count in (1, 2):
        child = httpx.get(f"{run.base}/api/child").json()["pid"]
        reload(run)
        line = replaced(run, count)
        assert line["replaced"] == pids[-1] and line["load_ms"] > 0
        pids.append(line["pid"])
        until(lambda: pids[-1] in {pid for _, pid in clients.answers[-20:]}, "the new one answers")
        until(lambda: gone(child), "what the old one left behind is gone with it")
    clients.end()
    assert clients.failures == []
    assert {status for status, _ in clients.answers} == {200}
    assert {pid for _, pid in clients.answers} == set(pids)
    for pid in pids[:-1]:
        ended = run.events("worker_exited", pid=pid)[0]
        assert ended["asked"] and ended["status"] == 0 and not ended["will_restart"], ended
    assert len(run.events("runtime_ready")) == len(run.events("load")) == 1
    assert metric(run, "par_reloads_total") == 2
    assert metric(run, "par_worker_restarts_total") == 0
    assert metric(run, "par_requests_aborted_total") == 0
    assert ask_directly() == pids[-1]
    names = {one.name for one in Path(path).parent.iterdir()}
    assert names == {"rest.sock", "rest.3.sock", "control.sock"}
    # Who serves now is who is restarted.
    os.kill(pids[-1], signal.SIGKILL)
    assert run.ready(count=2)["attempt"] == 2
    assert pid_of(run) == ask_directly() == run.worker_pid
    assert run.stop(signal.SIGINT) == 0


def test_what_the_old_worker_has_is_answered_before_it_ends(started, gate):
    run = started()
    run.ready()
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
    # The same with a drain while both have something.
    first = Call(run.port, "/api/gate")
    first_passage = gate.visitor()
    reload(run)
    run.wait("reload_finished", count=2)
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
    assert [one["asked"] for one in run.events("worker_exited")] == [True] * 3


def test_streams_are_ended_properly_by_a_reload_and_by_a_drain(started):
    run = started(STREAM_DRAIN_SEC=2)
    run.ready()
    for strike in (lambda: reload(run), lambda: run.send(signal.SIGINT)):
        stream = Connection(run.port)
        stream.request("/api/forever")
        stream.head()
        strike()
        # An end of its own: the last chunk, which a cut would not send.
        stream.until(b"\r\n0\r\n\r\n")
        stream.close()
        run.wait("worker_exited", count=1)
    assert run.exit() == 0
    assert run.stopped["outcome"] == "clean" and not run.events("request_aborted")


def test_a_new_worker_that_fails_leaves_the_old_one_in_its_place(started, wish, gate):
    run = started()
    run.ready()
    old = run.worker_pid
    wish("raise ValueError('not today')")
    reload(run)
    failed = run.wait("reload_failed")
    assert "not today" in failed["error"] and "docs/errors.md#" in failed["hint"]
    assert "ValueError" in failed["detail"]
    ended = run.events("worker_exited")[0]
    assert ended["pid"] != old and not ended["asked"] and not ended["will_restart"]
    wish("os._exit(3)")
    reload(run)
    failed = run.wait("reload_failed", count=2)
    assert "ended with status 3 before it was ready" in failed["error"]
    wish("meet")
    reload(run)
    gate.visitor()
    os.kill(run.worker_pid, signal.SIGKILL)
    assert "was ended by SIGKILL" in run.wait("reload_failed", count=3)["error"]
    assert pid_of(run) == old
    assert metric(run, "par_reloads_failed_total") == 3
    wish("")
    reload(run)
    assert replaced(run)["replaced"] == old
    assert run.stop(signal.SIGINT) == 0


def test_a_new_worker_that_hangs_is_given_up(started, wish):
    run = started(LOAD_TIMEOUT_SEC=4)
    run.ready()
    old = run.worker_pid
    wish("import time; time.sleep(1000)")
    reload(run)
    failed = run.wait("reload_failed")
    assert "was not ready after 4 s" in failed["error"] and "load-timeout" in failed["hint"]
    assert "index.py" in failed["detail"]
    ended = run.events("worker_exited")[0]
    assert ended["signal"] == "SIGKILL" and ended["stack"].startswith("it was not ready after 4 s")
    assert pid_of(run) == old
    assert run.stop(signal.SIGINT) == 0


def test_what_comes_in_the_middle_of_a_reload(started, wish, gate):
    run = started()
    run.ready()
    # More wishes are one more reload.
    wish("meet")
    reload(run)
    passage = gate.visitor()
    for _ in range(3):
        reload(run)
        come_round(run)
    wish("")
    passage.let_through()
    line = replaced(run, 2)
    assert pid_of(run) == line["pid"]
    assert len(run.events("reload_started")) == 2
    # The end of the worker that is to be replaced is a restart.
    wish("meet")
    old = run.worker_pid
    reload(run)
    gate.visitor()
    wish("")
    os.kill(old, signal.SIGKILL)
    assert "has ended" in run.wait("reload_failed")["error"]
    assert run.ready(count=2)["attempt"] == 2
    lost, other = run.events("worker_exited")[-2:]
    assert (lost["pid"], lost["will_restart"], lost["asked"]) == (old, True, False)
    assert other["asked"] and not other["will_restart"]
    assert pid_of(run) == run.worker_pid
    # A signal to stop ends it at once.
    wish("meet")
    reload(run)
    gate.visitor()
    run.send(signal.SIGTERM)
    assert "the program stops" in run.wait("reload_failed", count=2)["error"]
    assert run.exit() == 0
    assert run.stopped["outcome"] == "clean"


def test_an_old_worker_that_does_not_end_well(started, gate):
    run = started(GRACEFUL_SHUTDOWN_TIMEOUT_SEC=4)
    run.ready()
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
    # One that is stopped is killed when a drain that began with the reload would do it.
    os.kill(line["pid"], signal.SIGSTOP)
    held = Call(run.port, "/api/hello")
    until(lambda: metric(run, "par_requests_in_flight") == 1, "the request is there")
    reload(run)
    second = run.wait("reload_finished", count=2)
    # There is no third worker while two run: the next wish waits.
    reload(run)
    ended = run.wait("worker_exited", pid=line["pid"])
    assert ended["asked"] and ended["signal"] == "SIGKILL"
    assert 3.5 <= (ended["uptime_ms"] - second["uptime_ms"]) / 1000 <= 5
    # It was not begun: the worker that serves now does it.
    assert held.wait()[0] == 200
    assert run.wait("reload_started", count=3)["uptime_ms"] >= ended["uptime_ms"]
    replaced(run, 3)
    assert run.stop(signal.SIGINT) == 0


def test_a_reload_is_refused_where_nothing_is_to_be_replaced(started, wish, gate):
    wish("meet")
    run = started(DRAIN_MIN_SEC=5)
    passage = gate.visitor()
    reload(run)
    refused = run.wait("warning", code="reload_refused")
    assert "not ready" in refused["message"]
    passage.let_through()
    run.ready()
    os.kill(run.worker_pid, signal.SIGKILL)
    passage = gate.visitor()
    reload(run)
    run.wait("warning", code="reload_refused", count=2)
    passage.let_through()
    run.ready(count=2)
    run.send()
    run.wait("drain")
    reload(run)
    refused = run.wait("warning", code="reload_refused", count=3)
    assert "the program stops" in refused["message"]
    run.send(signal.SIGINT)
    assert run.exit() == 0
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
    shutil.unpack_archive(probe, tmp_path / "own", "zip")
    run = par(tmp_path / "own")
    run.ready()
    (tmp_path / "own").rename(tmp_path / "elsewhere")
    reload(run)
    assert "is gone" in run.wait("reload_failed")["error"]
    assert pid_of(run) == run.worker_pid
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
