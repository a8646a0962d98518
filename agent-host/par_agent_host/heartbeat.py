"""The beat of the agent's event loop, by which the program sees that it turns."""

import asyncio
import time

from .memory import BEAT_COUNT, BEAT_LATENESS, BEAT_TIME


class Heartbeat:
    """Writes into the shared memory, in the event loop, every so many seconds."""

    def __init__(self, memory, seconds):
        """`seconds`: between two beats, more than 0; None for no beat."""
        self._words = memory.words
        self._seconds = seconds
        self._count = 0

    def start(self):
        """Beats at once, and from then on for as long as the event loop runs."""
        if self._words is None or not self._seconds or self._seconds < 0:
            return
        self._loop = asyncio.get_running_loop()
        self._asked_ns = time.monotonic_ns()
        self._beat()

    def _beat(self):
        now = time.monotonic_ns()
        self._count += 1
        words = self._words
        try:
            # Event loops round to milliseconds, so that a beat may come early.
            words[BEAT_LATENESS] = max(0, now - self._asked_ns)
            words[BEAT_COUNT] = self._count
            words[BEAT_TIME] = now
        except ValueError:
            # A forked child: its event loop is no business of the program's.
            return
        self._asked_ns = now + int(self._seconds * 1e9)
        self._loop.call_later(self._seconds, self._beat)
