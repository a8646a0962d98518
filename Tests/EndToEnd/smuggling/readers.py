"""Gives what the program forwarded to servers that are really used, and compares what each read."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Iterable, Optional

from support.program import DEADLINE
from support.recorder import Recorded

from . import server


class Reader:
    """One server, a process group of its own, on a Unix socket."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self._path = folder / (kind.replace(" ", "-") + ".sock")
        self._log = (folder / (kind.replace(" ", "-") + ".log")).open("wb+")
        self._process = subprocess.Popen(
            [sys.executable, server.__file__, kind, str(self._path)], stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, start_new_session=True
        )
        self._connection: Optional[socket.socket] = None
        self._buffer = b""

    def close(self) -> None:
        self._drop()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self._process.pid, signal.SIGKILL)  # its own session: workers too
        except ProcessLookupError:
            pass
        self._process.wait(DEADLINE)
        self._log.close()

    def _report(self) -> str:
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace")[-2000:]

    # --- one connection ---

    def _drop(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection, self._buffer = None, b""

    def _connected(self) -> socket.socket:
        end = time.monotonic() + DEADLINE
        while self._connection is None:
            fresh = socket.socket(socket.AF_UNIX)
            fresh.settimeout(DEADLINE)
            try:
                fresh.connect(str(self._path))
                self._connection = fresh
            except OSError:
                fresh.close()
                assert self._process.poll() is None and time.monotonic() < end, f"{self.kind} does not listen\n{self._report()}"
                time.sleep(0.01)  # it has just been started
        return self._connection

    def _head(self) -> Optional[tuple[int, dict[str, str]]]:
        """Of the next final response; None at the end of the connection."""
        while True:
            while b"\r\n\r\n" not in self._buffer:
                try:
                    more = self._connected().recv(1 << 16)
                except ConnectionError:
                    more = b""
                if not more:
                    return None
                self._buffer += more
            top, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            first, *lines = top.decode("latin-1").split("\r\n")
            status = int(first.split(" ")[1])
            if status >= 200:
                return status, {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}

    def _exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            more = self._connected().recv(1 << 16)
            assert more, f"{self.kind} closed in the middle of an answer"
            self._buffer += more
        part, self._buffer = self._buffer[:count], self._buffer[count:]
        return part

    # --- what was read ---

    def _expected(self, one: Recorded) -> tuple[bytes, str]:
        fields = [(name, value.decode("latin-1")) for name, value in one.fields]
        if self.kind == "gunicorn":
            kept = {name.lower().replace("_", "-") for name in server.WSGI} | {"content-length"}
            fields = [(name, value) for name, value in fields if name in kept]
        return server.described(one.method, one.target, fields, one.body)

    def read(self, one: Recorded, may_refuse: bool) -> Optional[str]:
        """What is wrong with how the server read this request, on the connection of those before."""
        self._connected().sendall(one.raw)
        answer = self._head()
        if answer is None:
            self._drop()
            return None if may_refuse else "closed without an answer"
        status, fields = answer
        if 400 <= status < 500 and may_refuse:
            self._drop()
            return None
        if one.method == "HEAD":
            text = b"(HEAD)"
        else:
            text = self._exactly(int(fields.get("content-length", 0)))
        # What a server makes of the bytes behind an upgrade that it does not take is its own.
        if may_refuse or fields.get("connection", "").lower() == "close":
            self._drop()
        wanted, digest = self._expected(one)
        if fields.get("x-digest") == digest:
            return None
        self._drop()
        return f"answered {status}\n      read {text.decode('latin-1')}\n      not  {wanted.decode()}"

    def read_cut(self, one: Recorded) -> Optional[str]:
        """The same of a request that the program gave up: the server must not take it for a whole one."""
        self._drop()
        connection = self._connected()
        try:
            connection.sendall(one.raw)
            connection.shutdown(socket.SHUT_WR)
            answer = self._head()
        except ConnectionError:
            answer = None
        self._drop()
        if answer and answer[0] == 200:
            return "a request that was cut off was taken for a whole one"
        return None

    def read_all(self, records: Iterable[tuple[str, Recorded, bool]]) -> list[str]:
        """What is wrong, by the row's name. Each is read on the connection of the one before, so that anything left over
        shows in the next."""
        problems = []
        for name, one, may_refuse in records:
            problem = self.read(one, may_refuse) if one.whole else self.read_cut(one)
            if problem:
                problems.append(f"{self.kind}: {name}: {problem}")
        return problems
