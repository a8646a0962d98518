"""What the workers have begun: a byte for each request, in a file that outlives every process."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

#: Requests of one client at most; the file has room for all and is sparse.
PER_CLIENT = 1 << 20


class Ledger:
    """Identifiers are `client-number`. A worker adds one to a request's byte in the first statement
    of the application, through a shared mapping: what was written stays when the process is killed.
    """

    def __init__(self, path: Path, clients: int) -> None:
        self.path = path
        with open(path, "wb") as file:
            os.truncate(file.fileno(), clients * PER_CLIENT)
        with open(path, "rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def times_begun(self, client: int, number: int) -> int:
        return self._bytes[client * PER_CLIENT + number]

    def begun_by(self, client: int, last: int) -> tuple[int, int]:
        """Of the client's requests 0 … last: how many were begun, and how many more than once."""
        part = self._bytes[client * PER_CLIENT : client * PER_CLIENT + last + 1]
        once = part.count(b"\1")
        begun = len(part) - part.count(b"\0")
        return begun, begun - once
