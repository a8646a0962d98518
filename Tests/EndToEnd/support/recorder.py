"""A recording upstream in the place of an agent: what the program forwards, byte for byte.

A run of any small package is ready; then `Recorder` renames its own listening Unix socket over
the worker's, to which `rest.sock` in the run's folder leads, before the first request. From there on the program talks to it.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import threading
import time
from dataclasses import dataclass
from typing import Callable, Generator, Iterator, Optional

from .program import DEADLINE, Run

Fields = list[tuple[str, bytes]]
#: What is answered to a request: bytes, and whether the connection goes on.
Answer = tuple[bytes, bool]


@dataclass(frozen=True)
class Recorded:
    """One request as it was forwarded."""

    #: Head and body as they came.
    raw: bytes
    method: str
    target: str
    fields: Fields
    body: bytes
    #: Whether the body came to its end.
    whole: bool

    def values(self, name: str) -> list[bytes]:
        return [value for key, value in self.fields if key == name]

    @property
    def sender(self) -> str:
        """The address of the client that the program saw."""
        return self.values("x-forwarded-for")[-1].decode("latin-1").rsplit(", ", 1)[-1]


class NotStrict(Exception):
    """The program forwarded what a strict reader does not take."""


def answered(recorded: Recorded) -> Answer:
    return b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", True


class Recorder:
    """Reads as strictly as can be: any doubt about what was forwarded is one of `problems`.

    `answer` is called when a request is complete; `early` when its head is, and what it returns
    (None: nothing) is sent before the body is read.
    """

    def __init__(
        self,
        run: Run,
        answer: Callable[[Recorded], Answer] = answered,
        early: Callable[[Recorded], Optional[bytes]] = lambda recorded: None,
    ) -> None:
        self.answer = answer
        self.early = early
        self.records: list[Recorded] = []
        self.problems: list[str] = []
        self._changed = threading.Condition()
        self._open = 0
        # The name in the folder leads to the socket of the present worker, which is what the program connects to.
        place = next(run.runtime.rglob("rest.sock")).resolve()
        self._listener = socket.socket(socket.AF_UNIX)
        aside = place.with_name("r.sock")  # a Unix socket's path ends after 107 bytes
        self._listener.bind(str(aside))
        self._listener.listen(512)
        os.rename(aside, place)
        self._stop, stopped = socket.socketpair()
        # One thread for all connections: a thread for each costs more than what it reads.
        self._thread = threading.Thread(target=self._run, args=(stopped,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.close()
        self._thread.join(DEADLINE)
        self._listener.close()

    def settled(self) -> list[Recorded]:
        """Everything, once the program has closed its connections (the run has ended)."""
        end = time.monotonic() + DEADLINE
        with self._changed:
            while self._open:
                assert self._changed.wait(end - time.monotonic()), "the program keeps connections open"
            return list(self.records)

    def _run(self, stopped: socket.socket) -> None:
        with selectors.DefaultSelector() as selector, stopped:
            selector.register(stopped, selectors.EVENT_READ)
            selector.register(self._listener, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is stopped:
                        for other in list(selector.get_map().values()):
                            if other.data:
                                other.data.connection.close()
                        return
                    if key.fileobj is self._listener:
                        connection, _ = self._listener.accept()
                        selector.register(connection, selectors.EVENT_READ, _Conversation(self, connection))
                        with self._changed:
                            self._open += 1
                    elif not key.data.go_on():
                        selector.unregister(key.data.connection)
                        key.data.connection.close()
                        with self._changed:
                            self._open -= 1
                            self._changed.notify_all()


class _Conversation:
    """A reader without any tolerance. What reads is a generator: it yields where it needs more bytes."""

    def __init__(self, recorder: Recorder, connection: socket.socket) -> None:
        self.connection = connection
        self._recorder = recorder
        self._buffer = b""
        self._ended = False
        #: Of the request in progress.
        self._taken = b""
        self._steps = self._all()

    def go_on(self) -> bool:
        """Reads what has come; False at the end of the connection."""
        try:
            more = self.connection.recv(1 << 16)
            self._buffer += more
            self._ended = not more
            next(self._steps)
            return True
        except (StopIteration, ConnectionError):
            return False
        except (NotStrict, ValueError) as error:
            self._recorder.problems.append(f"{error}: {self._taken[:300]!r}")
            return False

    def _all(self) -> Iterator[None]:
        while True:
            self._taken = b""
            head = yield from self._head()
            if head is None:
                return
            method, target, fields = head
            before = Recorded(self._taken, method, target, fields, b"", False)
            first = self._recorder.early(before)
            if first is not None:
                self.connection.sendall(first)
            elif before.values("expect"):
                self.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            body, whole = yield from self._body(fields)
            recorded = Recorded(self._taken, method, target, fields, body, whole)
            self._recorder.records.append(recorded)
            if not whole:
                return
            if first is None:
                reply, goes_on = self._recorder.answer(recorded)
                self.connection.sendall(reply)
                if not goes_on:
                    return

    def _take(self, count: int) -> bytes:
        part, self._buffer = self._buffer[:count], self._buffer[count:]
        self._taken += part
        return part

    def _until(self, mark: bytes) -> Generator[None, None, Optional[bytes]]:
        while mark not in self._buffer:
            if self._ended:
                self._take(len(self._buffer))
                return None
            yield
        return self._take(self._buffer.index(mark) + len(mark))

    def _head(self) -> Generator[None, None, Optional[tuple[str, str, Fields]]]:
        text = yield from self._until(b"\r\n\r\n")
        if text is None:
            if self._taken:
                raise NotStrict("a head without an end")
            return None
        if text.count(b"\r") != text.count(b"\n") or text.count(b"\r\n") != text.count(b"\n"):
            raise NotStrict("line ends that are not CRLF")
        first, *lines = text[:-4].split(b"\r\n")
        method, target, version = first.decode("ascii").split(" ")
        if version != "HTTP/1.1" or not target.startswith("/"):
            raise NotStrict("the request line")
        fields = []
        for line in lines:
            name, colon, value = line.partition(b": ")
            if not colon or not name or set(name) - _TOKEN or value.strip(b" \t") != value:
                raise NotStrict(f"the field {line!r}")
            if any(byte < 0x20 and byte != 9 or byte == 0x7F for byte in value):
                raise NotStrict(f"the value {line!r}")
            fields.append((name.decode().lower(), value))
        names = [name for name, _ in fields]
        for name in ("host", "content-length", "transfer-encoding", "x-forwarded-for", "x-request-id", "x-par-slot"):
            if names.count(name) > 1:
                raise NotStrict(f"{name} is there twice")
        if "host" not in names or {"content-length", "transfer-encoding"} <= set(names):
            raise NotStrict("the framing, or no host")
        return method, target, fields

    def _body(self, fields: Fields) -> Generator[None, None, tuple[bytes, bool]]:
        """The content, and whether it was whole."""
        framing = dict(fields)
        if "transfer-encoding" in framing:
            if framing["transfer-encoding"] != b"chunked":
                raise NotStrict("the coding")
            return (yield from self._chunks())
        length = framing.get("content-length", b"0")
        if str(int(length)).encode() != length:
            raise NotStrict("the length")
        while len(self._buffer) < int(length):
            if self._ended:
                return self._take(len(self._buffer)), False
            yield
        return self._take(int(length)), True

    def _chunks(self) -> Generator[None, None, tuple[bytes, bool]]:
        content = b""
        while True:
            line = yield from self._until(b"\r\n")
            if line is None:
                return content, False
            size = int(line[:-2], 16)
            if b"%x" % size != line[:-2]:
                raise NotStrict(f"the chunk size {line!r}")
            while len(self._buffer) < size + 2:
                if self._ended:
                    return content + self._take(len(self._buffer)), False
                yield
            part = self._take(size + 2)
            if part[-2:] != b"\r\n":
                raise NotStrict("a chunk's end, or trailers")
            content += part[:-2]
            if not size:
                return content, True


_TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


@contextlib.contextmanager
def recording(run: Run, **options: object) -> Iterator[Recorder]:
    recorder = Recorder(run, **options)  # type: ignore[arg-type]
    try:
        yield recorder
    finally:
        recorder.close()
