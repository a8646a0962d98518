"""Where agent code and test meet, so that neither has to guess how far the other is."""

from __future__ import annotations

import socket

from .program import DEADLINE


class Passage:
    """One visitor at the gate."""

    def __init__(self, connection: socket.socket, place: str) -> None:
        self._connection = connection
        self.place = place

    def let_through(self) -> None:
        try:
            self._connection.sendall(b".")
        except OSError:
            pass  # the visitor is gone
        self._connection.close()

    def gone(self, deadline: float = DEADLINE) -> bool:
        """Waits until the visitor's process is gone."""
        self._connection.settimeout(deadline)
        try:
            return self._connection.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True


class Gate:
    """A listening socket; agent code finds it by `GATE_PORT` (see `packages.MEET`)."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._passages: list[Passage] = []
        self.environment = {"GATE_PORT": str(self._listener.getsockname()[1])}

    @property
    def port(self) -> int:
        return self._listener.getsockname()[1]

    def visitor(self, deadline: float = DEADLINE) -> Passage:
        """The next one to arrive, waited for."""
        self._listener.settimeout(deadline)
        connection, _ = self._listener.accept()
        connection.settimeout(deadline)
        place = b""
        while not place.endswith(b"\n"):
            byte = connection.recv(1)
            if not byte:
                break
            place += byte
        passage = Passage(connection, place.decode().strip())
        self._passages.append(passage)
        return passage

    def close(self) -> None:
        for passage in self._passages:
            passage.let_through()
        self._listener.close()
