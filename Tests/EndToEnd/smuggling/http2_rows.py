"""Requests of HTTP/2 that would be others once they are written as HTTP/1.1 (`HTTP/2: the sequel is always worse`, 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, Optional

from http2 import fields as http2_fields
from http2 import frames
from support.recorder import Recorded

from .rows import SMUGGLED, Check, Seen, there, together, with_values, without

Pairs = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Row2:
    """One stream; with `seen` it is forwarded so, else refused in any of the ways that HTTP/2 has."""

    name: str
    data: bytes
    seen: tuple[Seen, ...] = ()
    check: Optional[Check] = None


def request(*more: tuple[bytes, bytes], method: bytes = b"POST", path: bytes = b"/x", authority: Optional[bytes] = b"a", scheme: bytes = b"http") -> Pairs:
    pairs = [(b":method", method), (b":scheme", scheme), (b":path", path)]
    if authority is not None:
        pairs.append((b":authority", authority))
    return [*pairs, *more]


def stream(pairs: Pairs, content: Optional[bytes] = b"", trailers: Optional[Pairs] = None, *, number: int = 1) -> bytes:
    """The frames of a stream; content None: the head ends it."""
    block = http2_fields.block(pairs)
    if content is None:
        return frames.headers(number, block, end=True)
    data = frames.headers(number, block) + frames.data(number, content, end=trailers is None)
    return data if trailers is None else data + frames.headers(number, http2_fields.block(trailers), end=True)


def refused(name: str, pairs: Pairs, content: Optional[bytes] = b"") -> Row2:
    return Row2(name, stream(pairs, content))


def accepted(name: str, pairs: Pairs, content: Optional[bytes] = b"", *, trailers: Optional[Pairs] = None, target: str = "/x", check: Optional[Check] = None) -> Row2:
    return Row2(name, stream(pairs, content, trailers), ((dict(pairs)[b":method"].decode(), target, content or b""),), check)


def inert(seen: list[Recorded]) -> None:
    """What is content is not read as anything else, and nothing evil came along."""
    assert b"evil" not in seen[0].raw


def rows() -> Iterator[Row2]:
    for value in (b"0", b"1", b"500", b"+%d" % len(SMUGGLED), b"-1", b"", b"0x5", b"%d, %d" % (len(SMUGGLED), len(SMUGGLED)), b"18446744073709551621", b" 5", b"5 "):
        yield refused(f"H2.CL {value!r}", request((b"content-length", value)), SMUGGLED)
    yield refused("H2.CL twice", request((b"content-length", b"0"), (b"content-length", b"%d" % len(SMUGGLED))), SMUGGLED)
    yield refused("H2.CL without content", request((b"content-length", b"5")), None)
    for value in (b"chunked", b"identity", b"Chunked", b"chunked, identity", b"", b"gzip", b"x"):
        yield refused(f"H2.TE {value!r}", request((b"transfer-encoding", value)), b"0\r\n\r\n" + SMUGGLED)
    for name in (b"connection", b"keep-alive", b"proxy-connection", b"upgrade"):
        yield refused(f"H2, {name.decode()}", request((name, b"transfer-encoding")), SMUGGLED)
    for value in (b"chunked", b"trailers, chunked", b"gzip"):
        yield refused(f"H2, te: {value.decode()}", request((b"te", value)), SMUGGLED)
    ends = (b"\r\n", b"\n", b"\r", b"\0", b"\r\n\r\n")
    for end in ends:
        yield refused(f"{end!r} in a value", request((b"x-a", b"b" + end + b"transfer-encoding: chunked")), b"0\r\n\r\n" + SMUGGLED)
        yield refused(f"{end!r} in a cookie", request((b"cookie", b"a=b" + end + b"transfer-encoding: chunked")), SMUGGLED)
        yield refused(f"{end!r} in a name", request((b"x-a: b" + end + b"transfer-encoding", b"chunked")), b"0\r\n\r\n" + SMUGGLED)
        yield refused(f"{end!r} in :path", request(path=b"/x HTTP/1.1" + end + b"Host: a" + end + end + b"GET /smuggled"), None)
        yield refused(f"{end!r} in :method", request(method=b"GET /x HTTP/1.1" + end + b"Host: a" + end + end + b"GET"), None)
        yield refused(f"{end!r} in :authority", request(authority=b"a" + end + b"transfer-encoding: chunked"), SMUGGLED)
        yield refused(f"{end!r} in :scheme", request(scheme=b"http" + end + b"x"), SMUGGLED)
        yield refused(f"{end!r} in host", request((b"host", b"a" + end + b"x: y"), authority=None), SMUGGLED)
    for name in (
        b"transfer-encoding:chunked", b"transfer-encoding: chunked", b"x:", b":x", b"x y", b" x", b"x ", b"Content-Length", b"Transfer-Encoding", b"", b"x\t", b"x\xa0",
        b"content-length:", b"host:evil",
    ):  # fmt: skip
        yield refused(f"the name {name!r}", request((name, b"5")), b"hello")
    for value in (b" chunked", b"chunked ", b"\tchunked"):
        yield refused(f"the value {value!r}", request((b"x-a", value)))
    for path in (b"x", b"", b"http://b/x", b"*", b"/x y", b"/x\t", b"/x#y", b"/%00", b"/%", b"?x", b"\\x", b"a:80", b"/x HTTP/1.1"):
        yield refused(f"the path {path!r}", request(path=path))
    for method in (b"", b"GET /", b"GET\t", b"G(T", b"A" * 33, b"CONNECT", b"TRACE"):
        yield refused(f"the method {method!r}", request(method=method))
    for authority in (b"a/b", b"u@a", b"a b", b"a,b", b"a#b", b"a?b", b"a:x", b"\xff"):
        yield refused(f"the authority {authority!r}", request(authority=authority))
    for pseudo in ((b":path", b"/evil"), (b":method", b"GET"), (b":authority", b"b"), (b":scheme", b"x"), (b":status", b"200"), (b":protocol", b"x"), (b":host", b"b"), (b":", b"x")):
        yield refused(f"once more {pseudo[0].decode()}", [*request()[:2], pseudo, *request()[2:]])
        yield refused(f"{pseudo[0].decode()} at the end", request((b"x-a", b"y"), pseudo))
    yield refused("host unlike :authority", request((b"host", b"evil")))
    yield refused("two hosts", request((b"host", b"a"), (b"host", b"b"), authority=None))
    for value in (b"y 100-continue", b"x", b"100-continue, x"):
        yield refused(f"expect: {value.decode()}", request((b"expect", value)), b"hello")
    for field in ((b"transfer-encoding", b"chunked"), (b"connection", b"close"), (b":path", b"/evil")):
        yield Row2(f"{field[0].decode()} as a trailer", stream(request(), b"hello", [field]))

    yield accepted("content that is a request", request(), SMUGGLED)
    yield accepted("content that is a request, with its length", request((b"content-length", b"%d" % len(SMUGGLED))), SMUGGLED, check=with_values(content_length=[b"%d" % len(SMUGGLED)]))
    yield accepted("content that ends chunks", request(), b"0\r\n\r\n" + SMUGGLED)
    yield accepted("GET with content", request(method=b"GET"), SMUGGLED)
    yield accepted("GET without content", request(method=b"GET"), None, check=without("content-length", "transfer-encoding"))
    yield accepted("empty content", request(), b"")
    yield accepted("te: trailers", request((b"te", b"trailers")), check=without("te"))
    yield accepted("trailers", request(), b"hello", trailers=[(b"x-sum", b"evil"), (b"content-length", b"5"), (b"x-forwarded-for", b"evil")], check=inert)
    yield accepted("lookalikes", request((b"content_length", b"5"), (b"transfer_encoding", b"evil"), (b"x_forwarded_for", b"evil")), b"hello", check=inert)
    yield accepted("cookies", request((b"cookie", b"a=b"), (b"cookie", b"c=d")), check=with_values(cookie=[b"a=b; c=d"]))
    yield accepted("host in the place of :authority", request((b"host", b"a"), authority=None), check=with_values(host=[b"a"]))
    yield accepted("an id", request((b"x-request-id", b"mine")), check=with_values(x_request_id=[b"mine"]))
    yield accepted("expect", request((b"expect", b"100-continue")), b"hello", check=together(there("expect"), inert))
    yield accepted("a body in a value", request((b"x-a", b"GET /smuggled HTTP/1.1")))
    yield accepted("http2-settings", request((b"http2-settings", b"AAMAAABkAAQAAP__")), check=without("http2-settings"))
    for path, target in ((b"/x%0d%0aX:%20y", "/x%0D%0AX:%20y"), (b"/y/../x", "/x"), (b"/x?a=\"b\"<c>", "/x?a=%22b%22%3Cc%3E"), (b"//x", "//x"), (b"/x\\y", "/x%5Cy")):
        yield accepted(f"the path {path!r}", request(path=path), target=target)


ROWS = list(rows())
