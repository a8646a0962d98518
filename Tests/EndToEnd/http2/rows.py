"""What a row of the tables is: frames of a client, and what the RFC lets the server do about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Optional, Sequence, Union

from . import fields, frames
from .fields import Field
from .peer import Ended, Peer, Response

#: Bytes to send, or something to wait for before the next ones are sent.
Part = Union[bytes, Callable[[Peer], object]]

#: The connection goes on as if nothing had been sent.
GOES_ON = "goes on"
#: The row's stream gets the answer that the request deserves.
ANSWERED = "answered"
#: The row's stream is refused with an answer of HTTP.
BAD_REQUEST = "answered 400"


def connection(code: str) -> str:
    """GOAWAY with this code, and the end of the connection (5.4.1)."""
    return f"connection {code}"


def stream(code: str) -> str:
    """RST_STREAM with this code; the connection goes on (5.4.2)."""
    return f"stream {code}"


#: The end without a word: what 6.8 says SHOULD not be.
SILENT = "connection without GOAWAY"
PROTOCOL = connection("PROTOCOL_ERROR")
SIZE = connection("FRAME_SIZE_ERROR")
COMPRESSION = connection("COMPRESSION_ERROR")
FLOW = connection("FLOW_CONTROL_ERROR")
#: RFC 9113 section 8.1.1: a stream error, before which an answer may be sent.
MALFORMED = (stream("PROTOCOL_ERROR"), BAD_REQUEST)


@dataclass(frozen=True)
class Target:
    """Who is asked: a port and a request that it answers."""

    name: str
    port: int
    #: The fields of a request, in an order that is allowed.
    request: tuple[Field, ...]
    #: The request's content.
    content: bytes
    #: Path and content of a request that is never answered to the end.
    pending: bytes
    pending_content: bytes
    good: Callable[[Response], bool]

    @property
    def grpc(self) -> bool:
        return (b"te", b"trailers") in self.request

    def fields(self, *more: Field, **changed: Optional[bytes]) -> list[Field]:
        """The request's, with pseudo-header fields changed or left out (None), and others at the end."""
        new = {b":" + name.encode(): value for name, value in changed.items()}
        kept = [(name, new.get(name, value)) for name, value in self.request]
        return [(name, value) for name, value in kept if value is not None] + list(more)

    def open(self, number: int, *more: Field, **changed: Optional[bytes]) -> bytes:
        """HEADERS of a request whose content is still to come."""
        return frames.headers(number, fields.block(self.fields(*more, **changed)))

    def finish(self, number: int) -> bytes:
        return frames.data(number, self.content, end=True)

    def whole(self, number: int, *more: Field, **changed: Optional[bytes]) -> bytes:
        return self.open(number, *more, **changed) + self.finish(number)

    def hold(self, number: int) -> bytes:
        """A whole request on a stream that stays half-closed (remote)."""
        return self.open(number, path=self.pending) + frames.data(number, self.pending_content, end=True)


@dataclass(frozen=True)
class Row:
    name: str
    section: str
    parts: Callable[[Target], Sequence[Part]]
    #: What the RFC allows; the first is what its letter says.
    expected: tuple[str, ...]
    #: The stream whose end is looked at.
    stream: int = 1
    #: Why more than the letter of the RFC is allowed.
    why: str = ""
    #: Names of targets that the row says nothing about.
    without: tuple[str, ...] = ()
    #: Whether the rows's bytes begin with the connection's preface.
    preface: bool = False
    #: Whether it is not played byte by byte.
    whole: bool = False
    #: Whether the connection need not serve a request after it.
    last: bool = False


def row(
    name: str, section: str, expected: Union[str, tuple[str, ...]], *parts: Union[Part, Callable[[Target], Part]],
    **more: object,
) -> Row:  # fmt: skip
    """A row whose parts are bytes, waits, or functions of the target (`t`)."""
    wanted = (expected,) if isinstance(expected, str) else expected

    def made(target: Target) -> list[Part]:
        return [part if isinstance(part, (bytes, Wait)) else part(target) for part in parts]

    return Row(name, section, made, wanted, **more)  # type: ignore[arg-type]


class Wait:
    """Waits for something before the next part is sent."""

    def __init__(self, what: Callable[[Peer], object]) -> None:
        self.what = what

    def __call__(self, peer: Peer) -> object:
        return self.what(peer)


def over(number: int) -> Wait:
    """The stream's response has ended."""
    return Wait(lambda peer: peer.response(number))


#: Everything sent before has been read.
READ = Wait(lambda peer: peer.ping())

#: The stream on which a row's connection is asked whether it still serves.
AFTER = 1001


def joined(parts: Sequence[Part]) -> list[Part]:
    """What is sent in a row goes out in one piece, so that no answer comes between."""
    whole: list[Part] = []
    for part in parts:
        if isinstance(part, bytes) and whole and isinstance(whole[-1], bytes):
            whole[-1] += part
        else:
            whole.append(part)
    return whole


def outcome(target: Target, row: Row, bytewise: bool = False) -> tuple[str, Peer]:
    """Plays the row; what the server did, in the words of this module."""
    with Peer(target.port, preface=not row.preface) as peer:
        try:
            for part in joined(row.parts(target)):
                if isinstance(part, bytes):
                    (peer.send_bytewise if bytewise else peer.send)(part)
                else:
                    part(peer)
            found = _found(target, row, peer)
            if not found.startswith("connection") and not row.last:
                peer.send(target.whole(AFTER))
                after = peer.response(AFTER)
                assert target.good(after), f"{found}, then {after}"
        except Ended:
            goaway = peer.closed()
            found = connection(goaway.code) if goaway else SILENT
        return found, peer


def _found(target: Target, row: Row, peer: Peer) -> str:
    if row.expected == (GOES_ON,):
        peer.ping()
        return GOES_ON
    quiet = None
    if GOES_ON in row.expected:
        quiet = peer.ping()

    def seen() -> bool:
        response = peer.responses.get(row.stream)
        return bool(quiet or peer.goaway or (response and (response.ended or response.reset)))

    peer.until(seen)
    response = peer.responses.get(row.stream)
    if peer.goaway:
        peer.closed()
        return connection(peer.goaway.code)
    if response and response.ended:
        return described(target, response)
    if response and response.reset:
        return stream(response.reset)
    return GOES_ON


def described(target: Target, response: Response) -> str:
    if target.good(response):
        return ANSWERED
    grpc = response.value(b"grpc-status")
    return f"answered {response.status}" + (f" grpc {grpc}" if grpc else "")
