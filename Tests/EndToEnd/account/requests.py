"""The requests of the account, each with a content of its own, and the one right answer to each."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Sequence, Union

#: Seconds between the parts of a streamed body.
PAUSE = 0.002

#: What kinds there are: one after the other, from another one on for each client. `put` is answered
#: in two parts; `stream` has its body in chunks, `large` in parts of one length; `expect` waits for
#: 100 before it sends its body.
KINDS = (
    "get", "post", "put", "stream", "get", "post", "expect", "get",
    "post", "stream", "get", "page", "put", "get", "expect", "large",
)  # fmt: skip

_LENGTHS = {"post": 80, "put": 60, "stream": 900, "expect": 500, "page": 9000, "large": 90_000}
_PATHS = ("/api/echo", "/agents/account/api/echo")


@dataclass
class Request:
    identifier: str
    kind: str
    #: What is sent in one go; a number is a pause in seconds.
    parts: Sequence[Union[bytes, float]]
    #: The body of the right answer.
    wanted: bytes


def request(client: int, number: int, closing: bool) -> Request:
    """The client's request of that number; `closing`: it asks for the end of the connection."""
    identifier = f"{client}-{number}"
    kind = KINDS[(client + number) % len(KINDS)]
    length = _LENGTHS.get(kind, 0)
    body = (identifier.encode() + b" ") * (length // (len(identifier) + 1) + 1)
    body = body[:length]
    method = {"get": "GET", "put": "PUT"}.get(kind, "POST")
    head = (
        f"{method} {_PATHS[number & 1]}?{identifier} HTTP/1.1\r\nHost: account\r\n"
        f"X-Request-ID: {identifier}\r\n"
    )
    if closing:
        head += "Connection: close\r\n"
    if kind == "stream":
        head += "Transfer-Encoding: chunked\r\n"
    elif length:
        head += f"Content-Length: {length}\r\n"
    if kind == "expect":
        head += "Expect: 100-continue\r\n"
    start = head.encode() + b"\r\n"
    parts: list[Union[bytes, float]]
    if kind == "stream":
        third = length // 3
        parts = [start + _chunk(body[:third]), PAUSE, _chunk(body[third : 2 * third]), PAUSE,
                 _chunk(body[2 * third :]) + b"0\r\n\r\n"]  # fmt: skip
    elif kind == "large":
        half = length // 2
        parts = [start, body[:half], PAUSE, body[half:]]
    elif kind == "expect":
        parts = [start, body]
    else:
        parts = [start + body]
    wanted = b'{"id":"%b","named":"%b","bytes":%d,"sha256":"%b"}' % (
        identifier.encode(),
        identifier.encode(),
        length,
        hashlib.sha256(body).hexdigest().encode(),
    )
    return Request(identifier, kind, parts, wanted)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
