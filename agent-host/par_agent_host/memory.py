"""The page of memory that the host shares with the program that started it."""

import mmap
import os
import stat

BEAT_TIME, BEAT_LATENESS, BEAT_COUNT = range(3)
"""Words of 64 bits at the beginning: CLOCK_MONOTONIC of the last beat and its lateness, both in
nanoseconds, and the number of beats. The host alone writes them."""

SLOTS_OFFSET = 64
"""Where the slots begin, one byte each."""

SLOTS_MAX = 8192
"""Slots at most, one for each connection of the program to the REST socket."""

BEGUN = 1
"""In a slot: the agent may have seen the request. The program writes 0 before it sends one."""


class WorkerMemory:
    """Memory that outlives this process: what is written here is read after a crash, too.

    `words`: the beginning as words of 64 bits. `cells`: all of it as bytes; both are None where
    the program gave none, and refuse access (ValueError) in a forked child.
    """

    def __init__(self, fd):
        """Maps the file and closes the descriptor; without a fitting file there is no memory."""
        self.words = self.cells = None
        self.slots = 0
        if fd is None:
            return
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_size <= SLOTS_OFFSET:
            return
        self.cells = mmap.mmap(fd, status.st_size, mmap.MAP_SHARED)
        os.close(fd)
        self.words = memoryview(self.cells)[:SLOTS_OFFSET].cast("Q")
        self.slots = min(status.st_size - SLOTS_OFFSET, SLOTS_MAX)
        # The child must not answer for its parent.
        os.register_at_fork(after_in_child=self._close)

    def offset(self, number):
        """Where the slot is that a decimal number (bytes) names; None when it names none."""
        # The program writes no leading zeros; anything else is none of its numbers.
        if not number.isdigit() or len(number) > 4 or (number[0] == 48 and number != b"0"):
            return None
        value = int(number)
        return SLOTS_OFFSET + value if value < self.slots else None

    def _close(self):
        self.words.release()
        self.cells.close()
