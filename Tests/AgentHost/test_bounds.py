"""Bounds of the host that a whole process would reach only slowly."""

import asyncio
import socket
import sys
import threading

import pytest

from conftest import START

sys.path.insert(0, str(START.parent))

from par_agent_host import grpc_server, lifespan, notify, probe, service_call
from par_agent_host.failure import Failure


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    yield ours, theirs
    ours.close()
    theirs.close()


def test_a_parent_that_reads_nothing_does_not_hold_the_host_up(ends, monkeypatch):
    monkeypatch.setattr(notify, "SEND_TIMEOUT_SEC", 0.001)
    notifier = notify.Notifier(ends[0].detach())
    for number in range(2000):
        notifier.status("step %d" % number)
    assert ends[1].recv(65536) == b"STATUS=step 0"


def test_a_parent_that_is_gone_does_not_either(ends):
    notifier = notify.Notifier(ends[0].detach())
    ends[1].close()
    notifier.status("anyone?")


@pytest.mark.parametrize(
    "text", ["x" * 300_000, "\u20ac" * 100_000, '"' * 100_000, "\ud800" * 70_000]
)
def test_every_field_of_a_failure_may_be_huge(text, ends):
    notify.Notifier(ends[0].detach()).failure(Failure(text, text, text))
    data = ends[1].recv(1 << 20)
    assert len(data) <= notify.DATAGRAM_MAX_BYTES
    assert data.startswith(b"X_PAR_FAILURE={") and data.endswith(b"}")


def test_an_application_that_hangs_after_a_failed_start_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(lifespan, "LAST_WORDS_SEC", 0.001)

    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no"})
        await asyncio.Event().wait()

    async def start():
        await lifespan.Lifespan(app, "main:app", {}, "/").start()

    with pytest.raises(Failure, match="main:app failed: no"):
        asyncio.run(start())


@pytest.fixture
def silent():
    """A port that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_threads_left_behind_are_waited_for_no_longer_than_their_limit(monkeypatch):
    monkeypatch.setattr(service_call, "THREADED_START_SEC", 0.001)
    port = service_call.Port(probe.free_port(), None, "/")
    assert not service_call.opened_after_return(port, threading.enumerate()[1:])


@pytest.mark.parametrize("name", ["par-loop", "asyncio_0"])
def test_threads_of_the_host_are_not_waited_for(name, monkeypatch):
    monkeypatch.setattr(service_call.probe, "until_answered", lambda *_: pytest.fail("waited"))
    port = service_call.Port(probe.free_port(), None, "/")
    before = threading.enumerate()
    done = threading.Event()
    left = threading.Thread(target=done.wait, name=name)
    left.start()
    try:
        assert not service_call.opened_after_return(port, before)
    finally:
        done.set()
        left.join()


def test_a_port_that_says_nothing_is_given_up(silent):
    assert probe.probe(silent, 0.001) == probe.SILENT
    assert probe.until_answered(silent, 0) == probe.SILENT


def test_a_server_that_never_answers_is_given_up(silent, monkeypatch, tmp_path):
    class Server:
        def add_insecure_port(self, address):
            socket.socket(socket.AF_UNIX).bind(address.removeprefix("unix:"))

        def start(self):
            pass

    monkeypatch.setattr(grpc_server, "STARTED_SEC", 0.001)
    monkeypatch.setattr(grpc_server, "ANSWER_SEC", 0.001)
    server = grpc_server.AgentServer(Server(), "main:serve", silent)
    with pytest.raises(Failure, match="was started, but not on port"):
        asyncio.run(server.open(str(tmp_path / "a2a.sock")))


@pytest.mark.parametrize(
    "answer, result",
    [
        (b"", probe.SILENT),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", probe.OTHER),
        (b"\0\0\0\4\0\0\0\0\0", probe.HTTP2),
        (b"\0\0\6\4\0\0\0\0\0\0\3\0\0\0\1", probe.HTTP2),
        (b"\0\0\0\4\0", probe.OTHER),
        (b"\0\0\0\4\0\0\0\0\1", probe.OTHER),
    ],
)
def test_what_answers_is_told_apart(answer, result):
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            connection = listening.accept()[0]
            connection.sendall(answer)
            connection.close()

        server = threading.Thread(target=serve)
        server.start()
        assert probe.probe(listening.getsockname()[1]) == result
        server.join()


def test_a_port_that_nobody_has_is_closed():
    assert probe.probe(probe.free_port()) == probe.CLOSED


def test_the_ports_of_this_process_are_known(silent):
    assert silent in probe.listening_ports()
