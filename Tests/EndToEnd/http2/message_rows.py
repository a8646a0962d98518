"""RFC 9113 section 8: requests that are malformed, and those that only look odd."""

from __future__ import annotations

from typing import Iterator

from . import fields, frames
from .rows import ANSWERED, MALFORMED, Row, Target, row

GRPC = ("check", "invoke", "grpc on rest")
#: grpcio takes letters, digits and -_. for names, and refuses the call otherwise.
AGENT_GRPC = ("invoke", "grpc on rest")


def request(name: str, section: str, expected, *more: fields.Field, without=(), why="", **changed) -> Row:
    """A whole request with fields more or less."""
    return row(name, section, expected, lambda t: t.whole(1, *more, **changed), without=without, why=why)


def in_order(make) -> object:
    """A whole request whose fields are made from the target's."""
    return lambda t: frames.headers(1, fields.block(make(t.fields()))) + t.finish(1)


def misplaced(given: list[fields.Field], name: bytes) -> list[fields.Field]:
    """The field at the end, behind at least one that is not control data."""
    rest = [one for one in given if one[0] != name]
    return [*rest, (b"x-a", b"y"), *(one for one in given if one[0] == name)]


def names_and_values() -> Iterator[Row]:
    for name in [
        b"X-A", b"x-A", b"x a", b" x", b"x ", b"x\t", b"x\0", b"x\r", b"x\n", b"x\r\ny", b"x:", b"x:y", b"x\x7f", b"x\xe9", b"\x1f", b"",
        b"x\x80", b"Content-Length", b"transfer encoding",
    ]:  # fmt: skip
        yield request(f"the name {name!r}", "8.2.1", MALFORMED, (name, b"y"))
    for name in [b"x(", b"x@", b'x"', b"x/y", b"x,", b"x=", b"x;", b"{x}", b"x[0]", b"x\\"]:
        yield request(
            f"the name {name!r}", "8.2.1", (*MALFORMED, ANSWERED), (name, b"y"),
            why="no token by RFC 9110, but not in the list of 8.2.1 that MUST be checked",
        )  # fmt: skip
    for value in [b"\0", b"a\0b", b"a\rb", b"a\nb", b"a\r\nx: y", b"\n", b"a\r", b" a", b"a ", b"\ta", b"a\t", b" "]:
        yield request(f"the value {value!r}", "8.2.1", MALFORMED, (b"x-a", value))
    for value in [b"\x01", b"a\x1fb", b"a\x7fb"]:
        yield request(
            f"the value {value!r}", "8.2.1", (*MALFORMED, ANSWERED), (b"x-a", value),
            why="no field value by RFC 9110, but not in the list of 8.2.1 that MUST be checked",
        )  # fmt: skip
    for value in [b"", b"a b", b"a\tb", b"\xe9\xff", b"a" * 4000]:
        yield request(f"the value {value[:9]!r}", "8.2.1", ANSWERED, (b"x-a", value))
    yield request("a name of every allowed character", "8.2.1", ANSWERED, (b"!#$%&'*+-.^_`|~0az", b"y"), without=AGENT_GRPC)
    for value in [b"\0", b"a\nb", b" a"]:
        yield row(
            f"the value {value!r} in trailers", "8.2.1", MALFORMED, lambda t: t.open(1) + frames.data(1, t.content),
            frames.headers(1, fields.block([(b"x-a", value)]), end=True),
        )  # fmt: skip
    yield row(
        "an upper-case name in trailers", "8.2", MALFORMED, lambda t: t.open(1) + frames.data(1, t.content),
        frames.headers(1, fields.block([(b"X-A", b"y")]), end=True),
    )  # fmt: skip


def of_the_connection() -> Iterator[Row]:
    for name, value in [
        (b"connection", b"close"), (b"connection", b"keep-alive"), (b"connection", b"x-a"), (b"keep-alive", b"timeout=5"),
        (b"proxy-connection", b"keep-alive"), (b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"identity"),
        (b"upgrade", b"h2c"), (b"upgrade", b"websocket"), (b"te", b"gzip"), (b"te", b"trailers, gzip"), (b"te", b""),
    ]:  # fmt: skip
        yield request(f"{name.decode()}: {value.decode()}", "8.2.2", MALFORMED, (name, value))
    yield request("te: trailers", "8.2.2", ANSWERED, (b"te", b"trailers"), without=GRPC)
    yield request(
        "http2-settings", "8.6", ANSWERED, (b"http2-settings", b"AAMAAABkAARAAAAAAAIAAAAA"),
    )  # fmt: skip
    for name, value in [(b"connection", b"close"), (b"transfer-encoding", b"chunked")]:
        yield row(
            f"{name.decode()} in trailers", "8.2.2", (*MALFORMED, ANSWERED), lambda t: t.open(1) + frames.data(1, t.content),
            frames.headers(1, fields.block([(name, value)]), end=True),
            why="as a field of the whole message it is malformed; trailers are left out by the program anyway",
        )  # fmt: skip


def control_data() -> Iterator[Row]:
    for name in ("method", "scheme", "path"):
        yield request(f"no :{name}", "8.3.1", MALFORMED, **{name: None})
        yield row(
            f":{name} twice", "8.3", MALFORMED,
            in_order(lambda given, name=name: [*given[:4], (b":" + name.encode(), dict(given)[b":" + name.encode()]), *given[4:]]),
        )  # fmt: skip
        yield row(
            f":{name} behind a field", "8.3", MALFORMED,
            in_order(lambda given, name=name: misplaced(given, b":" + name.encode())),
        )  # fmt: skip
    yield row(
        ":authority twice", "8.3", MALFORMED, in_order(lambda given: [*given[:4], (b":authority", b"other"), *given[4:]])
    )
    yield row(":authority behind a field", "8.3", MALFORMED, in_order(lambda given: misplaced(given, b":authority")))
    yield row("a field between control data", "8.3", MALFORMED, in_order(lambda given: [given[0], (b"x", b"y"), *given[1:]]))
    yield row("no control data at all", "8.3.1", MALFORMED, in_order(lambda given: given[4:]))
    yield row("no fields at all", "8.3.1", MALFORMED, frames.headers(1, b"", end=True))
    for name, value in [(b":status", b"200"), (b":foo", b"bar"), (b":", b"x"), (b":Path", b"/"), (b"::path", b"/"), (b":host", b"a"),
                        (b":protocol", b"websocket")]:  # fmt: skip
        yield row(
            f"{name.decode()} in a request", "8.3", MALFORMED,
            in_order(lambda given, field=(name, value): [*given[:4], field, *given[4:]]),
        )  # fmt: skip
    yield request("an empty :method", "8.3.1", MALFORMED, method=b"")
    for value in [b"PO ST", b"POST\0", b"POST\r\n", b"P(ST", b"POST /x HTTP/1.1", b"\xe9"]:
        yield request(f":method {value!r}", "8.3.1", MALFORMED, method=value)
    yield request("an empty :scheme", "8.3.1", MALFORMED, scheme=b"")
    for value in [b"ht tp", b"http:", b"1http", b"http\0", b"http://a/"]:
        yield request(f":scheme {value!r}", "8.3.1", MALFORMED, scheme=value)
    yield request(":scheme https", "8.3.1", ANSWERED, scheme=b"https")
    yield request("an empty :path", "8.3.1", MALFORMED, path=b"")
    for value in [
        b"x", b"http://a/x", b"*", b"?x", b" /x", b"/x ", b"/x\0", b"/x\r\ny: z", b"/x y", b"/x\x7f", b"\\x",
    ]:  # fmt: skip
        yield request(f":path {value!r}", "8.3.1", MALFORMED, path=value)
    for value in [b"/x\xe9", b"/x\xc3\xa9"]:
        yield request(
            f":path {value!r}", "8.3.1", (*MALFORMED, "answered 200 grpc 12"), path=value,
            why="of gRPC: the program knows that no method is called so, and does not ask the agent, whose server it would end",
        )  # fmt: skip
    yield request(
        "a fragment in :path", "8.3.1", (*MALFORMED, "answered 200 grpc 12"), path=b"/x#y",
        why="gRPC takes it for the name of a method, which nobody has",
    )  # fmt: skip
    yield request("an empty :authority", "8.3.1", (*MALFORMED, ANSWERED), authority=b"", why="the RFC leaves it open")
    for value in [b"user@a", b"user:pass@a"]:
        yield request(
            f":authority {value!r}", "8.3.1", (*MALFORMED, ANSWERED), authority=value,
            why="a rule for who sends it; how it is met is not said",
        )  # fmt: skip
    for value in [b"a b", b"a/b", b"a\0", b"a\r\nx: y", b"a\xe9", b"a#b", b"a?b"]:
        yield request(f":authority {value!r}", "8.3.1", MALFORMED, authority=value)
    yield request("no :authority and no host", "8.3.1", (*MALFORMED, ANSWERED), authority=None, why="the RFC leaves it open")
    yield request("host in the place of :authority", "8.3.1", ANSWERED, (b"host", b"a"), authority=None)
    yield request("host as :authority says", "8.3.1", ANSWERED, (b"host", b"localhost"))
    differs = "a server SHOULD treat it as malformed; the program may ignore host, as :authority has precedence"
    yield request("host unlike :authority", "8.3.1", (*MALFORMED, ANSWERED), (b"host", b"evil"), why=differs)
    yield request("host twice", "8.3.1", MALFORMED, (b"host", b"a"), (b"host", b"b"), authority=None)
    for name in (b":path", b":status", b":foo"):
        yield row(
            f"{name.decode()} in trailers", "8.1", MALFORMED, lambda t: t.open(1) + frames.data(1, t.content),
            frames.headers(1, fields.block([(name, b"/")]), end=True),
        )  # fmt: skip


def connects() -> Iterator[Row]:
    not_here = "answered 501"
    yield row(
        "CONNECT", "8.5", (not_here, *MALFORMED, "answered 405", "answered 415"),
        frames.headers(1, fields.block([(b":method", b"CONNECT"), (b":authority", b"a:80")])),
        why="a server that is no proxy",
    )  # fmt: skip
    yield row(
        "CONNECT with :scheme and :path", "8.5", MALFORMED,
        lambda t: frames.headers(1, fields.block(t.fields(method=b"CONNECT"))) + t.finish(1),
    )  # fmt: skip
    yield row(
        "CONNECT without :authority", "8.5", MALFORMED, frames.headers(1, fields.block([(b":method", b"CONNECT")]))
    )


def lengths() -> Iterator[Row]:
    def with_length(value: bytes, content: bytes, *, more: tuple = ()) -> object:
        return lambda t: t.open(1, (b"content-length", value), *more) + frames.data(1, content or t.content, end=True)

    def right(t: Target) -> bytes:
        return t.open(1, (b"content-length", str(len(t.content)).encode())) + t.finish(1)

    yield row("content-length that is right", "8.1.1", ANSWERED, right)
    yield row("content-length that is too long", "8.1.1", MALFORMED, with_length(b"500", b""))
    yield row("content-length that is too short", "8.1.1", MALFORMED, with_length(b"1", b""))
    yield row("content-length 0 with content", "8.1.1", MALFORMED, with_length(b"0", b""))
    yield row(
        "content-length without content", "8.1.1", MALFORMED,
        lambda t: frames.headers(1, fields.block(t.fields((b"content-length", b"5"))), end=True),
    )  # fmt: skip
    yield row(
        "content-length with empty content", "8.1.1", MALFORMED,
        lambda t: t.open(1, (b"content-length", b"5")) + frames.data(1, end=True),
    )  # fmt: skip
    yield row(
        "content-length counts no padding", "8.1.1", ANSWERED,
        lambda t: t.open(1, (b"content-length", str(len(t.content)).encode())),
        lambda t: frames.raw(frames.DATA, frames.PADDED | frames.END_STREAM, 1, b"\x09" + t.content + b"\0" * 9),
    )  # fmt: skip
    yield row(
        "content-length that trailers cut short", "8.1.1", MALFORMED,
        lambda t: t.open(1, (b"content-length", b"500")) + frames.data(1, t.content),
        frames.headers(1, fields.block([(b"x-sum", b"1")]), end=True),
    )  # fmt: skip
    for value in [b"-1", b"+5", b"five", b"5 5", b"5, 5", b"0x5", b"5.0", b"", b"18446744073709551621"]:
        yield row(f"content-length {value!r}", "8.1.1", MALFORMED, with_length(value, b""))
    yield row(
        "content-length twice, differing", "8.1.1", MALFORMED,
        with_length(b"5", b"", more=((b"content-length", b"6"),)),
    )  # fmt: skip


ROWS = [*names_and_values(), *of_the_connection(), *control_data(), *connects(), *lengths()]
