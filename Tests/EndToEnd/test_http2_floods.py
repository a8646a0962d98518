"""Floods and slow attacks on HTTP/2, while a client that does nothing wrong is served.

Each attack must end by what the program does, or cost it a bounded amount, and be counted in /metrics;
each call of the good client (grpcio, a process of its own) must succeed. Figures are printed, not
judged: `make flood` shows them, with FLOOD_SECONDS for each attack.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from pathlib import Path
from typing import Iterator

import pytest

from http2 import agent, attacks, fields, frames
from http2.agent import large
from http2.attacks import of
from http2.frames import DATA, PADDED, SETTINGS, UNKNOWN, raw, setting
from support.figures import metrics, resident
from support.floods import SECONDS, GoodClient, Watch
from http2.peer import Ended, Peer
from http2.rows import Target
from support.program import Run

#: Seconds after which a stream that takes nothing is given up, in these tests.
BODY_IDLE = 2
CALM = "ENHANCE_YOUR_CALM"


class Scene(Watch):
    """The program, its targets and the good client."""

    def __init__(self, run: Run) -> None:
        self.targets = {
            "check": agent.check("check", run.a2a_port),
            "invoke": agent.forwarded("invoke", run.a2a_port),
            "rest": agent.rest("rest", run.port),
        }
        script = Path(agent.__file__).with_name("good_client.py")
        super().__init__(run, GoodClient(script, f"127.0.0.1:{run.a2a_port}"), "par_http2_ended_total")


@pytest.fixture(scope="module")
def scene(module_par, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    package = agent.package(tmp_path_factory.mktemp("http2") / "agent.apkg")
    run = module_par(package, BODY_IDLE_TIMEOUT_SEC=BODY_IDLE, DRAIN_MIN_SEC="0.1")
    run.ready()
    scene = Scene(run)
    try:
        with scene.watched("nothing but the good client"):
            threading.Event().wait(SECONDS)
        yield scene
        assert metrics(run)["par_requests_in_flight"] <= 1  # the good client's
        assert not run.events("worker_exited")
    finally:
        scene.client.close()
        print("\n" + "\n".join(scene.rows))


def opened(target: Target) -> bytes:
    return target.open(1)


def holding(target: Target) -> bytes:
    return target.hold(1)


#: More streams at once than libnghttp2 was told to take; who writes fast enough gets there.
MANY = "PROTOCOL_ERROR"

FLOODS = [
    ("rapid reset", attacks.rapid_reset, ("check", "invoke", "rest"), (CALM,), "resets"),
    ("rapid reset without an error", attacks.rapid_reset_without_error, ("check",), (CALM,), "resets"),
    ("whole requests, reset", attacks.whole_requests_reset, ("invoke", "rest"), (CALM,), "resets"),
    ("resets of malformed requests", attacks.resets_made_by_the_server, ("check", "rest"), (CALM, "closed", MANY), None),
    ("resets made by windows", attacks.resets_made_by_windows, ("check",), (CALM, "FLOW_CONTROL_ERROR", MANY), None),
    ("resets of a stream that is closed", attacks.resets_of_a_closed_stream, ("check",), (CALM,), None),
    ("empty CONTINUATION frames", attacks.continuations, ("check", "rest"), (CALM, "PROTOCOL_ERROR", "INTERNAL_ERROR", "closed"), None),
    ("CONTINUATION frames of a field", attacks.continuations_of_a_byte, ("check",), (CALM, "PROTOCOL_ERROR", "INTERNAL_ERROR", "closed"), None),
    ("large CONTINUATION frames", attacks.large_continuations, ("check",), (CALM, "PROTOCOL_ERROR", "INTERNAL_ERROR", "closed"), None),
    ("a header bomb", attacks.header_bomb, ("check", "rest"), (CALM,), "header_bomb"),
    ("a bomb of small fields", attacks.cookie_bomb, ("check", "rest"), (CALM,), "header_bomb"),
    ("updates of the table's size", attacks.table_size_updates, ("check",), (CALM,), "resets"),
    ("PING", of(frames.ping()), ("check", "rest"), (CALM, "closed"), None),
    ("PING, its answers unread", of(frames.ping(), reading=False), ("check",), (CALM, "closed"), None),
    ("answers to no PING", of(frames.ping(ack=True)), ("check",), (CALM,), "flood"),
    ("SETTINGS", of(frames.settings()), ("check", "rest"), (CALM, "closed"), None),
    ("SETTINGS, their answers unread", of(frames.settings(), reading=False), ("check",), (CALM, "closed"), None),
    ("SETTINGS of many values", of(raw(SETTINGS, 0, 0, setting(0xBEEF, 1) * 2000), 10), ("check",), (CALM, "PROTOCOL_ERROR"), None),
    ("SETTINGS of changing windows", of(frames.settings({4: 1}) + frames.settings({4: 65535}), before=holding), ("check",), (CALM, "closed"), None),
    ("PRIORITY", of(frames.priority(1)), ("check",), (CALM,), "flood"),
    ("PRIORITY of new streams", attacks.priorities_of_new_streams, ("check",), (CALM,), "flood"),
    ("empty DATA", of(frames.data(1), before=opened), ("check", "invoke", "rest"), (CALM,), "flood"),
    ("DATA of nothing but padding", of(raw(DATA, PADDED, 1, b"\x01\0"), before=opened), ("check",), (CALM,), "flood"),
    ("WINDOW_UPDATE of the connection", of(frames.window_update(0, 1)), ("check",), (CALM,), "flood"),
    ("WINDOW_UPDATE of a stream", of(frames.window_update(1, 1), before=holding), ("check", "invoke", "rest"), (CALM,), "flood"),
    ("windows of a byte", attacks.windows_of_a_byte, ("check",), (CALM,), "flood"),
    ("GOAWAY", of(frames.goaway(0), before=holding), ("check",), (CALM, "closed", "NO_ERROR"), None),
    ("frames of an unknown type", of(raw(UNKNOWN, 0, 0, b"")), ("check",), (CALM,), "flood"),
]  # fmt: skip


@pytest.mark.parametrize(
    "name, play, target, ends, reason",
    [(name, play, target, ends, reason) for name, play, targets, ends, reason in FLOODS for target in targets],
    ids=[f"{name} ({target})" for name, _, targets, _, _ in FLOODS for target in targets],
)
def test_floods_are_ended(scene, name, play, target, ends, reason):
    before, everything = scene.count(reason or ""), sum(scene.ends().values())
    until = time.monotonic() + SECONDS
    with scene.watched(f"{name} ({target})") as remarks:
        played = []
        while not played or time.monotonic() < until:
            played.append(play(scene.targets[target]))
        remarks.append(f"{len(played)} connections, {', '.join(sorted(set(played)))}")
    assert set(played) <= set(ends)
    if reason:
        assert scene.count(reason) - before == len(played)
    else:
        assert sum(scene.ends().values()) > everything


def test_headers_on_a_stream_that_is_closed(scene):
    with scene.watched("HEADERS on a stream that is closed") as remarks:
        remarks.append(attacks.headers_of_a_closed_stream(scene.targets["check"]))
    assert remarks[0] in (CALM, "STREAM_CLOSED")


def odd(count: int) -> range:
    return range(1, 1 + 2 * count, 2)


@pytest.mark.parametrize("name", ["check", "invoke", "rest"])
def test_as_many_streams_as_are_allowed(scene, name):
    """All at once, and each is answered."""
    target = scene.targets[name]
    with scene.watched(f"256 streams at once ({name})"), Peer(target.port) as peer:
        peer.ping()
        streams = odd(peer.settings[frames.MAX_CONCURRENT_STREAMS])
        for one in streams:
            peer.send(target.open(one))
        for one in streams:
            peer.send(target.finish(one))
        assert all(target.good(peer.response(one)) for one in streams)
        assert peer.violations == []


@pytest.mark.parametrize("name", ["check", "invoke", "rest"])
def test_more_streams_than_are_allowed(scene, name):
    """RFC 9113 section 5.1.2: a stream error; nghttp2 ends the connection with PROTOCOL_ERROR, which 5.4.1
    allows, when the client has acknowledged the limit. One that has not is refused the stream."""
    target = scene.targets[name]
    with scene.watched(f"too many streams ({name})") as remarks:
        for polite in (True, False):
            with Peer(target.port, polite=polite) as peer:
                peer.ping()
                most = peer.settings[frames.MAX_CONCURRENT_STREAMS]
                for one in odd(2 * most):
                    peer.send(target.open(one))
                beyond = list(odd(2 * most))[most:]
                try:
                    assert {peer.response(one).reset for one in beyond} == {"REFUSED_STREAM"}
                except Ended:
                    assert peer.goaway and peer.goaway.code == "PROTOCOL_ERROR"
                    remarks.append("connection ended")
                    continue
                remarks.append("streams refused")
                for one in odd(most):
                    peer.send(target.finish(one))
                assert all(target.good(peer.response(one)) for one in odd(most))


@pytest.mark.parametrize("name", ["invoke", "rest"])
def test_windows_that_never_open(scene, name):
    """Large answers on every stream, and a window of 0: after BODY_IDLE_TIMEOUT_SEC they are given up."""
    target = scene.targets[name]
    before = scene.count("stalled")
    with scene.watched(f"windows of 0, large answers ({name})") as remarks:
        with Peer(target.port, settings={frames.INITIAL_WINDOW_SIZE: 0}) as peer:
            streams = odd(100)
            for one in streams:
                peer.send(large(target, one))
            for one in streams:
                peer.response(one)
            assert peer.violations == []
            remarks.append(str({peer.responses[one].reset for one in streams}))
    if name == "invoke":
        assert scene.count("stalled") - before == 100


@pytest.mark.parametrize("name", ["invoke", "rest"])
def test_windows_of_a_byte_now_and_then(scene, name):
    """Every stream gets what its window lets through, and not more."""
    target = scene.targets[name]
    with scene.watched(f"windows that drip ({name})"):
        with Peer(target.port, settings={frames.INITIAL_WINDOW_SIZE: 0}, polite=False) as peer:
            streams = odd(32)
            for one in streams:
                peer.send(large(target, one))
            for one in streams:
                peer.until(lambda: one in peer.responses and peer.responses[one].fields)
            for round in range(1, 6):
                for one in streams:
                    peer.allow(one, 1)
                for one in streams:
                    peer.until(lambda: len(peer.responses[one].content) == round)
            assert peer.violations == []


@pytest.mark.parametrize("name", ["invoke", "rest"])
def test_answers_that_nobody_reads(scene, name):
    """The windows are wide open, and the socket is not read."""
    target = scene.targets[name]
    before = scene.count("unread")
    wide = {frames.INITIAL_WINDOW_SIZE: frames.LARGEST_WINDOW}
    with scene.watched(f"large answers, unread ({name})"):
        with Peer(target.port, settings=wide, receive_buffer=4096) as peer:
            peer.send(frames.window_update(0, frames.LARGEST_WINDOW - frames.FIRST_WINDOW))
            for one in odd(64):
                peer.send(large(target, one))
            scene.until(lambda now: scene.count("unread") > before and now["par_requests_in_flight"] <= 1)


def test_thousands_of_idle_connections(scene):
    """Preface, SETTINGS, one answer, and then nothing."""
    target, count = scene.targets["check"], 2000
    before = resident(scene.run.pid)
    with contextlib.ExitStack() as stack, scene.watched(f"{count} idle connections") as remarks:
        peers = [stack.enter_context(Peer(target.port)) for _ in range(count)]
        for peer in peers:
            peer.send(target.whole(1))
        for peer in peers:
            assert target.good(peer.response(1))
        remarks.append(f"{(resident(scene.run.pid) - before) / count / 1024:.1f} KiB for each")


def test_settings_that_are_never_acknowledged(scene):
    """The RFC allows to end the connection for it, and the program does not: nothing is gained by it."""
    for target in scene.targets.values():
        with Peer(target.port, polite=False) as peer:
            for one in odd(20):
                peer.send(target.whole(one))
                assert target.good(peer.response(one))
            assert peer.violations == []


@pytest.mark.parametrize("name", ["check", "invoke", "rest"])
def test_half_open_connections(scene, name):
    """A client that has finished sending, with calls that never end: it is gone, and so are they."""
    target = scene.targets[name]
    with scene.watched(f"half-open connections ({name})"):
        with contextlib.ExitStack() as stack:
            for _ in range(50):
                peer = stack.enter_context(Peer(target.port))
                peer.send(target.hold(1))
                peer.ping()
                peer.socket.shutdown(socket.SHUT_WR)
                assert peer.closed() is None or peer.goaway.code == "NO_ERROR"
        scene.until(lambda now: now["par_requests_in_flight"] <= 1)


def test_slow_attacks(scene):
    """All at once, because each takes its whole time: ended when the time is over, and counted."""
    a2a, rest = scene.targets["check"], scene.targets["rest"]
    before = {reason: scene.count(reason) for reason in ("preface_timeout", "header_timeout")}
    with contextlib.ExitStack() as stack, scene.watched("slow attacks") as remarks:
        silent = [stack.enter_context(Peer(a2a.port, preface=False)) for _ in range(50)]
        halves = [stack.enter_context(Peer(one.port, preface=False)) for one in (a2a, rest)]
        for peer in halves:
            peer.send(frames.PREFACE[:20])
        without_settings = [stack.enter_context(Peer(one.port, preface=False)) for one in (a2a, rest)]
        for peer in without_settings:
            peer.send(frames.PREFACE)
        blocks = [stack.enter_context(Peer(one.port)) for one in (a2a, rest)]
        for peer, target in zip(blocks, (a2a, rest)):
            peer.send(raw(frames.HEADERS, 0, 1, fields.block(target.fields())))
        cut_off = [stack.enter_context(Peer(one.port)) for one in (a2a, rest)]
        for peer, target in zip(cut_off, (a2a, rest)):
            peer.send(target.whole(1)[:15])
        dribble = stack.enter_context(Peer(rest.port))
        dribble.send(rest.open(1))

        def drip() -> bool:
            """A byte of content, and a byte of a field block that has no end; whether the latter goes on."""
            dribble.send(frames.data(1, b"."))
            dribble.ping()
            return all([peer.send(raw(frames.CONTINUATION, 0, 1, b"")) for peer in blocks])

        started = time.monotonic()
        drips = 0
        while time.monotonic() - started < 12 and drips < 10:
            threading.Event().wait(1)  # an attacker's pace
            drips += 1
            if not drip():
                break
        for peer in [*silent, *halves, *without_settings, *blocks, *cut_off]:
            peer.closed()
        remarks.append(f"over after {time.monotonic() - started:.1f} s, {drips} drips")
        dribble.send(frames.data(1, end=True))
        assert dribble.response(1).content == b"." * drips
    assert scene.count("preface_timeout") - before["preface_timeout"] >= 53
    assert scene.count("header_timeout") - before["header_timeout"] == 4
