"""Field lines, Host, request lines and targets."""

from __future__ import annotations

from typing import Iterator

from .rows import Row, accepted, head, refused


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
        b"\nPOST /x HTTP/1.1", b"POST /x\x7f HTTP/1.1", b"\x16\x03\x01 /x HTTP/1.1", b"POST \\x HTTP/1.1",
        b"POST /x HTTP/1.1\nX: y", b"POST http:/x HTTP/1.1", b"POST /x HTTP/9", b"HTTP/1.1 200 OK",
    ]:  # fmt: skip
        yield refused(f"line {line!r}", head(line=line))
    for version in [b"0.9", b"1.2", b"1.9", b"2.0", b"2.1", b"3.0", b"9.9"]:
        yield refused(f"version {version!r}", head(line=b"POST /x HTTP/" + version), 505)
    yield refused("HTTP/0.9", b"GET /x\r\n")
    yield refused("a method of 33 bytes", head(line=b"A" * 33 + b" /x HTTP/1.1"), 501)
    for line in [b"CONNECT a:80 HTTP/1.1", b"CONNECT /x HTTP/1.1", b"TRACE /x HTTP/1.1"]:
        yield refused(f"line {line!r}", head(line=line), 501)
    for target in [b"http://a/x", b"HTTP://A/x", b"/./x", b"/y/../x", b"/y/%2e%2e/x", b"/agents/probe/x", b"/%78"]:
        yield accepted(f"target {target!r}", head(line=b"POST " + target + b" HTTP/1.1"))
    yield Row("an encoded slash", head(line=b"POST /y%2f..%2Fx HTTP/1.1"), seen=(("POST", "/y%2F..%2Fx", b""),))
    yield refused("fields too many", head(b"X: y\r\n" * 101), 431)
    yield refused("a head too long", head(b"X: " + b"y" * 70000 + b"\r\n"), 431)


def targets() -> Iterator[Row]:
    """Injection by what is decoded, and what leads another reader to another place."""
    def to(target: bytes, forwarded: str, **more: object) -> Row:
        return Row(f"target {target!r}", head(line=b"POST " + target + b" HTTP/1.1"), seen=(("POST", forwarded, b""),), **more)  # type: ignore[arg-type]

    yield to(b"/x%0d%0aX-A:%20y", "/x%0D%0AX-A:%20y")
    yield to(b"/x%0D%0A%0D%0AGET%20/smuggled%20HTTP/1.1", "/x%0D%0A%0D%0AGET%20/smuggled%20HTTP/1.1")
    yield to(b"/x?a=%0d%0aX-A:%20y", "/x?a=%0d%0aX-A:%20y")
    yield to(b"/x%20HTTP/1.1%0d%0aX:%20y", "/x%20HTTP/1.1%0D%0AX:%20y")
    yield to(b"/x%09y", "/x%09y")
    yield to(b"/x%7f%ff", "/x%7F%FF")
    yield to(b"/y/..;/x", "/y/..;/x")
    yield to(b"/y;/../x", "/x")
    yield to(b"/y/%2e%2e%3b/x", "/y/..%3B/x")
    yield to(b"/%c0%ae%c0%ae/x", "/%C0%AE%C0%AE/x")
    yield to(b"/%e0%80%ae/x", "/%E0%80%AE/x")
    yield to(b"/%252e%252e/x", "/%252e%252e/x")
    yield to(b"/%25%32%65/x", "/%252e/x")
    yield to(b"/y%5c..%5cx", "/y%5C..%5Cx")
    yield to(b"/y\\..\\x", "/y%5C..%5Cx")
    yield to(b"/y%2f%2e%2e%2fx", "/y%2F..%2Fx")
    yield to(b"/y/.%2e/x", "/x")
    yield to(b"/../../x", "/x")
    yield to(b"/./././x", "/x")
    yield to(b"/y/..", "/")
    yield to(b"//y//x", "//y//x")
    yield to(b"//evil/x", "//evil/x")
    yield to(b"/%2fevil/x", "/%2Fevil/x")
    yield to(b"/x?", "/x?")
    yield to(b"/x??a=b?c", "/x??a=b?c")
    yield to(b"/x?a=/../b", "/x?a=/../b")
    yield to(b"/x?a=\"<>[]{}|\\^`", "/x?a=%22%3C%3E[]{}|\\^`")
    yield to(b"/x\"<>[]{}|^`", "/x%22%3C%3E%5B%5D%7B%7D%7C%5E%60")
    yield to(b"/x%3fa=b", "/x%3Fa=b")
    yield to(b"/x%23y", "/x%23y")
    yield to(b"/x;a=b,c:d@e!$&'()*+", "/x;a=b,c:d@e!$&'()*+")
    yield to(b"/x?http://b/", "/x?http://b/")
    yield to(b"/http://b/x", "/http://b/x")
    yield to(b"http://a?b", "/?b")
    yield to(b"http://a//b/x", "//b/x")
    for target in [
        b"/x#", b"/#/x", b"/x?a#b", b"/%", b"/%4", b"/%zz", b"/%0", b"/x%", b"/%00x", b"/x%00", b"/%u002e/x", b"/% 2e/x", b"/%-1", b"/x\xc0\xae",
        b"http://", b"http:///x", b"http://a:80/x", b"http://a@b/x", b"http://b@a/x", b"http://a,b/x", b"http:/a/x", b"http:a/x", b"ftp://a/x", b"file:///x",
        b"ws://a/x", b"http://a\\/x", b"http://a#/x", b"http://b/x", b"http://[::1]/x", b"x", b"../x", b".", b"%2fx", b"a:80", b"*", b"**", b"*/x", b"http",
        b"?", b"\\\\a\\x", b"hTTp//a/x", b"http://a./x", b"http://%61/x",
    ]:  # fmt: skip
        yield refused(f"target {target!r}", head(line=b"POST " + target + b" HTTP/1.1"))
    for host in [
        b"a.", b"A", b"a:443", b"127.0.0.1", b"xn--a", b"a_b", b"[fe80::1]", b"%41", b"a;b", b"a=b", b"a!$&'()*+",
    ]:  # fmt: skip
        yield accepted(f"host {host!r}", head(host=b"Host: " + host + b"\r\n"))
    for host in [
        b"a,b", b"a\tb", b"a;b c", b"user:pw@a", b"@a", b"a@", b"a|b", b"a\"", b"a^", b"a`b", b"{a}", b"[a]", b"[::1", b"::1", b"a:b:80", b"a:8o", b"a:+80", b"a: 80",
        b"a :80", b"a/../b", b"a\xff", b"a\0", b"a\x0b", b"a\r\n b", b"http://a/", b"a:999999", b"[]", b"[::1]:x", b"[::1%eth0]",
    ]:  # fmt: skip
        yield refused(f"host {host!r}", head(host=b"Host: " + host + b"\r\n"))
    yield refused("a host in the target and none in the head", head(line=b"POST http://a/x HTTP/1.1", host=b""))
    yield refused("a host in the target of HTTP/1.0 and none in the head", head(line=b"POST http://a/x HTTP/1.0", host=b""))
    yield refused("a host that the target names otherwise, a port", head(line=b"POST http://a/x HTTP/1.1", host=b"Host: a:80\r\n"))
    yield refused("two hosts, one in the target", head(b"Host: b\r\n", line=b"POST http://b/x HTTP/1.1"))


def lines() -> Iterator[Row]:
    """Request lines."""
    for line in [
        b"POST /x HTTP/1.1 HTTP/1.1", b"POST /x /y HTTP/1.1", b"POST HTTP/1.1", b"POST  HTTP/1.1", b" /x HTTP/1.1", b"/x HTTP/1.1", b"POST /x\x0cHTTP/1.1",
        b"POST /x\xa0HTTP/1.1", b"POST\xa0/x HTTP/1.1", b"POST /x HTTP/1.1\x00", b"POST /x HTTP/1.1\t", b"POST /x HTTP\\1.1", b"POST /x HTTP/1.1.1",
        b"POST /x HTTP/+1.1", b"POST /x HTTP/1.1;", b"POST /x HTTP/1.", b"POST /x HTTP/.1", b"POST /x HTTP/11", b"POST /x HTTP/0x1.1", b"POST /x HTTP/1 .1",
        b"POST /x http/1.1", b"POST /x Http/1.1", b"POST /x HTTPS/1.1", b"POST /x SHTTP/1.1", b"POST /x ICY/1.1", b"POST /x  ", b"POST /x ", b"",
        b"\tPOST /x HTTP/1.1", b"PO ST /x HTTP/1.1", b"PO/ST /x HTTP/1.1", b"POST\\ /x HTTP/1.1", b"(POST) /x HTTP/1.1", b"POST, /x HTTP/1.1", b"P\xc3\x96ST /x HTTP/1.1",
        b"\xef\xbb\xbfPOST /x HTTP/1.1", b"POST /x HTTP/1.1\r\r", b"POST /x\rHTTP/1.1", b"POST\r/x HTTP/1.1", b"\rPOST /x HTTP/1.1", b"\x80POST /x HTTP/1.1",
        b"POST /x HTTP/1.1\x0b", b"POST /x HTTP/1.1 \x01", b"X: y", b"POST:/x:HTTP/1.1", b"\x04\x01\x00\x50\x7f\x00\x00\x01\x00", b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2",
        b"\x05\x01\x00", b"\x0d\x0a\x0d\x0a\x00\x0d\x0aQUIT\x0a", b"SSH-2.0-x", b"EHLO a", b"USER a", b"<xml/>", b"{}", b"POST /x HTTP/1.1\r\nHTTP/1.1 200 OK",
    ]:  # fmt: skip
        yield refused(f"line {line!r}", head(line=line))
    for version in [b"1.2", b"2.0", b"3.0", b"0.9", b"0.0", b"1.7", b"7.1"]:
        yield refused(f"version {version.decode()} with a body", head(b"Content-Length: 5\r\n", b"POST /x HTTP/" + version) + b"hello", 505)
    yield refused("HTTP/0.9, then a request", b"GET /x\r\nHost: a\r\n\r\n")
    yield refused("the preface of HTTP/2 but for its last byte", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\rX", 505)
    yield Row("the preface of HTTP/2 behind a request", head() + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, seen=(("POST", "/x", b""),))
    # The letters' case is a method's own: nobody's GET, and forwarded so. Strict servers know no such method.
    for method in (b"post", b"Post", b"FOO", b"GET.", b"M-SEARCH", b"A" * 32):
        yield Row(
            f"method {method!r}", head(line=method + b" /x HTTP/1.1"), seen=((method.decode(), "/x", b""),),
            refused_by=("uvicorn httptools", "aiohttp", "gunicorn", "granian", "uvicorn h11"),
        )  # fmt: skip


def names() -> Iterator[Row]:
    """A field's name is a token, whatever the byte in it."""
    token = set(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
    for byte in sorted(set(range(256)) - token - {0x3A}):
        yield refused(f"0x{byte:02x} in a name", head(b"X%cY: z\r\n" % byte), whole=byte > 0x80)
    for byte in [*range(0x00, 0x09), 0x0A, 0x0B, 0x0C, 0x0D, *range(0x0E, 0x20), 0x7F]:
        yield refused(f"0x{byte:02x} in a value", head(b"X: y%cz\r\n" % byte), whole=True)
    yield accepted("every byte that a value may have", head(b"X: y" + bytes([9, *range(0x20, 0x7F), *range(0x80, 0x100)]) + b"z\r\n"))
    yield accepted("a name of every character of a token", head(bytes(sorted(token)) + b": y\r\n"))
    yield accepted("a field of 8 KB", head(b"X: " + b"y" * 8000 + b"\r\n"), whole=True)
    yield accepted("an empty value", head(b"X:\r\nY: \t\r\n"))
    yield accepted("a value of colons", head(b"X: : Y: z: \r\n"))
    yield accepted("the same field often", head(b"X: 1\r\nx: 2\r\nX: 3\r\n"))
