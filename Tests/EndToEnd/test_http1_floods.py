"""Floods and slow attacks on HTTP/1.1, while a client that does nothing wrong is served.

Each attack must end by what the program does, or cost it a bounded amount, and be counted in /metrics;
each request of the good client (a process of its own) must succeed. Figures are printed, not judged:
`make flood` shows them, with FLOOD_SECONDS for each attack.
"""

from __future__ import annotations

import contextlib
import resource
import socket
import struct
import threading
import time
from pathlib import Path
from typing import Callable, Iterator

import pytest

from http2 import agent
from support import clients, http1_good_client
from support.clients import Connection
from support.figures import metrics, resident
from support.floods import SECONDS, GoodClient, Watch
from support.program import DEADLINE

#: Seconds after which a body or a reader that stands still is given up, in these tests.
BODY_IDLE = 2
#: Of `HTTPLimits`: seconds.
HEAD_TIME, HALF_CLOSED, LINGER = 10, 5, 2
#: Whether this is `make flood`.
AT_LENGTH = SECONDS >= 1

GET = b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: a\r\n"


@pytest.fixture(scope="module")
def scene(module_par, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    package = agent.package(tmp_path_factory.mktemp("http1") / "agent.apkg")
    run = module_par(package, BODY_IDLE_TIMEOUT_SEC=BODY_IDLE, DRAIN_MIN_SEC="0.1")
    run.ready()
    client = GoodClient(Path(http1_good_client.__file__), f"127.0.0.1:{run.port}")
    scene = Watch(run, client, "par_http1_ended_total")
    try:
        with scene.watched("nothing but the good client"):
            threading.Event().wait(SECONDS)
        yield scene
        assert metrics(run)["par_requests_in_flight"] <= 1  # the good client's
        assert not run.events("worker_exited")
    finally:
        client.close()
        print("\n" + "\n".join(scene.rows))


def ending(connection: Connection) -> str:
    """The status of the last answer before the program closed, or `closed`."""
    status = "closed"
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            status = str(connection.response()[0])
    return status


def flood(connection: Connection, first: bytes, more: bytes) -> str:
    """Sends without end, until the program ends it."""
    with contextlib.suppress(ConnectionError):
        connection.send(first)
        for _ in range(1000):
            connection.send(more)
    return ending(connection)


def endless(first: bytes, more: bytes) -> Callable[[Watch], str]:
    def play(scene: Watch) -> str:
        with Connection(scene.run.port) as connection:
            return flood(connection, first, more)

    return play


def pipelined(count: int, path: bytes) -> Callable[[Watch], str]:
    """Many small requests at once, and their answers read meanwhile."""

    def play(scene: Watch) -> str:
        with Connection(scene.run.port) as connection:
            sender = threading.Thread(target=connection.send, args=((GET % path) * count,), daemon=True)
            sender.start()
            for _ in range(count):
                assert connection.response()[0] == 200
            sender.join()
            return "answered"

    return play


def gone(data: bytes, count: int = 100, reset: bool = True) -> Callable[[Watch], str]:
    """Connections that end as soon as they have sent something."""

    def play(scene: Watch) -> str:
        for _ in range(count):
            one = socket.create_connection(("127.0.0.1", scene.run.port), timeout=DEADLINE)
            if reset:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.sendall(data)
            one.close()
        return "gone"

    return play


CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

FLOODS: list[tuple[str, Callable[[Watch], str], tuple[str, ...], str]] = [
    ("fields without end", endless(POST, b"X: y\r\n" * 100), ("431", "closed"), "too_many_fields"),
    ("a field without end", endless(POST + b"X: ", b"y" * 20000), ("431", "closed"), "head_too_large"),
    ("a request line without end", endless(b"GET /", b"y" * 20000), ("431", "414", "closed"), "head_too_large"),
    ("trailers without end", endless(CHUNKED + b"0\r\n", b"X: y\r\n" * 100), ("431", "closed"), "too_many_fields"),
    ("a trailer without end", endless(CHUNKED + b"0\r\nX: ", b"y" * 20000), ("431", "closed"), "trailers_too_large"),
    ("a chunk extension without end", endless(CHUNKED + b"5;", b"y" * 20000), ("400", "closed"), "malformed"),
    ("a chunk size without end", endless(CHUNKED, b"0" * 20000), ("400", "closed"), "malformed"),
    ("empty lines", endless(b"", b"\r\n" * 10000), ("400", "closed"), "malformed"),
    ("what is no HTTP", endless(b"\0\1\2\3", b"\n" * 20000), ("400", "closed"), "malformed"),
    ("sending after a refusal", endless(b"GET / HTTP/9.9\r\n\r\n", b"y" * 20000), ("505", "closed"), "unsupported"),
    (f"{100_000 if AT_LENGTH else 2000} pipelined requests of the program", pipelined(100_000 if AT_LENGTH else 2000, b"/livez"), ("answered",), ""),
    (f"{5000 if AT_LENGTH else 200} pipelined requests of the agent", pipelined(5000 if AT_LENGTH else 200, b"/x"), ("answered",), ""),
    ("connections that say nothing", gone(b"", reset=False), ("gone",), ""),
    ("connections that are reset", gone(b""), ("gone",), ""),
    ("half a head, reset", gone(POST), ("gone",), ""),
    ("requests of the agent, reset", gone(GET % b"/x"), ("gone",), ""),
    ("requests for much, reset", gone(GET % b"/large", 10), ("gone",), ""),
    ("half a body, reset", gone(POST + b"Content-Length: 50\r\n\r\nhello"), ("gone",), ""),
]  # fmt: skip


@pytest.mark.parametrize("name, play, ends, reason", FLOODS, ids=[one[0] for one in FLOODS])
def test_floods_are_ended(scene, name, play, ends, reason):
    before = scene.count(reason)
    until = time.monotonic() + SECONDS
    with scene.watched(name) as remarks:
        played = []
        while not played or time.monotonic() < until:
            played.append(play(scene))
        remarks.append(f"{len(played)} times, {', '.join(sorted(set(played)))}")
    assert set(played) <= set(ends)
    if reason:
        assert scene.count(reason) - before == len(played)
    scene.until(lambda now: now["par_requests_in_flight"] <= 1 and now["par_connections"] <= 5)


def test_answers_that_nobody_reads(scene):
    """The program stops reading when its answers are not taken: what is kept is a buffer, not all of them."""
    before = scene.count("slow_reader")
    with scene.watched("requests whose answers are not read") as remarks, contextlib.ExitStack() as stack:
        peers = [stack.enter_context(Connection(scene.run.port, receive_buffer=4096)) for _ in range(20)]
        for one, path in zip(peers, [b"/large", b"/metrics"] * 10):
            one._socket.setblocking(False)
            with contextlib.suppress(BlockingIOError, ConnectionError):
                for _ in range(200):
                    one.send((GET % path) * 50)
        clients.until(lambda: scene.count("slow_reader") - before == 20, "20 slow readers are ended", 4 * BODY_IDLE + 10)
        remarks.append("ended")


def test_slow_attacks(scene):
    """All at once, because each takes its whole time: ended when the time is over, and counted."""
    before = scene.ends()
    with scene.watched("slow attacks") as remarks, contextlib.ExitStack() as stack:
        def opened(count: int, data: bytes) -> list[Connection]:
            peers = [stack.enter_context(Connection(scene.run.port)) for _ in range(count)]
            for one in peers:
                one.send(data)
            return peers

        halves = opened(50, POST + b"X: ")
        bytewise, lines = opened(10, b"G"), opened(10, POST)
        bodies = opened(20, POST + b"Content-Length: 10\r\n\r\nhello")
        chunks = opened(20, CHUNKED + b"5\r\nhel")
        sizes = opened(10, CHUNKED + b"0000")
        drips = opened(5, CHUNKED)
        over = opened(5, b"GET / HTTP/9.9\r\n\r\n")
        finished = opened(10, GET % b"/hold")
        for one in finished:
            one._socket.shutdown(socket.SHUT_WR)
        started = time.monotonic()
        count = 0
        while time.monotonic() - started < HEAD_TIME - 0.5:
            threading.Event().wait(0.5)  # an attacker's pace
            count += 1
            for one in bytewise:
                one.send(b"E")
            for one in lines:
                one.send(b"X: y\r\n")
            for one in drips:
                one.send(b"1\r\n.\r\n")
        assert {ending(one) for one in [*halves, *bytewise, *lines]} == {"408"}
        remarks.append(f"heads over after {time.monotonic() - started:.1f} s")
        assert {ending(one) for one in [*bodies, *chunks, *sizes]} == {"408"}
        assert {ending(one) for one in over} == {"505"}
        assert {ending(one) for one in finished} == {"closed"}
        # Who sends something now and then is not ended: it costs a connection, of which there are only so many.
        for one in drips:
            one.send(b"0\r\n\r\n")
            assert one.response()[2] == b"." * count
    after = scene.ends()
    counted = {reason: after[reason] - before[reason] for reason in after if after[reason] != before[reason]}
    # Those whose body stood still did not take their answer, and did not close, either.
    assert counted == {"header_timeout": 70, "body_timeout": 50, "unsupported": 5, "unwanted": 55, "half_closed": 10}, counted


def test_thousands_of_idle_connections(scene):
    count = 2000
    before = resident(scene.run.pid)
    with contextlib.ExitStack() as stack, scene.watched(f"{count} idle connections") as remarks:
        peers = [stack.enter_context(Connection(scene.run.port)) for _ in range(count)]
        for one in peers:
            one.send(GET % b"/livez")
        for one in peers:
            assert one.response()[0] == 200
        remarks.append(f"{(resident(scene.run.pid) - before) / count / 1024:.1f} KiB for each")


def test_as_many_connections_as_there_may_be(par, probe):
    """Beyond the limit there is 503 at once, for everyone; those who are connected are served, and when some go others
    come. The limit keeps descriptors for connections to the agent."""
    files = 400

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

    run = par(probe, before_exec=limit)
    run.ready()
    most = (files - 64) // 2
    with contextlib.ExitStack() as stack:
        good = stack.enter_context(Connection(run.port))
        peers = [stack.enter_context(Connection(run.port)) for _ in range(2 * most)]
        for one in peers:
            with contextlib.suppress(ConnectionError):  # it is refused before it says anything
                one.send(GET % b"/livez")
        statuses = [one.response()[0] for one in peers]
        assert statuses.count(200) == most - 1 and set(statuses) == {200, 503}
        for _ in range(20):
            good.request("/api/hello")
            assert good.response()[0] == 200
        for one in peers:
            one.close()
        clients.until(lambda: answers(run.port) == 200, "a new connection is served again")
    ends = {name: value for name, value in metrics(run).items() if name.startswith("par_http1_ended_total")}
    assert ends['par_http1_ended_total{reason="connections"}'] >= most + 1


def answers(port: int) -> int:
    with Connection(port) as connection:
        connection.request("/livez")
        return connection.response()[0]


def test_without_descriptors(par, probe):
    """Descriptors can be used up by others still: those who are connected are served, the rest wait in the queue
    until there are some."""
    run = par(probe)
    run.ready()
    soft, hard = resource.prlimit(run.pid, resource.RLIMIT_NOFILE)
    with Connection(run.port) as good, contextlib.ExitStack() as stack:
        good.request("/api/hello")
        assert good.response()[0] == 200
        highest = max(int(one.name) for one in Path(f"/proc/{run.pid}/fd").iterdir())
        resource.prlimit(run.pid, resource.RLIMIT_NOFILE, (highest + 1, hard))
        try:
            peers = [stack.enter_context(Connection(run.port)) for _ in range(highest + 50)]
            for one in peers:
                one.send(GET % b"/livez")

            def paused() -> float:
                good.request("/metrics")
                lines = good.response()[2].decode().splitlines()
                return next(float(line.rsplit(" ", 1)[1]) for line in lines if 'reason="no_descriptors"' in line)

            clients.until(lambda: paused() >= 2, "the listener rests")
            good.request("/api/hello")
            assert good.response()[0] == 200
        finally:
            resource.prlimit(run.pid, resource.RLIMIT_NOFILE, (soft, hard))
        assert {one.response()[0] for one in peers} == {200}


