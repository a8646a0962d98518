"""Requests that two servers could read differently: refused, or written anew so that the agent reads
what the program read.

Each row is sent with one more request right behind it. Either the row is refused, the connection
closes, and the agent has seen nothing of either; or the agent has seen exactly the requests named,
bodies included, and then the one behind.
"""

from __future__ import annotations

import json
import shutil
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

import pytest

from support import log, packages
from support.program import DEADLINE, Run, inherited_environment

#: Answers every request with what was read of it. Only requests whose body came whole are counted.
ECHO = '''
import json

seen = 0

async def app(scope, receive, send):
    global seen
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    root = scope.get("root_path", "")
    path = scope["raw_path"].decode("latin-1").removeprefix(root)
    if path == "/seen":
        answer = seen
    else:
        seen += 1
        answer = {
            "method": scope["method"], "path": path, "query": scope["query_string"].decode("latin-1"),
            # Read last: whatever a trailer may have added is there.
            "headers": [[k.decode("latin-1"), v.decode("latin-1")] for k, v in scope["headers"]],
            "body": body.decode("latin-1"),
        }
    text = json.dumps(answer).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(text))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text})

def mount(_):
    return app
'''

BEHIND = b"GET /behind HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

Seen = dict[str, Any]
Check = Callable[[list[Seen]], None]


@dataclass(frozen=True)
class Row:
    name: str
    data: bytes
    #: Of the refusal; None: accepted.
    status: Optional[int] = None
    #: Method, path and body of what the agent sees, the request behind not counted.
    seen: tuple[tuple[str, str, bytes], ...] = ()
    #: What the program itself answers before the agent does.
    own: tuple[int, ...] = ()
    #: Whether the request behind is answered too: not when a body that nobody reads is still on its
    #: way as the answer is written.
    goes_on: bool = True
    check: Optional[Check] = None


def head(fields: bytes = b"", line: bytes = b"POST /x HTTP/1.1", host: bytes = b"Host: a\r\n") -> bytes:
    return line + b"\r\n" + host + fields + b"\r\n"


def refused(name: str, data: bytes, status: int = 400) -> Row:
    return Row(name, data, status)


def accepted(name: str, data: bytes, body: bytes = b"", check: Optional[Check] = None, **more: Any) -> Row:
    return Row(name, data, seen=(("POST", "/x", body),), check=check, **more)


def values(seen: Seen, name: str) -> list[str]:
    return [value for key, value in seen["headers"] if key.lower() == name]


def without(*names: str) -> Check:
    def check(seen: list[Seen]) -> None:
        for name in names:
            assert values(seen[0], name) == [], name

    return check


def with_values(**expected: list[str]) -> Check:
    def check(seen: list[Seen]) -> None:
        for name, wanted in expected.items():
            assert values(seen[0], name.replace("_", "-")) == wanted, name

    return check


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
WHOLE = b"5\r\nhello\r\n0\r\n\r\n"


def framings() -> Iterator[Row]:
    yield refused("CL.TE", head(b"Content-Length: 6\r\n" + CHUNKED) + b"0\r\n\r\nG")
    yield refused("TE.CL", head(CHUNKED + b"Content-Length: 4\r\n") + b"5c\r\n" + SMUGGLED)
    yield refused("CL 0 and TE", head(b"Content-Length: 0\r\n" + CHUNKED) + WHOLE)
    for value in [
        b"xchunked", b"chunked, identity", b"identity, chunked", b"gzip, chunked", b"identity",
        b"chunked, chunked", b'"chunked"', b"chunked;q=1", b",chunked", b"chunked,", b"\x0bchunked",
        b"chunked\x0b", b"chunked\x0c", b"\xffchunked", b"chunked\x00", b"chunked\x7f", b"cow", b"",
        b"chunke", b"chun ked", b"chunked x", b"'chunked'", b"\xc2\xa0chunked", b"chunked\r", b"0",
    ]:  # fmt: skip
        yield refused(f"TE.TE {value!r}", head(b"Transfer-Encoding: " + value + b"\r\n") + WHOLE)
        yield refused(
            f"TE.TE {value!r} with a length",
            head(b"Content-Length: 15\r\nTransfer-Encoding: " + value + b"\r\n") + WHOLE,
        )
    for fields in [
        b"Transfer-Encoding : chunked\r\n", b"Transfer-Encoding\t: chunked\r\n",
        b"Transfer-Encoding\r\n : chunked\r\n", b"Transfer-Encoding:\r\n chunked\r\n",
        b"Transfer-Encoding:\n chunked\r\n", b"Transfer-Encoding: chunked\n",
        b"X: y\nTransfer-Encoding: chunked\r\n", b"X: y\rTransfer-Encoding: chunked\r\n",
        b"X: y\r\r\nTransfer-Encoding: chunked\r\n", b"X: y\r\n Transfer-Encoding: chunked\r\n",
        b"Transfer\x00-Encoding: chunked\r\n", b"\x00Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding\x0b: chunked\r\n", b"Transfer-Encoding\xa0: chunked\r\n",
        b"Transfer Encoding: chunked\r\n", b"Transfer-Encoding\x00: chunked\r\n",
        b"Transfer-Encoding= chunked\r\n", b"Transfer-Encoding;: chunked\r\n",
        CHUNKED + b"Transfer-Encoding: x\r\n", b"Transfer-Encoding: x\r\n" + CHUNKED,
        CHUNKED + CHUNKED, CHUNKED + b"Transfer-Encoding:\r\n", b"Transfer-Encoding:\r\n" + CHUNKED,
    ]:  # fmt: skip
        yield refused(f"TE.TE {fields!r}", head(fields) + WHOLE)
    yield refused("chunked in HTTP/1.0", head(CHUNKED, b"POST /x HTTP/1.0") + WHOLE)
    for fields in [
        CHUNKED, b"TRANSFER-ENCODING: chunked\r\n", b"Transfer-Encoding:chunked\r\n",
        b"Transfer-Encoding:\tchunked\r\n", b"Transfer-Encoding: ChunKED \t\r\n",
    ]:  # fmt: skip
        yield accepted(f"TE {fields!r}", head(fields) + WHOLE, b"hello")
    for value in [
        b"+5", b"-5", b"0x5", b"5_0", b"5;5", b"5.0", b"5e0", b"\xd9\xa5", b"5 5", b"5,5", b"5, 5",
        b"5,6", b"", b"\x0b5", b"5\x00", b"5\x0c", b"18446744073709551621", b"9223372036854775813",
        b"0000000000000000005", b"4294967301x", b"'5'", b'"5"', b"five", b"5\r", b"NaN", b"\xa05",
    ]:  # fmt: skip
        yield refused(f"length {value!r}", head(b"Content-Length: " + value + b"\r\n") + b"hello")
    for fields in [
        b"Content-Length: 5\r\nContent-Length: 5\r\n", b"Content-Length: 5\r\nContent-Length: 0\r\n",
        b"Content-Length: 0\r\nContent-Length: 5\r\n", b"Content-Length: 5\r\ncontent-length:\r\n",
        b"Content-Length : 5\r\n", b"Content-Length\t: 5\r\n", b"Content-Length:\r\n 5\r\n",
        b" Content-Length: 5\r\n", b"X: y\nContent-Length: 5\r\n", b"Content-Length\x00: 5\r\n",
        b"Content Length: 5\r\n", b"Content-Length: 5\n", b"Content-Length 5\r\n",
    ]:  # fmt: skip
        yield refused(f"length {fields!r}", head(fields) + b"hello")
    for value in [b"5", b"005", b"\t5 ", b"000000000000000005"]:
        yield accepted(f"length {value!r}", head(b"Content-Length:" + value + b"\r\n") + b"hello", b"hello")
    yield Row("no length, then a request", head() + SMUGGLED, seen=(("POST", "/x", b""), ("GET", "/smuggled", b"")))
    yield Row(
        "length 0, then a request",
        head(b"Content-Length: 0\r\n") + SMUGGLED,
        seen=(("POST", "/x", b""), ("GET", "/smuggled", b"")),
    )
    inner = b"Content-Length: %d\r\n" % len(SMUGGLED)
    yield accepted("a request as a body", head(inner) + SMUGGLED, SMUGGLED)
    for method in (b"GET", b"DELETE", b"OPTIONS"):
        yield Row(
            f"{method.decode()} with a body",
            head(inner, method + b" /x HTTP/1.1") + SMUGGLED,
            seen=((method.decode(), "/x", SMUGGLED),),
        )
    yield Row(
        "GET in chunks", head(CHUNKED, b"GET /x HTTP/1.1") + WHOLE, seen=(("GET", "/x", b"hello"),)
    )
    yield Row("a body that health does not read", head(inner, b"GET /health HTTP/1.1") + SMUGGLED, own=(200,))
    yield Row("a body for a method health does not know", head(inner, b"POST /health HTTP/1.1") + SMUGGLED, own=(405,))
    yield Row("chunks that health does not read", head(CHUNKED, b"GET /health HTTP/1.1") + WHOLE, own=(200,), goes_on=False)
    yield Row("OPTIONS * with a body", head(inner, b"OPTIONS * HTTP/1.1") + SMUGGLED, own=(204,))


def chunks() -> Iterator[Row]:
    for size in [
        b"+5", b"-5", b"0x5", b"0_5", b" 5", b"5 ", b"5\t", b"\t5", b"fffffffffffffff5", b"10000000000000005",
        b"100000005\x00", b"0000000000000000005", b"", b"g", b"5g", b"5\x0b", b"\x005", b"5,", b"5 ;a=b",
        b"5\t;a=b", b"5;a=\x00", b"5;a=\x7f", b"5;" + b"a" * 300, b"5;a=\nb", b"5;a=\r", b"5\r", b"\xef\xbc\x95",
        b"5\xa0", b"5\n", b"5.0", b"'5'", b'5;a="\r\n', b"5;\r", b"5;\n",
    ]:  # fmt: skip
        yield refused(f"chunk size {size[:30]!r}", head(CHUNKED) + size + b"\r\nhello\r\n0\r\n\r\n")
    for text in [
        b"5\nhello\r\n0\r\n\r\n", b"5\rhello\r\n0\r\n\r\n", b"5\r\nhello\n0\r\n\r\n", b"5\r\nhello\r0\r\n\r\n",
        b"5\r\nhello0\r\n\r\n", b"5\r\nhelloXX0\r\n\r\n", b"5\r\nhello\r\n\r\n0\r\n\r\n", b"4\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\r\n0\n\r\n", b"5\r\nhello\r\n0\r\n\n", b"5\r\nhello\r\n0\r\r\n\r\n", b"5\r\nhello\r\n-0\r\n\r\n",
        b"5\r\nhello\r\n0 \r\n\r\n", b"5\r\nhello\r\n0\r\n \r\n\r\n", b"0\r\nX : y\r\n\r\n", b"0\r\nX: y\n\r\n",
        b"0\r\nX: y\r\n z\r\n\r\n", b"0\r\nX: y\rz\r\n\r\n", b"0\r\n: y\r\n\r\n", b"0\r\nX\r\n\r\n",
        b"0\r\nX: \x00\r\n\r\n", b"5\r\nhello\r\r\n0\r\n\r\n",
    ]:  # fmt: skip
        yield refused(f"chunks {text!r}", head(CHUNKED) + text)
    yield refused("a trailer section too long", head(CHUNKED) + b"0\r\nX: " + b"y" * 9000 + b"\r\n\r\n", 431)
    yield refused("trailers too many", head(CHUNKED) + b"0\r\n" + b"X: y\r\n" * 101 + b"\r\n", 431)
    for text in [
        WHOLE, b"05\r\nhello\r\n000\r\n\r\n", b"5;a=b\r\nhello\r\n0;c\r\n\r\n", b'5;a="b;c"\r\nhello\r\n0\r\n\r\n',
        b"5;a=\xff\r\nhello\r\n0\r\n\r\n", b"2\r\nhe\r\n3;x\r\nllo\r\n0\r\n\r\n", b"000000000000005\r\nhello\r\n0\r\n\r\n",
        b"5;a=\"\\\"0\"\r\nhello\r\n0\r\n\r\n",
    ]:  # fmt: skip
        yield accepted(f"chunks {text!r}", head(CHUNKED) + text, b"hello")
    inner = b"%x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n0\r\n\r\n"
    yield accepted("a request as a chunk", head(CHUNKED) + inner, SMUGGLED)
    forbidden = (
        b"Content-Length: 50\r\nTransfer-Encoding: x\r\nHost: evil\r\nAuthorization: evil\r\nCookie: evil\r\n"
        b"X-Forwarded-For: evil\r\nX_Forwarded_For: evil\r\nContent-Type: evil\r\nConnection: close\r\n"
        b"X-Request-ID: evil\r\nContent-Encoding: evil\r\nTrailer: evil\r\nExpect: evil\r\nTE: evil\r\n"
    )

    def nothing_evil(seen: list[Seen]) -> None:
        assert not [field for field in seen[0]["headers"] if "evil" in field[1]]
        assert values(seen[0], "content-length") == []

    yield accepted("forbidden trailers", head(CHUNKED) + b"5\r\nhello\r\n0\r\n" + forbidden + b"\r\n", b"hello", nothing_evil)
    yield accepted("a trailer", head(CHUNKED) + b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", b"hello")


def heads() -> Iterator[Row]:
    for field in [
        b"X : y", b"X\t: y", b" X: y", b"\tX: y", b"X: y\r\n z", b"X: y\r\n\tz", b"X: y\r\n ", b": y", b":", b"X", b"X y: z",
        b"X(: y", b"X\xe9: y", b"X\x00: y", b"X: \x00", b"X: y\x00z", b"X: y\rz", b"X: y\r", b"X\r: y", b"X: y\x7f",
        b"X: y\x01", b"X: \x1b", b"X\x0b: y", b"X: y\nZ: a", b"X: y\n", b"\x00", b"\x7fX: y", b"\"X\": y", b"X@: y",
        b"X,Y: z", b"GET / HTTP/1.1", b"X/1: y", b"[X]: y", b"X: y\x0c", b"X: y\x08",
    ]:  # fmt: skip
        yield refused(f"field {field!r}", head(field + b"\r\n"))
    for field in [b"X: y", b"X:y", b"X:", b"X: \t ", b"X: y\tz", b"X: \xe9\xff", b"!#$%&'*+-.^_`|~: y", b"X: a:b;c,d\"e\\"]:
        yield accepted(f"field {field!r}", head(field + b"\r\n"))
    for host in [
        b"", b"Host: a\r\nHost: a\r\n", b"Host: a\r\nHost: b\r\n", b"Host: a\r\nhost:\r\n", b"Host: a/b\r\n", b"Host: u@a\r\n",
        b"Host: a, b\r\n", b"Host: a b\r\n", b"Host: a?b\r\n", b"Host: a#b\r\n", b"Host: a:b\r\n", b"Host: a:80:80\r\n",
        b"Host: a:123456\r\n", b"Host: [::1\r\n", b"Host: [::1]x\r\n", b"Host: a\\b\r\n", b"Host : a\r\n", b"Host: <a>\r\n",
        b"Host: a\x00\r\n", b"Host: http://a\r\n", b"Host: \xc3\xa4\r\n", b"Host: a:-1\r\n", b" Host: a\r\n",
    ]:  # fmt: skip
        yield refused(f"host {host!r}", head(host=host))
    for host in [b"Host:\r\n", b"Host: a\r\n", b"HOST:a:80\r\n", b"Host: [::1]:8080\r\n", b"Host: a.b-c_d\r\n", b"Host: a:\r\n"]:
        yield accepted(f"host {host!r}", head(host=host))
    yield accepted("no host in HTTP/1.0", b"POST /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    yield accepted("an empty line before", b"\r\n" + head())
    for line in [
        b"POST  /x HTTP/1.1", b"POST /x  HTTP/1.1", b"POST\t/x HTTP/1.1", b"POST /x\tHTTP/1.1", b" POST /x HTTP/1.1",
        b"POST /x HTTP/1.1 ", b"POST /x", b"POST", b"POST /x HTTP/1.1x", b"POST /x HTTP/1", b"POST /x HTTP/01.1",
        b"POST /x HTTP/1.10", b"POST /x http/1.1", b"POST /x HTTP /1.1", b"POST /x HTTP/1,1", b"POST /x HTTP/ 1.1",
        b"POST /x HTTX/1.1", b"POST /x\x00 HTTP/1.1", b"POST /\xe9 HTTP/1.1", b"POST /x y HTTP/1.1", b"POST /x\r HTTP/1.1",
        b"P(ST /x HTTP/1.1", b"POST: /x HTTP/1.1", b"POST\x0b/x HTTP/1.1", b"POST /x\x0bHTTP/1.1", b"POST /x#y HTTP/1.1",
        b"POST x HTTP/1.1", b"POST ?x HTTP/1.1", b"POST * HTTP/1.1", b"POST http://b/x HTTP/1.1", b"POST https://a/x HTTP/1.1",
        b"POST http://u@a/x HTTP/1.1", b"POST /%00 HTTP/1.1", b"POST /% HTTP/1.1", b"POST /x HTTP/1.1\r", b"\r\n\r\nPOST /x HTTP/1.1",
        b"\nPOST /x HTTP/1.1", b"POST /x\x7f HTTP/1.1", b"\x16\x03\x01 /x HTTP/1.1", b"POST \\x HTTP/1.1", b"A" * 33 + b" /x HTTP/1.1",
        b"POST /x HTTP/1.1\nX: y", b"POST http:/x HTTP/1.1", b"POST /x HTTP/9", b"HTTP/1.1 200 OK",
    ]:  # fmt: skip
        yield refused(f"line {line!r}", head(line=line))
    for version in [b"0.9", b"1.2", b"1.9", b"2.0", b"2.1", b"3.0", b"9.9"]:
        yield refused(f"version {version!r}", head(line=b"POST /x HTTP/" + version), 505)
    yield refused("HTTP/0.9", b"GET /x\r\n")
    for line in [b"CONNECT a:80 HTTP/1.1", b"CONNECT /x HTTP/1.1", b"TRACE /x HTTP/1.1"]:
        yield refused(f"line {line!r}", head(line=line), 501)
    for target in [b"http://a/x", b"HTTP://A/x", b"/./x", b"/y/../x", b"/y/%2e%2e/x", b"/agents/probe/x", b"/%78"]:
        yield accepted(f"target {target!r}", head(line=b"POST " + target + b" HTTP/1.1"))
    yield Row("an encoded slash", head(line=b"POST /y%2f..%2Fx HTTP/1.1"), seen=(("POST", "/y%2F..%2Fx", b""),))
    yield refused("fields too many", head(b"X: y\r\n" * 101), 431)
    yield refused("a head too long", head(b"X: " + b"y" * 70000 + b"\r\n"), 431)


def connections() -> Iterator[Row]:
    length = b"Content-Length: 5\r\n"
    yield accepted(
        "Connection names X-Forwarded-For",
        head(b"Connection: X-Forwarded-For\r\nX-Forwarded-For: 1.2.3.4\r\n"),
        check=with_values(x_forwarded_for=["1.2.3.4, 127.0.0.1"]),
    )
    yield accepted(
        "Connection names what we write",
        head(b"Connection: X-Request-ID, traceparent, X-Forwarded-Proto, Host, keep-alive\r\nX-Request-ID: mine\r\n"),
        check=with_values(x_request_id=["mine"], host=["a"], x_forwarded_proto=["http"]),
    )
    yield accepted(
        "Connection names the length", head(b"Connection: Content-Length\r\n" + length) + b"hello", b"hello",
        with_values(content_length=["5"]),
    )  # fmt: skip
    yield accepted("Connection names the coding", head(b"Connection: Transfer-Encoding\r\n" + CHUNKED) + WHOLE, b"hello")
    yield accepted(
        "Connection names a field", head(b"Connection: X-A, ,x-b\r\nX-A: 1\r\nX-B: 2\r\nX-C: 3\r\n"),
        check=lambda seen: (without("x-a", "x-b", "connection")(seen), with_values(x_c=["3"])(seen)),
    )  # fmt: skip
    yield accepted(
        "names with underscores",
        head(b"Content_Length: 50\r\nTransfer_Encoding: chunked\r\nX_Forwarded_For: evil\r\nX-Forwarded_Host: evil\r\n"
             b"X_Request_ID: evil\r\n" + length) + b"hello",
        b"hello",
        lambda seen: (
            without("content_length", "transfer_encoding", "x_forwarded_for", "x-forwarded_host", "x_request_id")(seen),
            with_values(x_forwarded_for=["127.0.0.1"])(seen),
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
    yield accepted("Expect and the body at once", head(b"Expect: 100-continue\r\n" + length) + b"hello", b"hello")
    yield accepted("Expect in another case", head(b"eXPECT: 100-Continue\r\n" + length) + b"hello", b"hello")
    yield accepted("Expect twice", head(b"Expect: 100-continue\r\nExpect: 100-continue\r\n" + length) + b"hello", b"hello")
    yield accepted("Expect with chunks", head(b"Expect: 100-continue\r\n" + CHUNKED) + WHOLE, b"hello")
    yield accepted("Expect without a body", head(b"Expect: 100-continue\r\n"), check=without("expect"))
    for value in [b"200-ok", b"100-continue, x", b"100-continue;a", b"", b"100", b"y 100-continue"]:
        yield refused(f"Expect {value!r}", head(b"Expect: " + value + b"\r\n" + length) + b"hello", 417)
    yield refused("Expect is folded", head(b"Expect:\r\n 100-continue\r\n" + length) + b"hello")
    yield Row(
        "many in one go", head() + head(length) + b"hello" + head(CHUNKED) + WHOLE,
        seen=(("POST", "/x", b""), ("POST", "/x", b"hello"), ("POST", "/x", b"hello")),
    )  # fmt: skip


ROWS = [*framings(), *chunks(), *heads(), *connections()]


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory, shared_cache: Path) -> Iterator[Run]:
    """One run for all rows: what one leaves behind would show in the next."""
    package = packages.archive(tmp_path_factory.mktemp("echo") / "echo.apkg", packages.rest_files(ECHO))
    runtime = Path(tempfile.mkdtemp(prefix="par-e2e-"))
    environment = {
        **inherited_environment(),
        "AGENT_APP_ID": "probe",
        "BIND_ADDRESS": "127.0.0.1",
        "REST_PORT": "0",
        "PAR_CACHE_DIR": str(shared_cache),
        "RUNTIME_DIRECTORY": str(runtime),
        "TMPDIR": str(runtime),
        "DRAIN_MIN_SEC": "0.1",
        "BOOT_HARD_LIMIT_MULTIPLIER": "0",
    }
    run = Run([str(package)], environment, runtime=runtime)
    try:
        run.ready()
        yield run
        assert run.stop() == 0
        assert log.problems(run.lines) == []
    finally:
        left = run.clean_up()
        shutil.rmtree(runtime, ignore_errors=True)
    assert left == []


def exchange(port: int, data: bytes, bytewise: bool) -> list[tuple[int, dict[str, str], bytes]]:
    """Sends everything and reads until the program closes; the final responses."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if bytewise:
                for start in range(len(data)):
                    connection.sendall(data[start : start + 1])
            else:
                connection.sendall(data)
            while more := connection.recv(65536):
                received += more
        except ConnectionError:
            pass  # what was sent after the refusal may cost the rest
    responses = []
    while received:
        top, _, received = received.partition(b"\r\n\r\n")
        lines = top.decode("latin-1").split("\r\n")
        fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
        status = int(lines[0].split(" ")[1])
        if 100 <= status < 200:
            continue
        size = int(fields.get("content-length", 0))
        responses.append((status, fields, received[:size]))
        received = received[size:]
    return responses


def requests_seen(port: int) -> int:
    line = b"GET /seen HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    [(status, _, body)] = exchange(port, line, bytewise=False)
    assert status == 200
    return json.loads(body)


@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytewise"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_program_and_agent_read_the_same(agent, row, bytewise):
    if bytewise and len(row.data) > 2000:
        pytest.skip("the pieces are what is tested, not the length")
    before = requests_seen(agent.port)
    responses = exchange(agent.port, row.data + BEHIND, bytewise)
    count = requests_seen(agent.port) - before
    if row.status is not None:
        assert [status for status, _, _ in responses] == [row.status]
        _, fields, body = responses[0]
        assert fields["connection"].lower() == "close"
        assert set(json.loads(body)) == {"error", "state", "request_id"}
        assert count == 0
        return
    own, others = responses[: len(row.own)], responses[len(row.own) :]
    assert [status for status, _, _ in own] == list(row.own)
    seen = [json.loads(body) for _, _, body in others]
    goes_on = row.goes_on and not (row.own and bytewise)
    expected = [*row.seen, ("GET", "/behind", b"")] if goes_on else list(row.seen)
    assert [(one["method"], one["path"], one["body"].encode("latin-1")) for one in seen] == expected
    assert count == len(expected)
    if row.check:
        row.check(seen)


def test_the_program_outlives_it_all(agent):
    """After every row: nothing in flight, and memory is not what it was fed."""
    with socket.create_connection(("127.0.0.1", agent.port), timeout=DEADLINE) as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        text = b""
        while more := connection.recv(65536):
            text += more
    assert b"\npar_requests_in_flight 0\n" in text
    assert not agent.events("worker_exited")
