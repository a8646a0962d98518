"""The control pipe: configuration, commands, and the lifeline whose end of file is obeyed."""

import json
import os
import threading

CONFIGURATION_MAX_BYTES = 1024 * 1024
"""Longest line accepted on the control pipe."""


class ControlPipe:
    """Reads lines from a pipe; the first is the configuration, each later one a command."""

    def __init__(self, fd):
        self._fd = fd
        self._pending = b""

    def read_configuration(self):
        """The first line as a dict, or None at end of file."""
        line = self._read_line()
        return None if line is None else json.loads(line)

    def watch(self, on_command, on_end):
        """Starts the daemon thread that calls `on_command(name)` per line and `on_end()` at end of file.

        A thread, so that the lifeline works while the agent's code blocks the event loop.
        """

        def loop():
            while True:
                line = self._read_line()
                if line is None:
                    on_end()
                    return
                on_command(line.decode("utf-8", "replace").strip())

        threading.Thread(target=loop, name="par-control", daemon=True).start()

    def _read_line(self):
        while b"\n" not in self._pending:
            if len(self._pending) > CONFIGURATION_MAX_BYTES:
                return None
            try:
                chunk = os.read(self._fd, 65536)
            except OSError:
                chunk = b""
            if not chunk:
                return None
            self._pending += chunk
        line, self._pending = self._pending.split(b"\n", 1)
        return line
