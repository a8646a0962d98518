"""What the workers have begun: bytes in files that outlive every process."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

#: Requests of one client at most; the file has room for all and is sparse.
PER_CLIENT = 1 << 20
#: Bytes for the identifier of a request in a worker's table of slots.
RECORD = 32
#: Slots of a worker's memory, where its marks begin, and its descriptor in the worker (agent-host's
#: README).
SLOTS, MARKS_OFFSET, MEMORY_DESCRIPTOR = 8192, 64, 6


class Ledger:
    """Identifiers are `client-number`. In the folder a worker writes, through shared mappings:

    `begun`: it adds one to a request's byte in the first statement of the application.
    `slots-PID`: which request had which slot the last time, written when its bytes are read.

    What was written stays when the process is killed. So does the worker's memory, which is kept
    open here: its marks are what the program goes by.
    """

    def __init__(self, folder: Path, clients: int) -> None:
        self.folder = folder
        folder.mkdir()
        self._begun = self._map(folder / "begun", clients * PER_CLIENT)
        self._memories: dict[int, int] = {}

    @staticmethod
    def _map(path: Path, size: int) -> mmap.mmap:
        with open(path, "a+b") as file:
            os.truncate(file.fileno(), size)
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def times_begun(self, client: int, number: int) -> int:
        return self._begun[client * PER_CLIENT + number]

    def begun_by(self, client: int, last: int) -> tuple[int, int]:
        """Of the client's requests 0 … last: how many were begun, and how many more than once."""
        part = self._begun[client * PER_CLIENT : client * PER_CLIENT + last + 1]
        begun = len(part) - part.count(b"\0")
        return begun, begun - part.count(b"\1")

    # --- the program's own marks ---

    def watch(self, pid: int) -> None:
        """Keeps the memory of a living worker, if it has any."""
        path = f"/proc/{pid}/fd/{MEMORY_DESCRIPTOR}"
        try:
            if pid not in self._memories and "memfd" in os.readlink(path):
                self._memories[pid] = os.open(path, os.O_RDONLY)
        except OSError:
            pass  # it has ended before it served anyone

    def marked(self) -> dict[str, int]:
        """The requests that were the last ones in their slots, and that the host had marked: of a
        worker that has ended, those it had begun or answered last. With the worker's process id."""
        found = {}
        for pid, memory in self._memories.items():
            try:
                table = (self.folder / f"slots-{pid}").read_bytes()
            except FileNotFoundError:
                continue
            for slot, mark in enumerate(os.pread(memory, SLOTS, MARKS_OFFSET)):
                record = table[slot * RECORD : (slot + 1) * RECORD]
                if mark and record.strip(b"\0 "):
                    found[record.strip(b"\0 ").decode()] = pid
        return found

    def close(self) -> None:
        for memory in self._memories.values():
            os.close(memory)
        self._memories = {}
