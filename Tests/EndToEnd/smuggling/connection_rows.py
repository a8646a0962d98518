"""Fields of one hop, expectations, and requests behind each other."""

from __future__ import annotations

from typing import Iterator

from support.recorder import Recorded

from .rows import CHUNKED, LENGTH, SMUGGLED, WHOLE, Row, accepted, head, refused, there, together, with_values, without


def unforged(seen: list[Recorded]) -> None:
    """The sender is the only one that is named."""
    assert b"," not in seen[0].values("x-forwarded-for")[0]


def kept_forwarded(seen: list[Recorded]) -> None:
    assert seen[0].values("x-forwarded-for")[0].startswith(b"1.2.3.4, 127.")


def one_sender(seen: list[Recorded]) -> None:
    """One field, and the last in it is who was seen."""
    [value] = seen[0].values("x-forwarded-for")
    assert value.rsplit(b", ", 1)[-1].startswith(b"127.")


def own_id(seen: list[Recorded]) -> None:
    [value] = seen[0].values("x-request-id")
    assert len(value) == 32


def own_slot(seen: list[Recorded]) -> None:
    """What the program itself writes, last, or nothing."""
    assert seen[0].values("x_par_slot") == [] and b"4095" not in seen[0].raw
    assert not seen[0].values("x-par-slot") or seen[0].fields[-1][0] == "x-par-slot"


def one_trace(seen: list[Recorded]) -> None:
    assert len(seen[0].values("traceparent")) == 1


def connections() -> Iterator[Row]:
    yield accepted(
        "Connection names X-Forwarded-For",
        head(b"Connection: X-Forwarded-For\r\nX-Forwarded-For: 1.2.3.4\r\n"),
        check=kept_forwarded,
    )
    yield accepted(
        "Connection names what we write",
        head(b"Connection: X-Request-ID, traceparent, X-Forwarded-Proto, Host, keep-alive\r\nX-Request-ID: mine\r\n"),
        check=with_values(x_request_id=[b"mine"], host=[b"a"], x_forwarded_proto=[b"http"]),
    )
    yield accepted(
        "Connection names the length", head(b"Connection: Content-Length\r\n" + LENGTH) + b"hello", b"hello",
        with_values(content_length=[b"5"]),
    )  # fmt: skip
    yield accepted("Connection names the coding", head(b"Connection: Transfer-Encoding\r\n" + CHUNKED) + WHOLE, b"hello")
    yield accepted(
        "Connection names a field", head(b"Connection: X-A, ,x-b\r\nX-A: 1\r\nX-B: 2\r\nX-C: 3\r\n"),
        check=together(without("x-a", "x-b", "connection"), with_values(x_c=[b"3"])),
    )  # fmt: skip
    yield accepted(
        "names with underscores",
        head(b"Content_Length: 50\r\nTransfer_Encoding: chunked\r\nX_Forwarded_For: evil\r\nX-Forwarded_Host: evil\r\n"
             b"X_Request_ID: evil\r\n" + LENGTH) + b"hello",
        b"hello",
        together(
            without("content_length", "transfer_encoding", "x_forwarded_for", "x-forwarded_host", "x_request_id"),
            unforged,
        ),
    )  # fmt: skip
    yield accepted(
        "an upgrade to HTTP/2", head(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"),
        check=without("upgrade", "http2-settings", "connection"),
    )  # fmt: skip
    yield accepted(
        "an upgrade to WebSocket without the rest", head(b"Connection: Upgrade\r\nUpgrade: websocket\r\n"),
        check=without("upgrade", "connection"),
    )  # fmt: skip
    yield accepted(
        "fields of the hop", head(b"Proxy-Connection: close\r\nKeep-Alive: timeout=1\r\nTE: trailers\r\nProxy-Authorization: x\r\n"),
        check=without("proxy-connection", "keep-alive", "te", "proxy-authorization"),
    )  # fmt: skip
    yield accepted("Expect and the body at once", head(b"Expect: 100-continue\r\n" + LENGTH) + b"hello", b"hello")
    yield accepted("Expect in another case", head(b"eXPECT: 100-Continue\r\n" + LENGTH) + b"hello", b"hello")
    yield accepted("Expect twice", head(b"Expect: 100-continue\r\nExpect: 100-continue\r\n" + LENGTH) + b"hello", b"hello")
    yield accepted("Expect with chunks", head(b"Expect: 100-continue\r\n" + CHUNKED) + WHOLE, b"hello")
    yield accepted("Expect without a body", head(b"Expect: 100-continue\r\n"), check=without("expect"))
    for value in [b"200-ok", b"100-continue, x", b"100-continue;a", b"", b"100", b"y 100-continue"]:
        yield refused(f"Expect {value!r}", head(b"Expect: " + value + b"\r\n" + LENGTH) + b"hello", 417)
    yield refused("Expect is folded", head(b"Expect:\r\n 100-continue\r\n" + LENGTH) + b"hello")
    yield Row(
        "many in one go", head() + head(LENGTH) + b"hello" + head(CHUNKED) + WHOLE,
        seen=(("POST", "/x", b""), ("POST", "/x", b"hello"), ("POST", "/x", b"hello")),
    )  # fmt: skip


def hops() -> Iterator[Row]:
    """Fields that `Connection` takes away, or seems to, and forged fields of a proxy."""
    for name in ("Host", "Content-Length", "Transfer-Encoding", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Request-ID", "traceparent"):
        check = together(without("connection"), there("content-length" if name == "Transfer-Encoding" else name.lower()))
        yield accepted(f"Connection names {name}, with a length", head(b"Connection: " + name.encode() + b"\r\n" + LENGTH) + b"hello", b"hello", check)
    yield accepted("Connection names a cookie", head(b"Connection: cookie\r\nCookie: a=b\r\n"), check=without("cookie", "connection"))
    yield accepted("Connection: close, in a list", head(b"Connection: X-A, , Close\r\nX-A: 1\r\n"), goes_on=False)
    yield accepted("Connection three times", head(b"Connection: X-A\r\nConnection: X-B\r\nConnection: keep-alive\r\nX-A: 1\r\nX-B: 2\r\n"), check=without("x-a", "x-b"))
    yield accepted("Connection with rubbish", head(b'Connection: ,;"=\xff, X-A\r\nX-A: 1\r\n'), check=without("x-a", "connection"))
    yield accepted("X-Forwarded-For twice", head(b"X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\n"), check=one_sender)
    yield accepted("X-Forwarded-For that is rubbish", head(b"X-Forwarded-For: evil, \xff;\r\n"), check=one_sender)
    yield accepted("X-Request-ID twice", head(b"X-Request-ID: a\r\nX-Request-ID: b\r\n"), check=own_id)
    yield accepted("X-Request-ID with a blank", head(b"X-Request-ID: a b\r\n"), check=own_id)
    yield accepted("X-Request-ID of 200 bytes", head(b"X-Request-ID: " + b"a" * 200 + b"\r\n"), check=own_id)
    for name in (b"X-PAR-Slot", b"x-par-slot", b"X_PAR_SLOT", b"X-Par_Slot"):
        yield accepted(f"{name.decode()} of a client", head(name + b": 4095\r\n"), check=own_slot)
    yield accepted("X-PAR-Slot that Connection names", head(b"Connection: X-PAR-Slot\r\nX-PAR-Slot: 4095\r\n"), check=own_slot)
    yield accepted("traceparent twice", head(b"traceparent: 00-" + b"1" * 32 + b"-" + b"2" * 16 + b"-01\r\ntraceparent: x\r\n"), check=one_trace)
    for name in (b"X_Forwarded_For", b"x-forwarded_for", b"X_FORWARDED_FOR", b"X_Forwarded-Host", b"X_Request-ID", b"Content_Length", b"Transfer_Encoding"):
        yield accepted(f"lookalike {name.decode()}", head(name + b": evil\r\n"), check=without(name.decode().lower()))
    yield accepted(
        "an upgrade to h2c with a body", head(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n" + LENGTH) + b"hello", b"hello",
        without("upgrade", "http2-settings", "connection"),
    )  # fmt: skip
    for value in (b"h2c", b"HTTP/2.0", b"TLS/1.0", b"websocket, h2c", b"h2c, websocket", b"\xff", b""):
        yield accepted(f"Upgrade: {value!r}", head(b"Connection: Upgrade\r\nUpgrade: " + value + b"\r\n"), check=without("upgrade", "connection"))
    yield accepted("Upgrade without Connection", head(b"Upgrade: h2c\r\n"), check=without("upgrade"))
    yield accepted("Connection: upgrade without Upgrade", head(b"Connection: upgrade\r\n"), check=without("connection"))


def expectations() -> Iterator[Row]:
    """Expect hides a body, or its end (`HTTP/1.1 must die`, 2025)."""
    for value in [
        b"y 100-continue", b"100-continue y", b"100-continue, 100-continue", b"100-continue,", b"100_continue", b"100 continue", b"100-continues", b"x",
        b"\x85100-continue", b"200-ok", b'"100-continue"', b"100-continue;q=1", b"1oo-continue",
    ]:  # fmt: skip
        for method in (b"POST", b"GET"):
            yield refused(f"Expect-desync {method.decode()} {value!r}", head(b"Expect: " + value + b"\r\n" + LENGTH, method + b" /x HTTP/1.1") + b"hello", 417, whole=True)
    for field in [b"Expect : 100-continue", b" Expect: 100-continue", b"Expect:\n 100-continue", b"Expect: 100-continue\n", b"Expect\x00: 100-continue", b"Expect: 100-continue\x00"]:
        yield refused(f"Expect-desync {field!r}", head(field + b"\r\n" + LENGTH) + b"hello")
    for method in ("GET", "HEAD", "DELETE", "OPTIONS"):
        yield Row(
            f"Expect in {method}", head(b"Expect: 100-continue\r\n" + LENGTH, method.encode() + b" /x HTTP/1.1") + b"hello", seen=((method, "/x", b"hello"),)
        )  # fmt: skip
    yield accepted("Expect, and a request as the body", head(b"Expect: 100-continue\r\nContent-Length: %d\r\n" % len(SMUGGLED)) + SMUGGLED, SMUGGLED)
    yield accepted("Expect with a length of nothing", head(b"Expect: 100-continue\r\nContent-Length: 0\r\n"), check=without("expect"))
    yield accepted("Expect in HTTP/1.0", head(b"Expect: 100-continue\r\nConnection: keep-alive\r\n" + LENGTH, b"POST /x HTTP/1.0") + b"hello", b"hello", without("expect"))
    yield refused("Expect with a length and chunks", head(b"Expect: 100-continue\r\nContent-Length: 5\r\n" + CHUNKED) + WHOLE)


def behind_each_other() -> Iterator[Row]:
    """What is refused ends what stands behind it, and not what stands before."""
    first = (("POST", "/x", b""),)
    for name, data, status in [
        ("a bare line feed", b"GET /y HTTP/1.1\nHost: a\r\n\r\n", 400),
        ("two lengths", head(LENGTH + LENGTH) + b"hello", 400),
        ("a length and chunks", head(LENGTH + CHUNKED) + WHOLE, 400),
        ("a wrong chunk", head(CHUNKED) + b"5\r\nhelloXX", 400),
        ("an unknown expectation", head(b"Expect: y\r\n"), 417),
        ("another version", head(line=b"GET / HTTP/1.9"), 505),
        ("CONNECT", head(line=b"CONNECT a:80 HTTP/1.1"), 501),
        ("an answer", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 400),
        ("empty lines", b"\r\n\r\n" + SMUGGLED, 400),
        ("a body that nobody announced", b"hello=world&" + SMUGGLED, 400),
        ("NULs", b"\0" * 8 + SMUGGLED, 400),
    ]:  # fmt: skip
        yield Row(f"pipelined: {name}", head() + data, status, seen=first)
    yield Row("pipelined: 100 requests", head() * 100, seen=first * 100, whole=True)
    yield Row(
        "pipelined: bodies of every kind", head(LENGTH) + b"hello" + head(CHUNKED) + WHOLE + head() + head(CHUNKED) + b"0\r\n\r\n" + head(b"Content-Length: 0\r\n"),
        seen=(("POST", "/x", b"hello"), ("POST", "/x", b"hello"), ("POST", "/x", b""), ("POST", "/x", b""), ("POST", "/x", b"")),
    )  # fmt: skip
    yield Row("pipelined: an empty line between", head() + b"\r\n" + head(), seen=first * 2)
    yield Row("nothing follows Connection: close", head(b"Connection: close\r\n") + SMUGGLED, seen=first, goes_on=False)
    yield Row("nothing follows HTTP/1.0", b"POST /x HTTP/1.0\r\n\r\n" + SMUGGLED, seen=first, goes_on=False)
    yield Row("an answer before the body is read", head(b"Content-Length: 50000\r\n", b"POST /early HTTP/1.1") + SMUGGLED, own=(200,), goes_on=False, whole=True)
    yield Row(
        "an answer before the body is sent", head(b"Expect: 100-continue\r\nContent-Length: 50000\r\n", b"POST /early HTTP/1.1"), own=(200,), goes_on=False, whole=True
    )  # fmt: skip


def upgrades() -> Iterator[Row]:
    """WebSocket smuggling: an upgrade that the agent does not take is an ordinary request, and what stands behind it too.
    The recording upstream answers 200."""
    asked = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    get = b"GET /x HTTP/1.1"
    everyone = ("uvicorn httptools", "uvicorn h11", "gunicorn", "granian", "aiohttp")
    for name, fields in {
        "an upgrade": asked,
        "an upgrade of another version": asked.replace(b"13", b"777"),
        "an upgrade without a key": asked.partition(b"Sec-WebSocket-Key")[0],
        "an upgrade in upper case": asked.replace(b"websocket", b"WEBSOCKET").replace(b"Connection: Upgrade", b"CONNECTION: keep-alive, UPGRADE"),
        "an upgrade with a length of 0": asked + b"Content-Length: 0\r\n",
    }.items():
        yield Row(f"{name} that the agent does not take", head(fields, get), seen=(("GET", "/x", b""),), check=there("upgrade"), refused_by=everyone)
    yield refused("an upgrade with a body", head(asked + LENGTH, get) + b"hello")
    yield refused("an upgrade with a request as its body", head(asked + b"Content-Length: %d\r\n" % len(SMUGGLED), get) + SMUGGLED)
    yield refused("an upgrade with chunks", head(asked + CHUNKED, get) + WHOLE)
    for name, line, fields in [
        ("another method", b"POST /x HTTP/1.1", asked),
        ("HTTP/1.0", b"GET /x HTTP/1.0", asked.replace(b"Connection: Upgrade", b"Connection: Upgrade, keep-alive")),
        ("h2c", get, asked.replace(b"websocket", b"h2c")),
        ("a field that Connection does not name", get, asked.replace(b"Connection: Upgrade\r\n", b"")),
        ("Connection alone", get, asked.replace(b"Upgrade: websocket\r\n", b"")),
    ]:  # fmt: skip
        method = line.partition(b" ")[0].decode()
        yield Row(f"no upgrade: {name}", head(fields, line), seen=((method, "/x", b""),), check=without("upgrade", "connection"))
    yield refused("an upgrade to an absolute target of another host", head(asked, b"GET ws://b/x HTTP/1.1"))
