"""Requests that two servers could read differently: refused, or written anew so that every server reads
what the program read.

Each row is sent with one more request right behind it, in one piece and in small ones. A recording
upstream stands in the agent's place. Either the row is refused, the connection closes, and nothing of it
or behind it was forwarded as a request; or exactly the requests named were, and then the one behind.
What was forwarded is then given to the servers that agents use.
"""

from __future__ import annotations

import itertools
import json
import os
import selectors
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Optional

import pytest

from http2.peer import Ended, Peer
from smuggling import http2_rows, server
from smuggling.http2_rows import Row2
from smuggling.readers import Reader
from smuggling.rows import BEHIND, Row
from smuggling.tables import ROWS
from support import packages
from support.figures import metrics
from support.program import DEADLINE
from support.recorder import Recorded, recording

#: Connections at once.
PARALLEL = 12
#: Bytes that are sent at once: all, and what is refused in pieces.
WHOLE, REFUSED = 1 << 20, 6
#: Only rows whose name has this in it.
ONLY = os.environ.get("SMUGGLING", "")


@dataclass(frozen=True)
class Played:
    """A row, how it was sent, and the address it was sent from, by which what was forwarded is known."""

    row: Row
    #: Bytes that are sent at once.
    piece: int
    sender: str

    @property
    def name(self) -> str:
        return self.row.name + ("" if self.piece == WHOLE else f" (in pieces of {self.piece})")


def plays() -> list[Played]:
    found = []
    for number, row in enumerate(row for row in ROWS if ONLY in row.name):
        address = f"{number // 250}.{number % 250 + 1}"
        found.append(Played(row, WHOLE, f"127.1.{address}"))
        # What the program answers itself may come before the rest of the body, and end the connection.
        if not row.whole and not row.own and len(row.data) < 2000:
            found.append(Played(row, 1 if row.status is None else REFUSED, f"127.2.{address}"))
    return found


@dataclass(frozen=True)
class Answer:
    status: int
    fields: dict[str, str]
    body: bytes


class Exchange:
    """Sends everything and reads until the program closes."""

    def __init__(self, port: int, played: Played) -> None:
        self.played = played
        self.received = b""
        self._left = played.row.data + BEHIND
        self.socket = socket.socket()
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.bind((played.sender, 0))
        self.socket.connect(("127.0.0.1", port))
        self.socket.setblocking(False)

    @property
    def wants(self) -> int:
        return selectors.EVENT_READ | selectors.EVENT_WRITE if self._left else selectors.EVENT_READ

    def go_on(self, events: int) -> bool:
        """One piece, and what has come; False at the end."""
        try:
            if events & selectors.EVENT_WRITE:
                self._left = self._left[self.socket.send(self._left[: self.played.piece]) :]
        except ConnectionError:
            # What is sent behind the last request may find the connection closed; what was said before is still there to read.
            self._left = b""
        try:
            if events & selectors.EVENT_READ:
                more = self.socket.recv(1 << 16)
                self.received += more
                return bool(more)
        except ConnectionError:
            return False
        return True

    def answers(self) -> list[Answer]:
        """The final responses."""
        answers, received = [], self.received
        while received:
            top, _, received = received.partition(b"\r\n\r\n")
            lines = top.decode("latin-1").split("\r\n")
            fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
            status = int(lines[0].split(" ")[1])
            if 100 <= status < 200:
                continue
            # To HEAD there is no content, but where the refusal came before the method was known.
            size = 0 if received.startswith(b"HTTP/1.1 ") else int(fields.get("content-length", 0))
            answers.append(Answer(status, fields, received[:size]))
            received = received[size:]
        return answers


def exchanges(port: int, played: list[Played]) -> list[list[Answer]]:
    """Some at a time, in one thread: pieces of one are sent between those of the others."""
    waiting = iter(played)
    found: dict[str, list[Answer]] = {}
    end = time.monotonic() + 4 * DEADLINE
    with selectors.DefaultSelector() as selector:
        for one in itertools.islice(waiting, PARALLEL):
            exchange = Exchange(port, one)
            selector.register(exchange.socket, exchange.wants, exchange)
        while selector.get_map():
            assert time.monotonic() < end, [key.data.played.name for key in selector.get_map().values()]
            for key, events in selector.select(1):
                exchange = key.data
                if exchange.go_on(events):
                    if exchange.wants != key.events:
                        selector.modify(exchange.socket, exchange.wants, exchange)
                    continue
                selector.unregister(exchange.socket)
                exchange.socket.close()
                found[exchange.played.sender] = exchange.answers()
                for one in itertools.islice(waiting, 1):
                    exchange = Exchange(port, one)
                    selector.register(exchange.socket, exchange.wants, exchange)
    return [found[one.sender] for one in played]


def stream(port: int, row: Row2, sender: str) -> str:
    """Plays a row of HTTP/2, and a request behind it where the connection goes on; what became of stream 1."""
    with Peer(port, source=sender) as peer:
        try:
            peer.send(row.data)
            first = peer.response(1)
            peer.send(http2_rows.stream(http2_rows.request(path=b"/behind", method=b"GET"), None, number=3))
            assert peer.response(3).status == "200"
        except Ended:
            return "ended"
        return first.reset or f"answered {first.status}"


def judge_stream(row: Row2, ending: str, records: list[Recorded]) -> None:
    whole = [one for one in records if one.whole and one.target != "/behind"]
    assert [(one.method, one.target, one.body) for one in whole] == list(row.seen), f"{ending}, forwarded {[one.raw for one in records]}"
    if row.seen:
        assert ending == "answered 200", ending
    else:
        assert ending in ("ended", "PROTOCOL_ERROR", "answered 400", "answered 417", "answered 501"), ending
    if row.check:
        row.check(whole)


def judge(played: Played, answers: list[Answer], records: list[Recorded]) -> None:
    """Raises what is wrong."""
    row = played.row
    whole = [one for one in records if one.whole]
    expected = list(row.seen)
    if row.status is None and row.goes_on:
        expected.append(("GET", "/behind", b""))
    statuses = [*row.own, *[200] * len(expected)] + ([row.status] if row.status else [])
    assert [answer.status for answer in answers] == statuses, f"answered {[answer.status for answer in answers]}, not {statuses}"
    assert [(one.method, one.target, one.body) for one in whole] == expected, f"forwarded {[one.raw for one in records]}"
    if row.status is not None:
        assert answers[-1].fields["connection"].lower() == "close"
        assert set(json.loads(answers[-1].body)) == {"error", "state", "request_id"}
    if row.check:
        row.check(whole)


def early(recorded: Recorded) -> Optional[bytes]:
    """An agent that answers before it has read the content."""
    return b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" if recorded.target == "/early" else None


@pytest.fixture
def readers(tmp_path: Path) -> Iterator[list[Reader]]:
    """Started first, so that they come up meanwhile."""
    started = [Reader(kind, tmp_path) for kind in server.KINDS]
    yield started
    for reader in started:
        reader.close()


def test_every_server_reads_what_the_program_read(par, readers, tmp_path):
    package = packages.archive(tmp_path / "tiny.apkg", packages.rest_files("def mount(app):\n    pass\n"))
    run = par(package, DRAIN_MIN_SEC="0.1")
    run.ready()
    played = plays()
    streams = [(row, f"127.3.0.{number + 1}") for number, row in enumerate(http2_rows.ROWS) if ONLY in row.name]
    problems = []
    with recording(run, early=early) as recorder, ThreadPoolExecutor(4) as pool:
        answers = exchanges(run.port, played)
        endings = list(pool.map(lambda one: stream(run.port, *one), streams))
        seen = metrics(run)
        assert seen["par_requests_in_flight"] == 0
        assert run.stop() == 0
        records = recorder.settled()
        problems += recorder.problems
    by_sender: dict[str, list[Recorded]] = {}
    for one in records:
        by_sender.setdefault(one.sender, []).append(one)
    to_read = []
    for one, answer in zip(played, answers):
        forwarded = by_sender.get(one.sender, [])
        try:
            judge(one, answer, forwarded)
        except AssertionError as error:
            problems.append(f"{one.name}: {error}")
        to_read += [(one.name, record, one.row.refused_by) for record in forwarded]
    for (row, sender), ending in zip(streams, endings):
        forwarded = by_sender.get(sender, [])
        try:
            judge_stream(row, ending, forwarded)
        except AssertionError as error:
            problems.append(f"HTTP/2, {row.name}: {error}")
        to_read += [(f"HTTP/2, {row.name}", record, ()) for record in forwarded]
    with ThreadPoolExecutor(len(readers)) as pool:
        for found in pool.map(
            lambda reader: reader.read_all((name, one, reader.kind in refused) for name, one, refused in to_read), readers
        ):
            problems += found
    assert not problems, f"{len(problems)} of {len(played)}\n" + "\n".join(problems[:40])
