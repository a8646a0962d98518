"""gRPC by real clients, and by one that shows the frames' contents."""

from __future__ import annotations

import socket
import struct
import time
from typing import Any, Callable, Optional, Sequence, Union

import grpc
import h2.config
import h2.connection
import h2.errors
import h2.events

from .program import DEADLINE, Run

SERVICE = "/probe.v1.Probe/"
Fields = Sequence[tuple[str, Union[str, bytes]]]


class Probe:
    """The methods of `grpc_agent.PROBE`; on a channel of `grpc` or `grpc.aio`, bytes in, bytes out."""

    def __init__(self, channel: Any, prefix: str = "") -> None:
        self.channel = channel
        self._prefix = prefix + SERVICE

    def unary(self, name: str) -> Any:
        return self.channel.unary_unary(self._prefix + name)

    def down(self, name: str) -> Any:
        return self.channel.unary_stream(self._prefix + name)

    def up(self, name: str) -> Any:
        return self.channel.stream_unary(self._prefix + name)

    def both(self, name: str) -> Any:
        return self.channel.stream_stream(self._prefix + name)


#: A channel of its own for each, not one connection shared by all channels of a process.
_OWN = [("grpc.use_local_subchannel_pool", 1)]


def channel(port: int, *options: tuple[str, Any], **arguments: Any) -> grpc.Channel:
    return grpc.insecure_channel(f"127.0.0.1:{port}", [*_OWN, *options], **arguments)


def aio_channel(port: int, *options: tuple[str, Any], **arguments: Any) -> grpc.aio.Channel:
    return grpc.aio.insecure_channel(f"127.0.0.1:{port}", [*_OWN, *options], **arguments)


def framed(message: bytes, compressed: bool = False) -> bytes:
    return struct.pack(">BI", compressed, len(message)) + message


class Reply:
    """What has come of one stream."""

    def __init__(self) -> None:
        self.head: Optional[dict[str, str]] = None
        self.trailers: Optional[dict[str, str]] = None
        self.data = b""
        self.ended = False
        self.reset: Optional[int] = None

    @property
    def status(self) -> Optional[int]:
        """The gRPC status, of the trailers or of a head that is all."""
        for fields in (self.trailers, self.head):
            if fields and "grpc-status" in fields:
                return int(fields["grpc-status"])
        return None

    @property
    def details(self) -> str:
        return ((self.trailers or {}) or (self.head or {})).get("grpc-message", "")

    @property
    def over(self) -> bool:
        return self.ended or self.reset is not None

    def messages(self) -> list[tuple[bool, bytes]]:
        """Compressed or not, and the bytes."""
        found, data = [], self.data
        while len(data) >= 5:
            compressed, length = struct.unpack(">BI", data[:5])
            found.append((bool(compressed), data[5 : 5 + length]))
            data = data[5 + length :]
        return found


class Wire:
    """One HTTP/2 connection that does nothing by itself but acknowledge what it gets."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
        self._h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=True, header_encoding="utf-8")
        )
        # h2 takes nothing more after a GOAWAY, but streams that are open go on.
        state, goaway = h2.connection.ConnectionState, h2.connection.ConnectionInputs.RECV_GOAWAY
        machine = self._h2.state_machine
        machine._transitions = {
            **machine._transitions,
            (state.IDLE, goaway): (None, state.IDLE),
            (state.CLIENT_OPEN, goaway): (None, state.CLIENT_OPEN),
        }
        self._h2.initiate_connection()
        self.replies: dict[int, Reply] = {}
        #: Error code and last stream of each GOAWAY.
        self.goaways: list[tuple[int, int]] = []
        self.pings = 0
        self.closed = False
        self._send()

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def close(self) -> None:
        self.socket.close()

    def _send(self) -> None:
        data = self._h2.data_to_send()
        if data:
            self.socket.sendall(data)

    def request(
        self,
        path: str,
        message: Optional[bytes] = b"",
        *,
        fields: Fields = (),
        method: str = "POST",
        content_type: str = "application/grpc",
        end: bool = True,
    ) -> int:
        """Sends a head and at most one message; the stream's number."""
        stream = self._h2.get_next_available_stream_id()
        self.replies[stream] = Reply()
        own = [
            (":method", method),
            (":scheme", "http"),
            (":path", path),
            (":authority", "test"),
            ("content-type", content_type),
            ("te", "trailers"),
        ]
        nothing = message is None and end
        self._h2.send_headers(stream, [*own, *fields], end_stream=nothing)
        if message is not None:
            self._h2.send_data(stream, framed(message), end_stream=end)
        self._send()
        return stream

    def send(self, stream: int, message: Optional[bytes], *, end: bool = False) -> None:
        self._h2.send_data(stream, b"" if message is None else framed(message), end_stream=end)
        self._send()

    def send_raw(self, stream: int, data: bytes, *, end: bool = True) -> None:
        """Bytes that may be no whole message; at most what the windows allow."""
        size = self._h2.max_outbound_frame_size
        for start in range(0, len(data), size):
            last = start + size >= len(data)
            self._h2.send_data(stream, data[start : start + size], end_stream=end and last)
        self._send()

    def send_all_it_takes(self, stream: int, most: int) -> int:
        """Sends as much as the windows allow, until they stay shut for a while; how much."""
        sent, shut = 0, 0
        while sent < most and shut < 10:
            room = min(self._h2.local_flow_control_window(stream), self._h2.max_outbound_frame_size)
            if room > 0:
                self._h2.send_data(stream, bytes(room))
                self._send()
                sent, shut = sent + room, 0
            else:
                shut += 1
                self.settle(0.1)
        return sent

    def settle(self, seconds: float) -> None:
        """Reads for this long at most, until something comes."""
        self.socket.settimeout(seconds)
        try:
            data = self.socket.recv(65536)
        except TimeoutError:
            return
        for event in self._h2.receive_data(data):
            self._take(event)
        self._send()

    def cancel(self, stream: int) -> None:
        self._h2.reset_stream(stream, h2.errors.ErrorCodes.CANCEL)
        self._send()

    def until(self, happened: Callable[[], Any], what: str, deadline: float = DEADLINE) -> Any:
        """Reads until it has happened."""
        end = time.monotonic() + deadline
        while not (value := happened()):
            left = end - time.monotonic()
            if self.closed or left <= 0:
                raise AssertionError(f"{'closed' if self.closed else 'time'} without: {what}")
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                continue
            except ConnectionError:
                data = b""
            if not data:
                self.closed = True
                continue
            for event in self._h2.receive_data(data):
                self._take(event)
            self._send()
        return value

    def reply(self, stream: int, deadline: float = DEADLINE) -> Reply:
        """The whole of it, waited for."""
        reply = self.replies[stream]
        self.until(lambda: reply.over, f"the end of stream {stream}", deadline)
        return reply

    def begun(self, stream: int) -> Reply:
        """As soon as there is a message."""
        reply = self.replies[stream]
        self.until(lambda: reply.data or reply.over, f"data on stream {stream}")
        return reply

    def call(self, path: str, message: Optional[bytes] = b"", **more: Any) -> Reply:
        return self.reply(self.request(path, message, **more))

    def end(self, deadline: float = DEADLINE) -> None:
        """Waits for the other side to close."""
        self.until(lambda: self.closed, "the end of the connection", deadline)

    def _take(self, event: Any) -> None:
        reply = self.replies.get(getattr(event, "stream_id", None) or 0, Reply())
        if isinstance(event, h2.events.ResponseReceived):
            reply.head = dict(event.headers)
        elif isinstance(event, h2.events.TrailersReceived):
            reply.trailers = dict(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            reply.data += event.data
            if event.flow_controlled_length:
                self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            reply.reset = int(event.error_code)
        elif isinstance(event, h2.events.PingReceived):
            self.pings += 1
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.goaways.append((int(event.error_code), event.last_stream_id))
        if isinstance(event, h2.events.StreamEnded):
            reply.ended = True


def code_of(call: Callable[[], Any]) -> tuple[grpc.StatusCode, str]:
    """How a call fails."""
    try:
        value = call()
    except grpc.RpcError as error:
        return error.code(), error.details()
    raise AssertionError(f"it did not fail, but gave {value!r}")
