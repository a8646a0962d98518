"""An HTTP/2 client that shows frames, windows and ends as they are."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import Callable, Optional

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings

from .program import DEADLINE

Fields = list[tuple[str, str]]


@dataclass
class Answer:
    """What has come on one stream."""

    interim: list[int] = field(default_factory=list)
    status: int = 0
    fields: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    trailers: Optional[dict[str, str]] = None
    ended: bool = False
    #: The code of a RST_STREAM.
    reset: Optional[int] = None

    @property
    def over(self) -> bool:
        return self.ended or self.reset is not None


class _Connection(h2.connection.H2Connection):
    """Streams that were begun go on after a GOAWAY (RFC 9113 section 6.8); h2 would end them."""

    def _receive_goaway_frame(self, frame):  # noqa: ANN001, ANN202
        event = h2.events.ConnectionTerminated()
        event.error_code, event.last_stream_id = frame.error_code, frame.last_stream_id
        return [], [event]


class Client:
    """One connection by prior knowledge. `reads=False`: no window is ever given back."""

    def __init__(
        self,
        port: int,
        *,
        reads: bool = True,
        window: Optional[int] = None,
        receive_buffer: Optional[int] = None,
    ) -> None:
        self._socket = socket.socket()
        if receive_buffer:  # before connecting: the window is agreed then
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(DEADLINE)
        self._socket.connect(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # What is wrong with a request is the program's to say.
        configuration = h2.config.H2Configuration(
            client_side=True,
            header_encoding="utf-8",
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        self.connection = _Connection(configuration)
        self.connection.initiate_connection()
        if window is not None:
            self.connection.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.reads = reads
        #: Streams whose window is not given back.
        self.unread: set[int] = set()
        self.answers: dict[int, Answer] = {}
        #: Each GOAWAY's last stream and code.
        self.goaways: list[tuple[int, int]] = []
        self.closed = False
        self.flush()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def flush(self) -> None:
        try:
            self._socket.sendall(self.connection.data_to_send())
        except ConnectionError:
            self.closed = True

    # --- requests ---

    def request(
        self,
        path: str,
        method: str = "GET",
        fields: Optional[Fields] = None,
        body: Optional[bytes] = None,
        *,
        ends: bool = True,
    ) -> int:
        """Sends a request with all of its body; the stream. `ends=False`: more of it follows."""
        head = [(":method", method), (":scheme", "http"), (":authority", "test"), (":path", path)]
        return self.head(head + (fields or []), body, ends=ends)

    def head(self, head: Fields, body: Optional[bytes] = None, *, ends: bool = True) -> int:
        stream = self.connection.get_next_available_stream_id()
        self.connection.send_headers(stream, head, end_stream=ends and body is None)
        self.answers[stream] = Answer()
        self.flush()
        if body is not None:
            self.send(stream, body, ends=ends)
        return stream

    def send(self, stream: int, body: bytes = b"", *, ends: bool = False) -> None:
        """Sends a piece of a body, as far as the windows allow waiting for them."""
        rest = memoryview(body)
        while len(rest):
            room = self._room(stream)
            if room == 0:
                if self.answers[stream].over:
                    return
                self.pump()
                continue
            self.connection.send_data(stream, bytes(rest[:room]))
            rest = rest[room:]
            self.flush()
        if ends:
            self.connection.end_stream(stream)
            self.flush()

    def _room(self, stream: int) -> int:
        try:
            window = self.connection.local_flow_control_window(stream)
        except h2.exceptions.ProtocolError:
            return 0
        return min(window, self.connection.max_outbound_frame_size)

    def reset(self, stream: int, code: int = 8) -> None:
        self.connection.reset_stream(stream, code)
        self.flush()

    # --- answers ---

    def pump(self) -> None:
        """Reads once and takes in what has come."""
        data = self._read()
        if not data:
            self.closed = True
            return
        for event in self.connection.receive_data(data):
            self._take(event)
        self.flush()

    def _read(self) -> bytes:
        try:
            return self._socket.recv(65536)
        except ConnectionError:
            return b""

    def _take(self, event: h2.events.Event) -> None:
        answer = self.answers.get(getattr(event, "stream_id", None) or 0, Answer())
        match event:
            case h2.events.InformationalResponseReceived():
                answer.interim.append(int(dict(event.headers)[":status"]))
            case h2.events.ResponseReceived():
                answer.fields = dict(event.headers)
                answer.status = int(answer.fields.pop(":status"))
            case h2.events.DataReceived():
                answer.body += event.data
                if self.reads and event.stream_id not in self.unread:
                    self.connection.acknowledge_received_data(
                        event.flow_controlled_length, event.stream_id
                    )
                elif self.reads:
                    self.connection.increment_flow_control_window(event.flow_controlled_length)
            case h2.events.TrailersReceived():
                answer.trailers = dict(event.headers)
            case h2.events.StreamEnded():
                answer.ended = True
            case h2.events.StreamReset():
                answer.reset = int(event.error_code)
            case h2.events.ConnectionTerminated():
                self.goaways.append((event.last_stream_id, int(event.error_code)))

    def until(self, condition: Callable[[], object], what: str) -> None:
        while not condition():
            assert not self.closed, f"the connection was closed before {what}"
            self.pump()

    def answer(self, stream: int) -> Answer:
        """The whole answer, or the reset."""
        answer = self.answers[stream]
        self.until(lambda: answer.over, f"stream {stream} was answered")
        return answer

    def get(self, path: str, method: str = "GET", fields: Optional[Fields] = None) -> Answer:
        return self.answer(self.request(path, method, fields))

    def ends(self) -> bool:
        """Waits for the other side to close the connection."""
        while not self.closed:
            self.pump()
        return True
