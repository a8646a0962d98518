"""Frames as bytes: well-formed ones by hyperframe, and `raw` for those that it refuses to build."""

from __future__ import annotations

import struct
from typing import Mapping, Optional

from hyperframe import frame as well_formed

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

#: Frame types, RFC 9113 section 6.
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
#: A type that nobody has defined.
UNKNOWN = 0xBB

#: Flags, RFC 9113 section 6.
END_STREAM, ACK, END_HEADERS, PADDED, WITH_PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20

#: Settings, RFC 9113 section 6.5.2 and RFC 8441 section 3.
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE = 1, 2, 3, 4
MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE, ENABLE_CONNECT_PROTOCOL = 5, 6, 8

#: Error codes, RFC 9113 section 7.
CODES = [
    "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
    "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
]  # fmt: skip
CANCEL = CODES.index("CANCEL")

#: The largest frame without a SETTINGS_MAX_FRAME_SIZE, and the largest window, in bytes.
FRAME_SIZE, LARGEST_WINDOW = 1 << 14, (1 << 31) - 1
#: A window before any SETTINGS, in bytes.
FIRST_WINDOW = 65535


def raw(
    kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"", *,
    length: Optional[int] = None, reserved: bool = False,
) -> bytes:  # fmt: skip
    """A frame of anything; `length`: what its head says instead of the payload's length."""
    size = len(payload) if length is None else length
    return struct.pack(">I", size)[1:] + struct.pack(">BBI", kind, flags, stream | reserved << 31) + payload


def headers(stream: int, block: bytes, *, end: bool = False) -> bytes:
    flags = ["END_HEADERS", "END_STREAM"] if end else ["END_HEADERS"]
    return well_formed.HeadersFrame(stream, block, flags=flags).serialize()


def fragments(stream: int, block: bytes, size: int, *, end: bool = False) -> bytes:
    """The block in one HEADERS frame and CONTINUATION frames of at most `size` bytes each."""
    parts = [block[start : start + size] for start in range(0, len(block), size)]
    last = END_HEADERS if len(parts) == 1 else 0
    whole = raw(HEADERS, last | (END_STREAM if end else 0), stream, parts[0])
    for index, part in enumerate(parts[1:], start=2):
        whole += raw(CONTINUATION, END_HEADERS if index == len(parts) else 0, stream, part)
    return whole


def data(stream: int, content: bytes = b"", *, end: bool = False) -> bytes:
    return well_formed.DataFrame(stream, content, flags=["END_STREAM"] if end else []).serialize()


def settings(values: Optional[Mapping[int, int]] = None) -> bytes:
    return well_formed.SettingsFrame(0, settings=dict(values or {})).serialize()


SETTINGS_ACK = well_formed.SettingsFrame(0, flags=["ACK"]).serialize()


def ping(content: bytes = b"par-ping", *, ack: bool = False) -> bytes:
    return well_formed.PingFrame(0, content, flags=["ACK"] if ack else []).serialize()


def reset(stream: int, code: int = CANCEL) -> bytes:
    return well_formed.RstStreamFrame(stream, code).serialize()


def window_update(stream: int, increment: int) -> bytes:
    return raw(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def goaway(last: int = 0, code: int = 0, debug: bytes = b"") -> bytes:
    return well_formed.GoAwayFrame(0, last, code, debug).serialize()


def priority(stream: int, depends_on: int = 0, weight: int = 15, exclusive: bool = False) -> bytes:
    return well_formed.PriorityFrame(stream, depends_on, weight, exclusive).serialize()


def setting(name: int, value: int) -> bytes:
    """One setting as it stands in a SETTINGS frame's payload."""
    return struct.pack(">HI", name, value)
