"""RFC 9113 sections 3 to 5: preface, frames, field blocks, states of streams, errors, extensions."""

from __future__ import annotations

from typing import Iterator

from . import fields, frames
from .frames import (
    CONTINUATION, DATA, END_HEADERS, END_STREAM, FRAME_SIZE, GOAWAY, HEADERS, PING, PREFACE, PRIORITY,
    PUSH_PROMISE, RST_STREAM, SETTINGS, UNKNOWN, WINDOW_UPDATE, raw,
)  # fmt: skip
from .rows import (
    ANSWERED, COMPRESSION, GOES_ON, PROTOCOL, READ, SIZE, Row, Target, connection, over, row, stream,
)  # fmt: skip

CLOSED = (stream("STREAM_CLOSED"), connection("STREAM_CLOSED"))


def unfinished(t: Target) -> bytes:
    """A field block that is to be continued."""
    return raw(HEADERS, 0, 1, fields.block(t.fields()))


def preface() -> Iterator[Row]:
    yield row(
        "a request behind the preface at once", "3.4", ANSWERED,
        PREFACE + frames.settings(), lambda t: t.whole(1), preface=True,
    )  # fmt: skip
    yield row(
        "SETTINGS with values", "3.4", ANSWERED,
        PREFACE + frames.settings({frames.ENABLE_PUSH: 0, frames.INITIAL_WINDOW_SIZE: 1 << 20}), lambda t: t.whole(1),
        preface=True,
    )  # fmt: skip
    for name, first in {
        "PING": frames.ping(), "WINDOW_UPDATE": frames.window_update(0, 1), "an ACK of SETTINGS": frames.SETTINGS_ACK,
        "GOAWAY": frames.goaway(), "PRIORITY": frames.priority(1), "an unknown frame": raw(UNKNOWN),
    }.items():  # fmt: skip
        yield row(f"{name} in the place of SETTINGS", "3.4", PROTOCOL, PREFACE + first, preface=True)
    yield row("HEADERS in the place of SETTINGS", "3.4", PROTOCOL, PREFACE, lambda t: t.whole(1), preface=True)
    yield row(
        "SETTINGS on a stream in the place of SETTINGS", "3.4", PROTOCOL, PREFACE + raw(SETTINGS, 0, 1), preface=True
    )


def sizes() -> Iterator[Row]:
    large = b"\0" * (FRAME_SIZE + 1)
    yield row("an unknown type, on the connection", "4.1", GOES_ON, raw(UNKNOWN, 0xFF, 0, b"x" * 99))
    yield row("an unknown type, on an idle stream", "4.1", GOES_ON, raw(UNKNOWN, 0, 7, b"x"))
    yield row(
        "an unknown type, on an open stream", "4.1", ANSWERED, lambda t: t.open(1), raw(UNKNOWN, 0x5, 1, b"x"),
        lambda t: t.finish(1),
    )  # fmt: skip
    yield row("an unknown type of the largest size", "4.1", GOES_ON, raw(UNKNOWN, 0, 0, b"x" * FRAME_SIZE))
    yield row("flags that PING does not have", "4.1", GOES_ON, raw(PING, 0xFE, 0, b"12345678"))
    yield row(
        "flags that HEADERS and DATA do not have", "4.1", ANSWERED,
        lambda t: raw(HEADERS, END_HEADERS | 0xD2 & ~0x28, 1, fields.block(t.fields())),
        lambda t: raw(DATA, END_STREAM | 0xF6, 1, t.content),
    )  # fmt: skip
    yield row("the reserved bit, on the connection", "4.1", GOES_ON, raw(PING, 0, 0, b"12345678", reserved=True))
    yield row(
        "the reserved bit, on a stream", "4.1", ANSWERED,
        lambda t: raw(HEADERS, END_HEADERS, 1, fields.block(t.fields()), reserved=True),
        lambda t: raw(DATA, END_STREAM, 1, t.content, reserved=True),
    )  # fmt: skip
    one_frame = "one frame size for all: nghttp2 ends the connection, which 5.4.1 allows"
    yield row(
        "DATA too large", "4.2", (stream("FRAME_SIZE_ERROR"), SIZE), lambda t: t.open(1), raw(DATA, 0, 1, large),
        why=one_frame,
    )  # fmt: skip
    yield row("HEADERS too large", "4.2", SIZE, raw(HEADERS, END_HEADERS, 1, large))
    yield row(
        "CONTINUATION too large", "4.2", (SIZE, ANSWERED), unfinished,
        raw(CONTINUATION, END_HEADERS, 1, fields.literal(b"x", b"v" * FRAME_SIZE)), lambda t: t.finish(1),
        why="nghttp2 looks at the size of every frame but this; what it holds is bounded with the field block",
    )  # fmt: skip
    yield row("SETTINGS too large", "4.2", SIZE, raw(SETTINGS, 0, 0, b"\0" * (FRAME_SIZE // 6 * 6 + 6)))
    yield row("GOAWAY too large", "4.2", SIZE, raw(GOAWAY, 0, 0, large))
    yield row(
        "an unknown type too large", "4.2", (SIZE, GOES_ON), raw(UNKNOWN, 0, 0, large),
        why="4.1: unknown frames are discarded, whatever is in them",
    )  # fmt: skip
    yield row("a length of 16 MiB of which nothing comes", "4.2", SIZE, raw(HEADERS, END_HEADERS, 1, length=0xFFFFFF))
    for kind, name, length, stream_id, first in [
        (PING, "PING", 7, 0, b""), (PING, "PING", 9, 0, b""), (PING, "PING", 0, 0, b""),
        (SETTINGS, "SETTINGS", 1, 0, b""), (SETTINGS, "SETTINGS", 5, 0, b""), (SETTINGS, "SETTINGS", 7, 0, b""),
        (RST_STREAM, "RST_STREAM", 3, 1, b"open"), (RST_STREAM, "RST_STREAM", 5, 1, b"open"),
        (WINDOW_UPDATE, "WINDOW_UPDATE", 3, 0, b""), (WINDOW_UPDATE, "WINDOW_UPDATE", 5, 0, b""),
        (WINDOW_UPDATE, "WINDOW_UPDATE", 3, 1, b"open"), (GOAWAY, "GOAWAY", 7, 0, b""),
    ]:  # fmt: skip
        before = (lambda t: t.open(1)) if first else b""
        yield row(
            f"{name} of {length} bytes{' on a stream' if first else ''}", "4.2", SIZE, before,
            raw(kind, 0, stream_id, b"\1" * length),
        )  # fmt: skip
    for length in (0, 4, 6):
        yield row(
            f"PRIORITY of {length} bytes", "6.3", (stream("FRAME_SIZE_ERROR"), SIZE), lambda t: t.open(1),
            raw(PRIORITY, 0, 1, b"\0" * length), why=one_frame,
        )  # fmt: skip


def blocks() -> Iterator[Row]:
    yield row(
        "a field block in pieces", "4.3", ANSWERED, lambda t: frames.fragments(1, fields.block(t.fields()), 40),
        # nghttp2 takes each piece of a CONTINUATION frame's head for a frame when it counts them.
        lambda t: t.finish(1), whole=True,
    )  # fmt: skip
    yield row(
        "a field block whose HEADERS is empty", "4.3", ANSWERED,
        lambda t: raw(HEADERS, 0, 1) + raw(CONTINUATION, END_HEADERS, 1, fields.block(t.fields())),
        lambda t: t.finish(1),
    )  # fmt: skip
    yield row(
        "a field block whose CONTINUATION is empty", "4.3", ANSWERED, unfinished, raw(CONTINUATION, END_HEADERS, 1),
        lambda t: t.finish(1),
    )  # fmt: skip
    yield row(
        "END_STREAM on HEADERS that is continued", "6.2", "answered 200",
        lambda t: frames.fragments(1, fields.block(t.fields(method=b"GET", path=b"/x")), 30, end=True),
        without=("check", "invoke", "grpc on rest"),
    )  # fmt: skip
    for name, between in {
        "DATA": frames.data(1, b"x"), "PRIORITY": frames.priority(1), "RST_STREAM": frames.reset(1),
        "SETTINGS": frames.settings(), "PING": frames.ping(), "GOAWAY": frames.goaway(),
        "WINDOW_UPDATE": frames.window_update(0, 1), "an unknown type (5.5)": raw(UNKNOWN, 0, 0, b"x"),
        "an unknown type on the stream (5.5)": raw(UNKNOWN, 0, 1), "CONTINUATION of another stream": raw(CONTINUATION, END_HEADERS, 3),
        "CONTINUATION of the connection": raw(CONTINUATION, END_HEADERS, 0),
        "HEADERS of the same stream": raw(HEADERS, END_HEADERS, 1), "HEADERS of another stream": raw(HEADERS, END_HEADERS, 3),
        "PUSH_PROMISE": raw(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\2"),
    }.items():  # fmt: skip
        yield row(f"{name} inside a field block", "4.3", PROTOCOL, unfinished, between)
    yield row("a field block that cannot be decoded", "4.3", COMPRESSION, raw(HEADERS, END_HEADERS, 1, b"\x80"))
    yield row(
        "a field block of a request that is refused is decoded all the same", "4.3", ANSWERED,
        lambda t: frames.headers(1, fields.added(b"x-kept", b"1") + fields.block(t.fields())),  # malformed: 8.3
        lambda t: frames.headers(3, fields.block(t.fields()) + fields.indexed(fields.STATIC + 1)), lambda t: t.finish(3),
        stream=3,
    )  # fmt: skip
    yield row(
        "trailers that cannot be decoded", "4.3", COMPRESSION, lambda t: t.open(1),
        raw(HEADERS, END_HEADERS | END_STREAM, 1, b"\xff\xff\xff\xff\xff\xff"),
    )  # fmt: skip


def states() -> Iterator[Row]:
    for name, frame in {
        "DATA": frames.data(1, b"x"), "empty DATA": frames.data(1, end=True), "RST_STREAM": frames.reset(1),
        "WINDOW_UPDATE": frames.window_update(1, 1), "CONTINUATION": raw(CONTINUATION, END_HEADERS, 1),
    }.items():  # fmt: skip
        yield row(f"{name} on an idle stream", "5.1", PROTOCOL, frame)
    for name, frame in {
        "DATA": frames.data(2, b"x"), "RST_STREAM": frames.reset(2), "WINDOW_UPDATE": frames.window_update(2, 1),
    }.items():  # fmt: skip
        yield row(f"{name} on a stream that only the server may open", "5.1", PROTOCOL, frame)
    yield row("PRIORITY on an idle stream", "5.1", GOES_ON, frames.priority(9))
    yield row("PRIORITY on a stream of the server", "5.1", GOES_ON, frames.priority(2))

    half = lambda t: t.hold(1)  # noqa: E731
    yield row("DATA on a half-closed stream", "5.1", CLOSED, half, READ, frames.data(1, b"x"), why="5.4.1")
    yield row(
        "DATA right behind END_STREAM", "5.1", CLOSED, half, frames.data(1, b"x"), why="5.4.1",
    )  # fmt: skip
    yield row(
        "HEADERS on a half-closed stream", "5.1", CLOSED, half, READ,
        frames.headers(1, fields.block([(b"x", b"y")]), end=True), why="5.4.1",
    )  # fmt: skip
    yield row(
        "CONTINUATION on a half-closed stream", "5.1", (*CLOSED, PROTOCOL), half, READ, raw(CONTINUATION, END_HEADERS, 1),
        why="6.10: no HEADERS before it is a connection error PROTOCOL_ERROR",
    )  # fmt: skip
    yield row("WINDOW_UPDATE on a half-closed stream", "5.1", GOES_ON, half, READ, frames.window_update(1, 5))
    yield row("PRIORITY on a half-closed stream", "5.1", GOES_ON, half, READ, frames.priority(1))
    yield row("RST_STREAM on a half-closed stream", "5.1", GOES_ON, half, READ, frames.reset(1))

    gone = lambda t: t.open(1) + frames.reset(1)  # noqa: E731
    ignored = "the closed state: a frame may be ignored"
    for name, frame in {
        "DATA": frames.data(1, b"x"), "empty DATA": frames.data(1, end=True),
        "HEADERS": frames.headers(1, fields.block([(b"x", b"y")]), end=True),
    }.items():  # fmt: skip
        yield row(
            f"{name} after RST_STREAM", "5.1", (*CLOSED, GOES_ON), gone, READ, frame, why=ignored,
        )  # fmt: skip
    yield row("WINDOW_UPDATE after RST_STREAM", "5.1", GOES_ON, gone, READ, frames.window_update(1, 1))
    yield row("RST_STREAM after RST_STREAM", "5.1", GOES_ON, gone, READ, frames.reset(1))
    yield row("PRIORITY after RST_STREAM", "5.1", GOES_ON, gone, READ, frames.priority(1))

    done = (lambda t: t.whole(1), over(1))
    yield row("DATA after the response", "5.1", (*CLOSED, ANSWERED), *done, frames.data(1, b"x"), READ, why=ignored)
    yield row(
        "HEADERS after the response", "5.1", (*CLOSED, PROTOCOL, ANSWERED), *done,
        lambda t: frames.headers(1, fields.block(t.fields()), end=True), READ,
        why="5.1.1: a stream identifier is not used again, a connection error PROTOCOL_ERROR; " + ignored,
    )  # fmt: skip
    yield row("WINDOW_UPDATE after the response", "5.1", ANSWERED, *done, frames.window_update(1, 1), READ)
    yield row("RST_STREAM after the response", "5.1", ANSWERED, *done, frames.reset(1), READ)
    yield row("PRIORITY after the response", "5.1", ANSWERED, *done, frames.priority(1), READ)


def identifiers() -> Iterator[Row]:
    yield row("a stream of an even number", "5.1.1", PROTOCOL, lambda t: t.whole(2), stream=2)
    yield row("identifiers that are skipped", "5.1.1", ANSWERED, lambda t: t.whole(7), stream=7)
    yield row(
        "a lower identifier than before", "5.1.1", (PROTOCOL, *CLOSED, GOES_ON), lambda t: t.whole(7), over(7),
        lambda t: t.whole(5), stream=5,
        why="a skipped stream is closed, where a frame may be ignored (5.1): nghttp2 cannot tell it from one that it has "
        "reset, and does",
    )  # fmt: skip
    yield row(
        "DATA on a stream that was skipped", "5.1.1", (*CLOSED, GOES_ON), lambda t: t.whole(7), over(7),
        frames.data(5, b"x"), READ, why="the closed state: a frame may be ignored", stream=5,
    )  # fmt: skip
    yield row(
        "a stream's number used again", "5.1.1", (PROTOCOL, connection("STREAM_CLOSED"), GOES_ON), lambda t: t.open(1),
        frames.reset(1), lambda t: t.open(3) + t.open(1), why="the closed state: a frame may be ignored",
    )  # fmt: skip


def priorities() -> Iterator[Row]:
    deprecated = "RFC 7540 section 5.3.1 made it PROTOCOL_ERROR; RFC 9113 has no rule for it"
    either = (ANSWERED, stream("PROTOCOL_ERROR"), PROTOCOL)
    yield row(
        "HEADERS that depends on its own stream", "5.3.2", either,
        lambda t: raw(HEADERS, END_HEADERS | 0x20, 1, b"\0\0\0\1\x0f" + fields.block(t.fields())),
        lambda t: t.finish(1), why=deprecated,
    )  # fmt: skip
    yield row(
        "PRIORITY that depends on its own stream", "5.3.2", (GOES_ON, stream("PROTOCOL_ERROR"), PROTOCOL),
        raw(PRIORITY, 0, 1, b"\0\0\0\1\x0f"), why=deprecated,
    )  # fmt: skip
    yield row(
        "HEADERS with a priority", "5.3.2", ANSWERED,
        lambda t: raw(HEADERS, END_HEADERS | 0x20, 1, b"\x80\0\0\x63\xff" + fields.block(t.fields())),
        lambda t: t.finish(1),
    )  # fmt: skip
    yield row(
        "priorities in a circle", "5.3.2", ANSWERED,
        frames.priority(3, 5) + frames.priority(5, 3, exclusive=True) + frames.priority(1, 3), lambda t: t.whole(1),
    )  # fmt: skip


ROWS = [*preface(), *sizes(), *blocks(), *states(), *identifiers(), *priorities()]
