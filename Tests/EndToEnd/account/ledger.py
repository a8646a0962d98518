"""What the workers have begun: bytes in files that outlive every process."""

from __future__ import annotations

import mmap
import os
import re
from pathlib import Path
from typing import NamedTuple, Optional

#: Requests of one client at most; the file has room for all and is sparse.
PER_CLIENT = 1 << 20
#: Bytes for the identifier of a request in a worker's table of slots.
RECORD = 32
#: Slots of a worker's memory, and where its marks begin (agent-host's README).
SLOTS, MARKS_OFFSET = 8192, 64
#: A mapping of it in /proc/PID/maps: the file's number is before its name.
MAPPING = re.compile(r" (\d+) +/memfd:par-worker ")


class Reading(NamedTuple):
    worker: int
    slot: int
    #: None: the worker's memory is not known.
    is_marked: Optional[bool]


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

    def watch(self, worker: int, program: int) -> None:
        """Keeps the memory of a living worker, which has mapped it; its program has it open."""
        if worker in self._memories:
            return
        try:
            mapping = MAPPING.search(Path(f"/proc/{worker}/maps").read_text())
        except OSError:
            return  # it has ended meanwhile
        for descriptor in os.scandir(f"/proc/{program}/fd") if mapping else ():
            try:
                if os.stat(descriptor.path).st_ino == int(mapping[1]):
                    self._memories[worker] = os.open(descriptor.path, os.O_RDONLY)
                    return
            except OSError:
                continue  # closed meanwhile

    def readings(self) -> dict[str, list[Reading]]:
        """For each request that was the last one in a slot, by whom it was read there, and whether it
        is marked. Of a worker that has ended these are the ones it had begun, or answered last."""
        found: dict[str, list[Reading]] = {}
        for table in self.folder.glob("slots-*"):
            pid, records = int(table.name[6:]), table.read_bytes()
            memory = self._memories.get(pid)
            marks = os.pread(memory, SLOTS, MARKS_OFFSET) if memory is not None else None
            for slot in range(SLOTS):
                record = records[slot * RECORD : (slot + 1) * RECORD].strip(b"\0 ").decode()
                if record:
                    mark = bool(marks[slot]) if marks else None
                    found.setdefault(record, []).append(Reading(pid, slot, mark))
        return found

    def close(self) -> None:
        for memory in self._memories.values():
            os.close(memory)
        self._memories = {}
