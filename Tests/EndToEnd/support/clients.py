"""Clients that show what a library would hide."""

from __future__ import annotations

import socket
import threading
import time
from typing import Callable, Optional, TypeVar

from .program import DEADLINE

Value = TypeVar("Value")


def until(probe: Callable[[], Value], what: str, deadline: float = DEADLINE) -> Value:
    """Asks again until the answer is true; for what no event tells."""
    end = time.monotonic() + deadline
    while not (value := probe()):
        assert time.monotonic() < end, f"not within {deadline} s: {what}"
        time.sleep(0.005)
    return value


class Connection:
    """One TCP connection to the program, byte by byte."""

    def __init__(self, port: int, receive_buffer: Optional[int] = None) -> None:
        self._socket = socket.socket()
        if receive_buffer:  # before connecting: the window is agreed then
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(DEADLINE)
        self._socket.connect(("127.0.0.1", port))
        self._buffer = b""

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def close(self) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def request(self, path: str, method: str = "GET", headers: str = "", body: bytes = b"") -> None:
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: test\r\n{headers}{length}\r\n"
        self.send(head.encode() + body)

    def _fill(self) -> None:
        more = self._socket.recv(65536)
        if not more:
            raise EOFError(f"closed after {self._buffer[:200]!r}")
        self._buffer += more

    def until(self, mark: bytes) -> bytes:
        """The bytes up to and with the mark."""
        while mark not in self._buffer:
            self._fill()
        end = self._buffer.index(mark) + len(mark)
        taken, self._buffer = self._buffer[:end], self._buffer[end:]
        return taken

    def exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._fill()
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def head(self) -> tuple[int, dict[str, str]]:
        """A response's status and fields (names in lower case)."""
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines[1:] if line)
        return int(lines[0].split(" ")[1]), {name.lower(): fields[name] for name in fields}

    def response(self) -> tuple[int, dict[str, str], bytes]:
        status, fields = self.head()
        return status, fields, self.content(fields)

    def content(self, fields: dict[str, str]) -> bytes:
        """What follows a response's head."""
        if "content-length" in fields:
            return self.exactly(int(fields["content-length"]))
        body = b""
        if fields.get("transfer-encoding", "").lower() == "chunked":
            while size := int(self.until(b"\r\n").split(b";")[0], 16):
                body += self.exactly(size)
                self.exactly(2)
            while self.until(b"\r\n") != b"\r\n":
                pass  # trailers
        return body

    def closed(self) -> bool:
        """Waits for the other side to close; False when more data comes instead."""
        if self._buffer:
            return False
        try:
            return self._socket.recv(1) == b""
        except ConnectionError:
            return True


class Call:
    """A request on its way in a thread of its own."""

    def __init__(self, port: int, path: str, **arguments: str) -> None:
        self.result: Optional[tuple[int, dict[str, str], bytes]] = None
        self.error: Optional[BaseException] = None
        self._thread = threading.Thread(target=self._run, args=(port, path, arguments), daemon=True)
        self._thread.start()

    def _run(self, port: int, path: str, arguments: dict[str, str]) -> None:
        try:
            with Connection(port) as connection:
                connection.request(path, **arguments)  # type: ignore[arg-type]
                self.result = connection.response()
        except (OSError, EOFError) as error:
            self.error = error

    def wait(self) -> tuple[int, dict[str, str], bytes]:
        """The response; raises what the connection did instead of answering."""
        self._thread.join(DEADLINE)
        assert not self._thread.is_alive(), "no answer"
        if self.error:
            raise self.error
        assert self.result is not None
        return self.result
