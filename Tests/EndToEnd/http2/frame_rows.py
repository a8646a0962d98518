"""RFC 9113 section 6: each frame type's own rules."""

from __future__ import annotations

import struct
from typing import Iterator

from . import fields, frames
from .frames import (
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, LARGEST_WINDOW, PADDED, PING, PRIORITY,
    PUSH_PROMISE, RST_STREAM, SETTINGS, WINDOW_UPDATE, raw, setting,
)  # fmt: skip
from .rows import ANSWERED, FLOW, GOES_ON, MALFORMED, PROTOCOL, READ, SILENT, SIZE, Row, over, row, stream

NONZERO = "non-zero padding may be PROTOCOL_ERROR"
NO_LENGTH = "a PADDED frame without a pad length is too short for its fields (4.2), or padding beyond its end (6.1)"


def data() -> Iterator[Row]:
    opened = lambda t: t.open(1)  # noqa: E731
    yield row("DATA on stream 0", "6.1", PROTOCOL, raw(DATA, 0, 0, b"x"))
    yield row(
        "DATA in pieces of one byte", "6.1", ANSWERED, opened,
        lambda t: b"".join(frames.data(1, t.content[at : at + 1]) for at in range(len(t.content))),
        frames.data(1, end=True),
    )  # fmt: skip
    yield row(
        "DATA with padding", "6.1", ANSWERED, opened,
        lambda t: raw(DATA, PADDED | END_STREAM, 1, b"\xff" + t.content + b"\0" * 255),
    )  # fmt: skip
    yield row(
        "DATA with a pad length of 0", "6.1", ANSWERED, opened,
        lambda t: raw(DATA, PADDED | END_STREAM, 1, b"\0" + t.content),
    )  # fmt: skip
    yield row(
        "DATA of nothing but padding", "6.1", ANSWERED, opened, raw(DATA, PADDED, 1, b"\x05" + b"\0" * 5),
        lambda t: t.finish(1),
    )  # fmt: skip
    yield row("padding as long as DATA", "6.1", PROTOCOL, opened, raw(DATA, PADDED, 1, b"\x06" + b"\0" * 5))
    yield row("padding longer than DATA", "6.1", PROTOCOL, opened, raw(DATA, PADDED | END_STREAM, 1, b"\xffx"))
    yield row("padding without its length", "6.1", (SIZE, PROTOCOL), opened, raw(DATA, PADDED, 1), why=NO_LENGTH)
    yield row(
        "padding that is not zero", "6.1", (ANSWERED, PROTOCOL), opened,
        lambda t: raw(DATA, PADDED | END_STREAM, 1, b"\x03" + t.content + b"abc"), why=NONZERO,
    )  # fmt: skip


def headers() -> Iterator[Row]:
    yield row("HEADERS on stream 0", "6.2", PROTOCOL, lambda t: raw(HEADERS, END_HEADERS, 0, fields.block(t.fields())))
    yield row(
        "HEADERS with padding", "6.2", ANSWERED,
        lambda t: raw(HEADERS, END_HEADERS | PADDED, 1, b"\x40" + fields.block(t.fields()) + b"\0" * 64),
        lambda t: t.finish(1),
    )  # fmt: skip
    yield row(
        "HEADERS with padding and priority", "6.2", ANSWERED,
        lambda t: raw(HEADERS, END_HEADERS | PADDED | 0x20, 1, b"\2\0\0\0\0\0" + fields.block(t.fields()) + b"\0\0"),
        lambda t: t.finish(1),
    )  # fmt: skip
    yield row("padding as long as HEADERS", "6.2", PROTOCOL, raw(HEADERS, END_HEADERS | PADDED, 1, b"\x05\0\0\0\0"))
    yield row(
        "padding that leaves no room for the priority", "6.2", (PROTOCOL, SIZE),
        raw(HEADERS, END_HEADERS | PADDED | 0x20, 1, b"\x03\0\0\0\0\0\0"),
        why="too short for its fields (4.2), or padding beyond its end (6.2)",
    )  # fmt: skip
    yield row("padding of HEADERS without its length", "6.2", (SIZE, PROTOCOL), raw(HEADERS, END_HEADERS | PADDED, 1), why=NO_LENGTH)
    yield row("a priority of 4 bytes in HEADERS", "6.2", SIZE, raw(HEADERS, END_HEADERS | 0x20, 1, b"\0" * 4))
    yield row(
        "trailers", "8.1", ANSWERED, lambda t: t.open(1), lambda t: frames.data(1, t.content),
        frames.headers(1, fields.block([(b"x-sum", b"1")]), end=True),
    )  # fmt: skip


def others() -> Iterator[Row]:
    yield row("PRIORITY on stream 0", "6.3", PROTOCOL, raw(PRIORITY, 0, 0, b"\0\0\0\1\0"))
    yield row("RST_STREAM on stream 0", "6.4", PROTOCOL, raw(RST_STREAM, 0, 0, b"\0\0\0\x08"))
    yield row("RST_STREAM of an unknown code", "6.4", GOES_ON, lambda t: t.open(1) + frames.reset(1, 0xDEADBEEF))
    yield row("RST_STREAM behind the request", "6.4", GOES_ON, lambda t: t.whole(1) + frames.reset(1))
    yield row("PUSH_PROMISE", "6.6", PROTOCOL, lambda t: t.open(1), raw(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\2"))
    yield row("PUSH_PROMISE on stream 0", "6.6", PROTOCOL, raw(PUSH_PROMISE, END_HEADERS, 0, b"\0\0\0\2"))
    yield row("PUSH_PROMISE on an idle stream", "6.6", PROTOCOL, raw(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\2"))
    yield row("PING on a stream", "6.7", PROTOCOL, lambda t: t.open(1), raw(PING, 0, 1, b"12345678"))
    yield row("an ACK of a PING that was not sent", "6.7", GOES_ON, raw(PING, ACK, 0, b"12345678"))
    yield row("GOAWAY on a stream", "6.8", PROTOCOL, lambda t: t.open(1), raw(GOAWAY, 0, 1, b"\0" * 8))
    late = "a client that goes away opens no streams: the server may close the connection when none is left (6.8)"
    yield row(
        "GOAWAY with a request on its way", "6.8", ANSWERED, lambda t: t.open(1) + frames.goaway(0, 0) + t.finish(1),
        why=late, last=True,
    )  # fmt: skip
    yield row(
        "GOAWAY of an unknown code, with words", "6.8", ANSWERED,
        lambda t: t.open(1) + frames.goaway(0, 0xDEAD, b"so long") + t.finish(1), why=late, last=True,
    )  # fmt: skip
    yield row(
        "a second GOAWAY of a higher stream", "6.8", (GOES_ON, PROTOCOL, SILENT), lambda t: t.hold(1), READ,
        frames.goaway(0, 0) + frames.goaway(2, 0), last=True, why="MUST NOT be sent; how it is met is not said",
    )  # fmt: skip
    yield row("CONTINUATION on stream 0", "6.10", PROTOCOL, raw(CONTINUATION, END_HEADERS, 0))
    yield row("CONTINUATION without HEADERS", "6.10", PROTOCOL, raw(CONTINUATION, END_HEADERS, 1))
    yield row(
        "CONTINUATION behind END_HEADERS", "6.10", PROTOCOL, lambda t: t.open(1), raw(CONTINUATION, END_HEADERS, 1)
    )
    yield row(
        "CONTINUATION behind END_HEADERS of CONTINUATION", "6.10", PROTOCOL,
        lambda t: frames.fragments(1, fields.block(t.fields()), 50), raw(CONTINUATION, END_HEADERS, 1), whole=True,
    )  # fmt: skip
    yield row(
        "CONTINUATION behind DATA", "6.10", PROTOCOL, lambda t: t.open(1), frames.data(1, b"\0"),
        raw(CONTINUATION, END_HEADERS, 1),
    )  # fmt: skip


def settings() -> Iterator[Row]:
    yield row("SETTINGS on a stream", "6.5", PROTOCOL, lambda t: t.open(1), raw(SETTINGS, 0, 1))
    yield row("an ACK of SETTINGS with a payload", "6.5", SIZE, raw(SETTINGS, ACK, 0, setting(4, 1)))
    yield row(
        "an ACK of SETTINGS that were not sent", "6.5.3", (GOES_ON, PROTOCOL), READ,
        frames.SETTINGS_ACK + frames.SETTINGS_ACK + frames.SETTINGS_ACK, why="the RFC does not say",
    )  # fmt: skip
    for name, payload in {
        "without values": b"", "of an unknown name": setting(0xBEEF, 99), "of the name 0": setting(0, 1),
        "that allow pushes": setting(frames.ENABLE_PUSH, 1), "that forbid pushes": setting(frames.ENABLE_PUSH, 0),
        "with no streams for the server": setting(frames.MAX_CONCURRENT_STREAMS, 0),
        "with the largest window": setting(frames.INITIAL_WINDOW_SIZE, LARGEST_WINDOW),
        "with the largest frames": setting(frames.MAX_FRAME_SIZE, (1 << 24) - 1),
        "with no table for the server's encoder": setting(frames.HEADER_TABLE_SIZE, 0),
        "with the largest table": setting(frames.HEADER_TABLE_SIZE, 0xFFFFFFFF),
        "with the shortest list of fields": setting(frames.MAX_HEADER_LIST_SIZE, 0),
        "that name a setting twice": setting(frames.INITIAL_WINDOW_SIZE, 1) + setting(frames.INITIAL_WINDOW_SIZE, 1 << 20),
        "of many values": setting(0xBEEF, 1) * 30, "with extended CONNECT": setting(frames.ENABLE_CONNECT_PROTOCOL, 1),
    }.items():  # fmt: skip
        short_list = "a client's limit of header lists is advice"
        yield row(f"SETTINGS {name}", "6.5.2", GOES_ON, raw(SETTINGS, 0, 0, payload), why=short_list if "list" in name else "")
    for name, value, expected in [
        ("ENABLE_PUSH", 2, PROTOCOL), ("ENABLE_PUSH", 0xFFFFFFFF, PROTOCOL), ("INITIAL_WINDOW_SIZE", 1 << 31, FLOW),
        ("INITIAL_WINDOW_SIZE", 0xFFFFFFFF, FLOW), ("MAX_FRAME_SIZE", (1 << 14) - 1, PROTOCOL),
        ("MAX_FRAME_SIZE", 1 << 24, PROTOCOL), ("MAX_FRAME_SIZE", 0, PROTOCOL),
    ]:  # fmt: skip
        yield row(f"SETTINGS_{name} {value}", "6.5.2", expected, raw(SETTINGS, 0, 0, setting(getattr(frames, name), value)))
    yield row(
        "SETTINGS_ENABLE_CONNECT_PROTOCOL 2", "6.5.2", (PROTOCOL, GOES_ON),
        raw(SETTINGS, 0, 0, setting(frames.ENABLE_CONNECT_PROTOCOL, 2)),
        why="RFC 8441: 0 and 1; a server that does not know the setting ignores it",
    )  # fmt: skip
    yield row(
        "a valid setting in front of one that is not", "6.5", PROTOCOL,
        raw(SETTINGS, 0, 0, setting(frames.MAX_FRAME_SIZE, 1 << 20) + setting(frames.ENABLE_PUSH, 9)),
    )  # fmt: skip


def windows() -> Iterator[Row]:
    increment = struct.pack(">I", 0)
    yield row("an increment of 0, on the connection", "6.9", PROTOCOL, raw(WINDOW_UPDATE, 0, 0, increment))
    yield row(
        "an increment of 0, on a stream", "6.9", (stream("PROTOCOL_ERROR"), PROTOCOL), lambda t: t.hold(1),
        raw(WINDOW_UPDATE, 0, 1, increment), why="5.4.1",
    )  # fmt: skip
    yield row(
        "an increment of 0 but for the reserved bit", "6.9", PROTOCOL,
        raw(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 31)),
    )  # fmt: skip
    yield row(
        "an increment with the reserved bit", "6.9", GOES_ON,
        raw(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 31 | 1)),
    )  # fmt: skip
    yield row(
        "the connection's window beyond 2^31-1", "6.9.1", FLOW, frames.window_update(0, LARGEST_WINDOW),
    )  # fmt: skip
    yield row(
        "the connection's window of just 2^31-1", "6.9.1", GOES_ON,
        frames.window_update(0, LARGEST_WINDOW - frames.FIRST_WINDOW),
    )  # fmt: skip
    yield row(
        "a stream's window beyond 2^31-1", "6.9.1", (stream("FLOW_CONTROL_ERROR"), FLOW), lambda t: t.hold(1),
        frames.window_update(1, LARGEST_WINDOW), why="5.4.1",
    )  # fmt: skip
    yield row(
        "a stream's window beyond 2^31-1 by SETTINGS", "6.9.2", (FLOW, stream("FLOW_CONTROL_ERROR")), lambda t: t.hold(1),
        frames.window_update(1, LARGEST_WINDOW - frames.FIRST_WINDOW) + frames.settings({frames.INITIAL_WINDOW_SIZE: 1 << 20}),
        why="nghttp2 ends the streams whose window it is, and no others",
    )  # fmt: skip
    yield row(
        "SETTINGS of a window of 0 and back", "6.9.2", GOES_ON, lambda t: t.hold(1),
        frames.settings({frames.INITIAL_WINDOW_SIZE: 0}), READ, frames.settings({frames.INITIAL_WINDOW_SIZE: 65535}),
    )  # fmt: skip


def answers() -> Iterator[Row]:
    """What a server must say to frames that are right."""
    yield row("a request", "8.1", ANSWERED, lambda t: t.whole(1))
    yield row("a request behind a request", "8.1", ANSWERED, lambda t: t.whole(1) + t.whole(3) + t.whole(5), over(1), stream=5)
    yield row(
        "requests that are finished the other way round", "5.1", ANSWERED,
        lambda t: t.open(1) + t.open(3) + t.open(5) + t.finish(5) + t.finish(3) + t.finish(1), over(5), over(3),
    )  # fmt: skip
    yield row(
        "a second HEADERS without END_STREAM", "8.1", MALFORMED, lambda t: t.open(1), lambda t: frames.data(1, t.content[:1]),
        frames.headers(1, fields.block([(b"x", b"y")])),
    )  # fmt: skip


ROWS = [*data(), *headers(), *others(), *settings(), *windows(), *answers()]
