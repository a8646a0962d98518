"""A server that answers byte by byte what a test tells it to, well-formed or not, with or without TLS."""

from __future__ import annotations

import datetime
import socket
import ssl
import struct
import threading
import time
from pathlib import Path
from typing import Any, Callable, Optional, Union

import trustme

Connection = Union[socket.socket, ssl.SSLSocket]


class Request:
    """One request's head as it came, and the n-th that this server got (from 0)."""

    def __init__(self, raw: bytes, number: int, at: float) -> None:
        lines = raw.decode("latin-1").split("\r\n")
        self.number = number
        self.at = at
        self.method, self.target, _ = lines[0].split(" ", 2)
        self.fields = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines[1:] if line)
        }


Answer = Callable[[Connection, Request], Any]


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self.file = folder / "authority.pem"
        self._authority.cert_pem.write_to_path(self.file)

    def server_context(
        self, *names: str, not_after: Optional[datetime.datetime] = None
    ) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        names = names or ("127.0.0.1", "localhost")
        self._authority.issue_cert(*names, not_after=not_after).configure_cert(context)
        return context


class ByteServer:
    """Each request is answered by the next of `answers`, the last one again and again; then the
    connection is closed."""

    def __init__(
        self, *answers: Answer, context: Optional[ssl.SSLContext], address: str = "127.0.0.1"
    ) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []
        self.connections = 0
        self._context = context
        self._lock = threading.Lock()
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.create_server((address, 0), family=family, backlog=64)
        self.port = self._listener.getsockname()[1]
        host = f"[{address}]" if ":" in address else address
        self.base = f"{'https' if context else 'http'}://{host}:{self.port}"
        self._open: set[Connection] = set()
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def listen_too(self, address: str) -> None:
        """On the same port of an IPv4 address too."""
        more = socket.create_server((address, self.port), backlog=64)
        threading.Thread(target=self._accept, args=(more,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        connection: Connection = plain
        try:
            plain.settimeout(60)
            if self._context:
                connection = self._context.wrap_socket(plain, server_side=True)
            with self._lock:
                self._open.add(connection)
            raw = b""
            while b"\r\n\r\n" not in raw:
                more = connection.recv(65536)
                if not more:
                    return
                raw += more
            with self._lock:
                number = len(self.requests)
                request = Request(raw.split(b"\r\n\r\n")[0], number, time.monotonic())
                self.requests.append(request)
                answer = self.answers[min(number, len(self.answers) - 1)]
            answer(connection, request)
        except (OSError, ValueError):
            pass  # the client gave up, or the test closed the server
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def close(self) -> None:
        try:
            self._listener.shutdown(socket.SHUT_RDWR)  # a close alone leaves accept waiting
        except OSError:
            pass
        self._listener.close()
        with self._lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


def head(status: int, **fields: Any) -> bytes:
    lines = [f"HTTP/1.1 {status} X"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def answer(status: int, body: bytes = b"", **fields: Any) -> Answer:
    """A whole answer."""

    def send(connection: Connection, request: Request) -> None:
        length = {} if status == 304 else {"Content_Length": len(body)}
        connection.sendall(head(status, **{**length, **fields}) + body)

    return send


def raw(*pieces: bytes) -> Answer:
    """These bytes, then the end of the connection."""

    def send(connection: Connection, request: Request) -> None:
        for piece in pieces:
            connection.sendall(piece)

    return send


def reset(after: bytes = b"") -> Answer:
    """These bytes, then a TCP reset."""

    def send(connection: Connection, request: Request) -> None:
        if after:
            connection.sendall(after)
            time.sleep(0.05)  # let them arrive: a reset discards what is still on its way
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if isinstance(connection, ssl.SSLSocket):
            plain = socket.socket(fileno=connection.detach())
            plain.close()

    return send


def ranged(body: bytes, etag: str = '"one"', cut: Optional[int] = None) -> Answer:
    """The object, or what a `Range` with the right `If-Range` asks for; at most `cut` bytes of it
    come before the connection ends."""

    def send(connection: Connection, request: Request) -> None:
        wanted = request.fields.get("range")
        start, status, fields = 0, 200, {}
        if wanted and request.fields.get("if-range") == etag:
            start, status = int(wanted.removeprefix("bytes=").rstrip("-")), 206
            fields = {"Content_Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
        rest = body[start:]
        fields |= {"Content_Length": len(rest), "ETag": etag}
        connection.sendall(head(status, **fields) + rest[:cut])

    return send


def endless(connection: Connection, request: Request) -> None:
    """A body without an end or a length."""
    connection.sendall(head(200))
    while True:
        connection.sendall(b"x" * 65536)


def silent(connection: Connection, request: Request) -> None:
    """Says nothing until the other side goes."""
    connection.recv(1)


def trickle(body: bytes, pause: float) -> Answer:
    """A byte at a time."""

    def send(connection: Connection, request: Request) -> None:
        connection.sendall(head(200, Content_Length=len(body)))
        for byte in body:
            connection.sendall(bytes([byte]))
            time.sleep(pause)

    return send
