"""Answers of an agent that a client, or who keeps its connection, could read differently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, Optional

#: What a client must never take for a response.
EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
OK = b"HTTP/1.1 200 OK\r\n"


@dataclass(frozen=True)
class Response:
    """An agent's bytes, and what the client gets: a status, and content or None where it is cut off."""

    name: str
    data: bytes
    status: int = 502
    content: Optional[bytes] = None
    #: The agent ends the connection after its bytes.
    closes: bool = False
    method: str = "GET"


def bad(name: str, data: bytes, **more: object) -> Response:
    return Response(name, data, **more)  # type: ignore[arg-type]


def good(name: str, data: bytes, content: bytes, status: int = 200, **more: object) -> Response:
    return Response(name, data, status, content, **more)  # type: ignore[arg-type]


def cut(name: str, data: bytes, **more: object) -> Response:
    """The head is right, and what follows is not."""
    return Response(name, data, 200, None, **more)  # type: ignore[arg-type]


def rows() -> Iterator[Response]:
    body = b"Content-Length: 2\r\n\r\nok"
    for line in [
        b"HTTP/1.1 20 OK", b"HTTP/1.1 2000 OK", b"HTTP/1.1 099 OK", b"HTTP/1.1  200 OK", b"HTTP/1.1\t200 OK", b"HTTP/1.1 +20 OK", b"HTTP/1.1 2x0 OK", b"HTTP/1.2 200 OK",
        b"HTTP/2.0 200 OK", b"HTTP/0.9 200 OK", b"http/1.1 200 OK", b"ICY 200 OK", b"200 OK", b"HTTP/1.1", b"HTTP/1.1 ", b"HTTP/1.1 200\tOK", b"HTTP/1.1 200OK", b" HTTP/1.1 200 OK",
        b"GET / HTTP/1.1", b"HTTP/1.1 200 \x00", b"HTTP/1.1 200 O\rK", b"HTTP/1.1 200 O\x7fK", b"HTTP/1.10 200 OK", b"HTTP/1.1 200.0 OK", b"<html>",
    ]:  # fmt: skip
        yield bad(f"status line {line!r}", line + b"\r\n" + body)
    for field in [
        b"Content-Length: 2\r\nContent-Length: 2", b"Content-Length: 2\r\nContent-Length: 4", b"Content-Length: +2", b"Content-Length: -1", b"Content-Length: 2, 2", b"Content-Length: 0x2",
        b"Content-Length: 2 ok", b"Content-Length:", b"Content-Length: 18446744073709551618", b"Content-Length : 2", b" Content-Length: 2", b"Content-Length\t: 2",
        b"Transfer-Encoding: chunked\r\nContent-Length: 2", b"Content-Length: 2\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: xchunked", b"Transfer-Encoding: identity", b"Transfer-Encoding: gzip, chunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", b"Transfer-Encoding:\x0bchunked", b"Transfer-Encoding : chunked", b"Transfer-Encoding: chunked, identity",
        b"X-A: b\nSet-Cookie: evil", b"X-A: b\rSet-Cookie: evil", b"X-A: b\x00c", b"X-A: b\r\n Set-Cookie: evil", b"X-A : b", b": b", b"X-A", b"X A: b", b"X\xe9: b", b"X-A: \x01", b"X-A: b\r\r",
        b"\n", b"X-A: b\n",
    ]:  # fmt: skip
        yield bad(f"field {field!r}", OK + field + b"\r\n\r\nok")
    yield bad("lines that end in line feeds", b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
    yield bad("chunks in HTTP/1.0", b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
    yield bad("101 that nobody asked for", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
    yield bad("interim responses without end", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 200)
    yield bad("a head without end", OK + b"X-A: " + b"y" * 100_000, closes=True)
    yield bad("101 fields", OK + b"X: y\r\n" * 101 + body)
    yield bad("nothing", b"", closes=True)
    yield bad("half a head", OK + b"Content-Le", closes=True)
    yield bad("empty lines before", b"\r\n\r\n" + OK + body)
    yield bad("an interim response with a body", b"HTTP/1.1 100 Continue\r\nContent-Length: 4\r\n\r\nevil" + OK + body)

    chunked = OK + b"Transfer-Encoding: chunked\r\n\r\n"
    for text in [
        b"2\nok\r\n0\r\n\r\n", b"2\r\nok\n0\r\n\r\n", b"2\r\nokXX0\r\n\r\n", b"0x2\r\nok\r\n0\r\n\r\n", b"+2\r\nok\r\n0\r\n\r\n", b"-1\r\nok\r\n0\r\n\r\n", b" 2\r\nok\r\n0\r\n\r\n", b"2 \r\nok\r\n0\r\n\r\n",
        b"10000000000000002\r\nok\r\n0\r\n\r\n", b"2;\nok\r\n0\r\n\r\n", b"2\r\nok\r\n0\r\nX : y\r\n\r\n", b"2\r\nok\r\n0\r\nX: y\n\r\n", b"\r\nok\r\n0\r\n\r\n", b"2\r\nok\r\n\r\n",
        b"2\r\nok\r\n0\r\n X: y\r\n\r\n", b"2\r\nok\r\n0\n\r\n",
    ]:  # fmt: skip
        yield cut(f"chunks {text!r}", chunked + text)
    yield cut("chunks that are cut off", chunked + b"5\r\nok", closes=True)
    yield cut("no last chunk", chunked + b"2\r\nok\r\n", closes=True)
    yield cut("half a last chunk", chunked + b"2\r\nok\r\n0\r\n", closes=True)
    yield cut("less than the length", OK + b"Content-Length: 5\r\n\r\nok", closes=True)

    yield good("more than the length", OK + body + EVIL, b"ok")
    yield good("more than the length, without a head", OK + body + b"evil", b"ok")
    yield good("bytes behind the last chunk", chunked + b"2\r\nok\r\n0\r\n\r\n" + EVIL, b"ok")
    yield good("a body for 204", b"HTTP/1.1 204 No Content\r\nContent-Length: 43\r\n\r\n" + EVIL, b"", 204)
    yield good("chunks for 204", b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n", b"", 204)
    yield good("a body for 304", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 43\r\n\r\n" + EVIL, b"", 304)
    yield good("a body for HEAD", OK + b"Content-Length: 43\r\n\r\n" + EVIL, b"", method="HEAD")
    yield good("chunks for HEAD", OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n", b"", method="HEAD")
    yield good("until the end", OK + b"\r\n" + EVIL, EVIL, closes=True)
    yield good("interim responses", b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" * 3 + OK + body, b"ok")
    yield good("100 that nobody asked for", b"HTTP/1.1 100 Continue\r\n\r\n" + OK + body, b"ok")
    yield good("a connection field that names the length", OK + b"Connection: Content-Length, X-A\r\nX-A: evil\r\n" + body, b"ok")
    yield good("an upgrade in the answer", OK + b"Connection: upgrade\r\nUpgrade: h2c\r\n" + body, b"ok")
    yield good("trailers of every kind", chunked + b"2\r\nok\r\n0\r\nContent-Length: 9\r\nTransfer-Encoding: x\r\nSet-Cookie: evil\r\n\r\n", b"ok")
    yield good("a length with zeros before", OK + b"Content-Length: 0002\r\n\r\nok", b"ok")
    yield good("extensions and sizes in zeros", chunked + b"0002;a=b\r\nok\r\n000\r\n\r\n", b"ok")
    yield good("no reason", b"HTTP/1.1 200\r\n" + body, b"ok")
    yield good("a strange status", b"HTTP/1.1 999 Strange\r\n" + body, b"ok", 999)
    yield good("the connection ends", OK + b"Connection: close\r\n" + body + EVIL, b"ok", closes=True)
    yield good("HTTP/1.0", b"HTTP/1.0 200 OK\r\n" + body, b"ok", closes=True)


ROWS = list(rows())
