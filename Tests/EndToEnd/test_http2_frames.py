"""What the program does about each frame, field block and request that RFC 9113 and RFC 7541 speak of.

Every row is played on a connection of its own, on both ports, against a call that the program answers
itself and against what the agent answers. The connection is watched for rules that the program breaks,
and is asked for one more answer wherever it has to go on.
"""

from __future__ import annotations

import contextlib
import json
import socket
from typing import Iterator

import pytest

from http2 import agent, compression_rows, fields, frame_rows, frames, framing_rows, message_rows
from http2.agent import large
from support.clients import until
from support.figures import metrics
from http2.peer import Ended, Peer, Response
from http2.rows import Target, described, outcome
from support.program import DEADLINE, Run

ROWS = [*framing_rows.ROWS, *frame_rows.ROWS, *message_rows.ROWS, *compression_rows.ROWS]
TARGETS = ["check", "invoke", "rest", "grpc on rest"]


@pytest.fixture(scope="module")
def run(module_par, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """One run for all rows: what one leaves behind would show in the next."""
    run = module_par(agent.package(tmp_path_factory.mktemp("http2") / "agent.apkg"), DRAIN_MIN_SEC="0.1")
    run.ready()
    yield run
    assert not run.events("worker_exited")


@pytest.fixture(scope="module")
def targets(run: Run) -> dict[str, Target]:
    made = [
        agent.check("check", run.a2a_port), agent.forwarded("invoke", run.a2a_port),
        agent.rest("rest", run.port), agent.forwarded("grpc on rest", run.port),
    ]  # fmt: skip
    return {one.name: one for one in made}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.section} {row.name}")
def test_frames(targets, target, row):
    if target in row.without:
        pytest.skip("says nothing about this target")
    found, peer = outcome(targets[target], row)
    assert found in row.expected
    assert peer.violations == []


@pytest.mark.parametrize("target", ["check", "rest"])
def test_frames_bytewise(targets, target):
    """Where frames end in the stream of bytes makes no difference."""
    wrong = []
    for row in ROWS:
        size = sum(len(part) for part in row.parts(targets[target]) if isinstance(part, bytes))
        if target not in row.without and size < 1000 and not row.whole:
            found, peer = outcome(targets[target], row, bytewise=True)
            if found not in row.expected or peer.violations:
                wrong.append((row.name, found, peer.violations))
    assert wrong == []


# --- what the program does by itself ---


def test_settings_of_the_program(targets):
    """SETTINGS comes first, acknowledges the client's, and tells the limits that hold."""
    for target in targets.values():
        with Peer(target.port) as peer:
            peer.ping()
            kinds = [frame.kind for frame in peer.received if frame.kind != frames.WINDOW_UPDATE]
            assert kinds[0] == frames.SETTINGS and not peer.received[0].flags
            acks = [frame for frame in peer.received if frame.kind == frames.SETTINGS and frame.flags & frames.ACK]
            assert [one.payload for one in acks] == [b""]
            assert peer.settings[frames.MAX_CONCURRENT_STREAMS] >= 100
            assert peer.settings[frames.MAX_HEADER_LIST_SIZE] == 64 * 1024
            assert peer.settings.get(frames.ENABLE_PUSH, 0) == 0


def test_each_settings_is_acknowledged_once(targets):
    with Peer(targets["check"].port) as peer:
        peer.send(frames.settings({frames.ENABLE_PUSH: 0}) * 7)
        peer.ping()
        acks = [frame for frame in peer.received if frame.kind == frames.SETTINGS and frame.flags & frames.ACK]
        assert len(acks) == 8


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"POST /x HTTP/1.0\r\n\r\n", b"GET /" + b"x" * 9000])
def test_http1_on_the_a2a_port(run, first):
    """RFC 9110 section 15.6.6: said in its own words, with where to go, and closed."""
    with socket.create_connection(("127.0.0.1", run.a2a_port), timeout=DEADLINE) as connection:
        connection.sendall(first)
        answer = b""
        while more := connection.recv(65536):
            answer += more
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 505 ")
    assert b"connection: close" in head.lower()
    assert set(json.loads(body)) >= {"error", "state"}


@pytest.mark.parametrize("port, first", [
    ("a2a_port", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"), ("a2a_port", b"PRI * HTTP/2.0\n\nSM\n\n" + b" " * 9),
    ("a2a_port", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"\0" * 300), ("a2a_port", b"\0" * 100),
    ("port", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"), ("port", b"PRI * HTTP/2.0\n\nSM\n\n" + b" " * 9),
], ids=str)  # fmt: skip
def test_what_is_no_preface(run, port, first):
    """Section 3.4: the connection ends; what is told, if anything, is GOAWAY or an error of HTTP/1.1."""
    with socket.create_connection(("127.0.0.1", getattr(run, port)), timeout=DEADLINE) as connection:
        connection.sendall(first)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while more := connection.recv(65536):
                answer += more
    assert b" 200 " not in answer
    if answer.startswith(b"HTTP/"):
        assert answer.split(b" ")[1] in (b"400", b"505")


@pytest.mark.parametrize("target", TARGETS)
def test_windows_are_kept(targets, target):
    """A megabyte through windows that open, shrink below zero and open again (6.9.2)."""
    asked = targets[target]
    if target == "check":
        pytest.skip("its answers are of a few bytes")
    with Peer(asked.port, settings={frames.INITIAL_WINDOW_SIZE: 1000}) as peer:
        peer.polite = False
        peer.send(large(asked, 1))
        peer.until(lambda: 1 in peer.responses and len(peer.responses[1].content) == 1000)
        # 1000 bytes are out: the window is now 500 below zero.
        smaller = {frames.INITIAL_WINDOW_SIZE: 500}
        peer.send(frames.settings(smaller))
        peer.announce(smaller)
        peer.allow(1, 500)
        peer.ping()
        assert len(peer.responses[1].content) == 1000
        peer.allow(1, 1)
        peer.until(lambda: len(peer.responses[1].content) == 1001)
        # The connection's window is the next to be used up.
        peer.allow(1, agent.LARGE)
        peer.until(lambda: len(peer.responses[1].content) == frames.FIRST_WINDOW)
        peer.ping()
        assert len(peer.responses[1].content) == frames.FIRST_WINDOW
        peer.allow(0, agent.LARGE)
        response = peer.response(1)
        assert response.ended and len(response.content) >= agent.LARGE
        assert peer.violations == []


def test_frames_stay_small(targets):
    """A client that takes frames of 16 MiB need not get them (4.2), and the peer looks at each."""
    wide = {frames.MAX_FRAME_SIZE: (1 << 24) - 1, frames.INITIAL_WINDOW_SIZE: 1 << 24}
    with Peer(targets["rest"].port, settings=wide) as peer:
        peer.allow(0, 1 << 24)
        peer.send(large(targets["rest"], 1))
        assert len(peer.response(1).content) == agent.LARGE
        assert peer.violations == []


def test_a_sender_that_ignores_windows(targets):
    """6.9.1: the agent does not read, and the client goes on: an error of flow control."""
    target = targets["rest"]
    with Peer(target.port) as peer:
        peer.send(target.open(1, path=b"/deaf"))
        peer.responses[1] = Response()
        sent = 0
        while peer.send(frames.data(1, b"x" * 16000)) and sent < 64 << 20 and not peer.responses[1].reset:
            sent += 16000
            with contextlib.suppress(AssertionError):
                try:
                    peer.until(lambda: False, deadline=0)
                except Ended:
                    break
        with contextlib.suppress(Ended):
            peer.until(lambda: peer.goaway or peer.responses[1].reset)
        ends = {peer.goaway.code if peer.goaway else None, peer.responses[1].reset}
    assert "FLOW_CONTROL_ERROR" in ends, (sent, ends)


def test_the_encoder_keeps_to_the_clients_table(targets):
    """SETTINGS_HEADER_TABLE_SIZE 0: nothing that a decoder without a table could not read."""
    for target in targets.values():
        with Peer(target.port, settings={frames.HEADER_TABLE_SIZE: 0}) as peer:
            peer.forbid_table()
            for one in (1, 3, 5):
                peer.send(target.whole(one))
                assert target.good(peer.response(one))
            assert peer.violations == []


@pytest.mark.parametrize("target", TARGETS)
def test_lists_of_fields_that_are_too_large(targets, target):
    """64 KiB and 100 fields: 431, or RESOURCE_EXHAUSTED; the connection goes on."""
    asked = targets[target]
    refusal = "answered 200 grpc 8" if asked.grpc else "answered 431"
    for more in (
        [(b"x-%d" % n, b"v") for n in range(110)],
        [(b"x-%d" % n, b"v" * 8000) for n in range(9)],
    ):
        with Peer(asked.port) as peer:
            block = fields.block(asked.fields(*more))
            peer.send(frames.fragments(1, block, frames.FRAME_SIZE, end=True))
            assert described(asked, peer.response(1)) == refusal
            peer.send(asked.whole(3))
            assert asked.good(peer.response(3))
            assert peer.violations == []


def test_crumbs_of_a_cookie(targets):
    """8.2.3: one field when they leave HTTP/2."""
    asked = targets["rest"]
    crumbs = [(b"cookie", b"a=b"), (b"x-a", b"1"), (b"cookie", b"c=d"), (b"cookie", b"e=f")]
    with Peer(asked.port) as peer:
        peer.send(asked.whole(1, *crumbs, path=b"/fields"))
        seen = json.loads(peer.response(1).content)
    assert [value for name, value in seen if name.lower() == "cookie"] == ["a=b; c=d; e=f"]


def test_what_goaway_says(targets):
    """6.8: the last stream that was begun, so that a client knows what it may send again."""
    asked = targets["check"]
    with Peer(asked.port) as peer:
        for one in (1, 3, 5):
            peer.send(asked.hold(one))
        peer.send(frames.window_update(0, 0))
        goaway = peer.closed()
    assert goaway and goaway.code == "PROTOCOL_ERROR"
    assert int.from_bytes(goaway.payload[:4], "big") == 5


def test_nothing_is_left_of_it_all(run, targets):
    """After every row: no call in flight, and both ports serve."""
    for target in targets.values():
        with Peer(target.port) as peer:
            peer.send(target.whole(1))
            assert target.good(peer.response(1))
    # The client has the last byte a moment before the program counts the request as ended.
    until(lambda: metrics(run)["par_requests_in_flight"] == 0, "nothing is in flight")
