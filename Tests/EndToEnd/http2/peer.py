"""One HTTP/2 connection of a client that does as it pleases, and watches what the server may do."""

from __future__ import annotations

import secrets
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import Callable, Mapping, Optional

import hpack

from support.program import DEADLINE

from . import frames

#: Seconds to wait for any one frame: no answer of this program takes so long.
PATIENCE = min(DEADLINE, 10.0)


@dataclass
class Received:
    """A frame of the server."""

    kind: int
    flags: int
    stream: int
    payload: bytes
    #: The decoded fields, on the frame that ends a header block.
    fields: Optional[list[tuple[bytes, bytes]]] = None

    @property
    def ends_stream(self) -> bool:
        return self.kind in (frames.DATA, frames.HEADERS) and bool(self.flags & frames.END_STREAM)

    @property
    def code(self) -> str:
        """The error code of RST_STREAM and GOAWAY."""
        number = struct.unpack(">I", self.payload[:4] if self.kind == frames.RST_STREAM else self.payload[4:8])[0]
        return frames.CODES[number] if number < len(frames.CODES) else hex(number)


@dataclass
class Response:
    """What came on one stream."""

    fields: list[tuple[bytes, bytes]] = field(default_factory=list)
    content: bytes = b""
    trailers: list[tuple[bytes, bytes]] = field(default_factory=list)
    ended: bool = False
    #: The error code of the RST_STREAM that ended it.
    reset: Optional[str] = None

    def value(self, name: bytes) -> Optional[str]:
        found = [value.decode("latin-1") for key, value in self.fields + self.trailers if key == name]
        return found[0] if found else None

    @property
    def status(self) -> Optional[str]:
        return self.value(b":status")


class Ended(Exception):
    """The server closed the connection."""


class Peer:
    """Reads only while it waits. `violations`: where the server broke a rule of the protocol.

    `polite` acknowledges SETTINGS and PING and gives windows back, as a client has to.
    """

    def __init__(
        self, port: int, *, preface: bool = True, settings: Optional[Mapping[int, int]] = None, polite: bool = True,
        receive_buffer: Optional[int] = None, source: str = "",
    ) -> None:  # fmt: skip
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(DEADLINE)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.polite = polite
        self.received: list[Received] = []
        self.responses: dict[int, Response] = {}
        self.violations: list[str] = []
        #: Of the server, as far as it has told.
        self.settings: dict[int, int] = {}
        self.ended = False
        self._buffer = b""
        self._decoder = hpack.Decoder()
        self._block = b""
        self._window = frames.FIRST_WINDOW
        self._windows: dict[int, int] = {}
        #: What streams begin with; the server knows it once it has acknowledged.
        self._initial = frames.FIRST_WINDOW
        self._opened = 0
        if preface:
            self.send(frames.PREFACE + frames.settings(settings))
            self.announce(settings or {})

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    # --- sending ---

    def announce(self, settings: Mapping[int, int]) -> None:
        """Settings that were sent as bytes, for the accounts of windows."""
        new = settings.get(frames.INITIAL_WINDOW_SIZE)
        if new is not None:
            self._windows = {stream: window + new - self._initial for stream, window in self._windows.items()}
            self._initial = new

    def forbid_table(self) -> None:
        """A decoder without a table, as it was announced; a server that still uses one cannot be read."""
        self._decoder.max_allowed_table_size = 0

    def allow(self, stream: int, increment: int) -> None:
        """Gives the server this many bytes more, on the connection for stream 0."""
        if stream:
            self._windows[stream] = self._windows.get(stream, self._initial) + increment
        else:
            self._window += increment
        self.send(frames.window_update(stream, increment))

    def send(self, data: bytes) -> bool:
        """False: the server has closed the connection; what it said before can be read still."""
        try:
            self.socket.settimeout(DEADLINE)
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def send_bytewise(self, data: bytes) -> bool:
        return all(self.send(data[at : at + 1]) for at in range(len(data)))

    def next_stream(self) -> int:
        self._opened = self._opened + 2 if self._opened else 1
        return self._opened

    # --- receiving ---

    def wait(self, matches: Callable[[Received], bool], deadline: float = PATIENCE) -> Received:
        """The next frame that matches, or has come already and not been waited for."""
        end = time.monotonic() + deadline
        while True:
            frame = self._next(end)
            if matches(frame):
                return frame

    def until(self, holds: Callable[[], object], deadline: float = PATIENCE) -> None:
        """Reads until this holds."""
        end = time.monotonic() + deadline
        while not holds():
            self._next(end)

    def ping(self) -> Received:
        """Everything that was sent before has been read by the server when its answer is here."""
        content = secrets.token_bytes(8)
        self.send(frames.ping(content))
        return self.wait(lambda f: f.kind == frames.PING and bool(f.flags & frames.ACK) and f.payload == content)

    def response(self, stream: int, deadline: float = PATIENCE) -> Response:
        """Waits until the stream has ended or was reset."""
        self.until(lambda: self.responses.get(stream) and _over(self.responses[stream]), deadline)
        return self.responses[stream]

    def closed(self, deadline: float = PATIENCE) -> Optional[Received]:
        """Waits for the connection's end; the last GOAWAY."""
        try:
            self.until(lambda: False, deadline)
        except Ended:
            pass
        return self.goaway

    @property
    def goaway(self) -> Optional[Received]:
        found = [one for one in self.received if one.kind == frames.GOAWAY]
        return found[-1] if found else None

    def _next(self, end: float) -> Received:
        while True:
            size = int.from_bytes(self._buffer[:3], "big")
            if len(self._buffer) >= 9 + size:
                return self._take(size)
            if self.ended:
                raise Ended(f"after {[frames_name(one) for one in self.received[-5:]]}")
            left = end - time.monotonic()
            self.socket.settimeout(max(left, 0.001))
            try:
                # Also when no time is left: what is here already is taken.
                more = self.socket.recv(1 << 16, socket.MSG_DONTWAIT if left <= 0 else 0)
            except (TimeoutError, BlockingIOError):
                if left > 0:
                    continue
                raise AssertionError(f"nothing more than {[frames_name(one) for one in self.received[-5:]]}") from None
            except ConnectionError:
                more = b""
            self.ended = not more
            self._buffer += more

    def _take(self, size: int) -> Received:
        head, payload, self._buffer = self._buffer[:9], self._buffer[9 : 9 + size], self._buffer[9 + size :]
        kind, flags, stream = head[3], head[4], int.from_bytes(head[5:9], "big")
        frame = Received(kind, flags, stream, payload)
        # The independent reader: what hyperframe cannot read is no frame.
        parsed, length = frames.well_formed.Frame.parse_frame_header(memoryview(head), strict=True)
        parsed.parse_body(memoryview(payload))
        if length > frames.FRAME_SIZE:
            self.violations.append(f"a frame of {length} bytes (4.2)")
        if not self.received and kind != frames.SETTINGS:
            self.violations.append(f"the first frame is {frames_name(frame)} (3.4)")
        self.received.append(frame)
        self._account(frame)
        return frame

    def _account(self, frame: Received) -> None:
        response = self.responses.setdefault(frame.stream, Response()) if frame.stream else Response()
        if frame.stream and frame.kind in (frames.DATA, frames.HEADERS, frames.RST_STREAM) and response.reset:
            self.violations.append(f"{frames_name(frame)} after RST_STREAM (6.4)")
        if frame.kind in (frames.DATA, frames.HEADERS) and response.ended:
            self.violations.append(f"{frames_name(frame)} after END_STREAM (5.1)")
        if self._block and frame.kind != frames.CONTINUATION:
            self.violations.append(f"{frames_name(frame)} inside a field block (4.3)")
        if frame.kind == frames.SETTINGS and not frame.flags & frames.ACK:
            for at in range(0, len(frame.payload), 6):
                name, value = struct.unpack_from(">HI", frame.payload, at)
                self.settings[name] = value
            if self.polite:
                self.send(frames.SETTINGS_ACK)
        elif frame.kind == frames.PING and not frame.flags & frames.ACK and self.polite:
            self.send(frames.ping(frame.payload, ack=True))
        elif frame.kind == frames.PUSH_PROMISE:
            self.violations.append("a PUSH_PROMISE (8.4)")
        elif frame.kind == frames.DATA:
            self._take_data(frame, response)
        elif frame.kind in (frames.HEADERS, frames.CONTINUATION):
            # Neither padding nor priority: a server that sends them would be noticed by the decoder.
            self._block += frame.payload
            if frame.flags & frames.END_HEADERS:
                block, self._block = self._block, b""
                frame.fields = [(bytes(k), bytes(v)) for k, v in self._decoder.decode(block, raw=True)]
                self._take_fields(frame, response)
        elif frame.kind == frames.RST_STREAM:
            response.reset = frame.code
        if frame.ends_stream:
            response.ended = True

    def _take_data(self, frame: Received, response: Response) -> None:
        response.content += frame.payload
        size = len(frame.payload)
        self._window -= size
        self._windows[frame.stream] = self._windows.get(frame.stream, self._initial) - size
        # An empty frame may pass a window that is closed, or below zero (6.9.1, 6.9.2).
        if size and (self._window < 0 or self._windows[frame.stream] < 0):
            self.violations.append(f"{size} bytes beyond the window (6.9)")
        if size and self.polite:
            self.allow(0, size)
            if not frame.ends_stream:
                self.allow(frame.stream, size)

    def _take_fields(self, frame: Received, response: Response) -> None:
        assert frame.fields is not None
        for name, _ in frame.fields:
            if name != name.lower() or name in (b"connection", b"transfer-encoding", b"keep-alive", b"upgrade"):
                self.violations.append(f"the field {name!r} (8.2)")
        if not response.fields:
            status = [value for name, value in frame.fields if name == b":status"]
            if len(status) != 1 or frame.fields[0][0] != b":status":
                self.violations.append(f"a response that begins with {frame.fields[:2]} (8.3.2)")
            if status[:1] and status[0].startswith(b"1"):
                return  # an interim response
            response.fields = frame.fields
        else:
            response.trailers = frame.fields
            if not frame.ends_stream:
                self.violations.append("trailers without END_STREAM (8.1)")
            if any(name.startswith(b":") for name, _ in frame.fields):
                self.violations.append("trailers with a pseudo-header field (8.1)")


def _over(response: Response) -> bool:
    return response.ended or response.reset is not None


def frames_name(frame: Received) -> str:
    names = [
        "DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE",
        "CONTINUATION",
    ]  # fmt: skip
    name = names[frame.kind] if frame.kind < len(names) else hex(frame.kind)
    if frame.kind in (frames.RST_STREAM, frames.GOAWAY):
        name += f"({frame.code})"
    return f"{name} on {frame.stream}" if frame.stream else name
