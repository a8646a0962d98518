"""The second run: restarts, with a client that asks all the time."""

from __future__ import annotations

import collections
import itertools
import json
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Callable, Optional

from support import packages

from .holdings import Table, compare
from .program import PATIENCE, Program

#: Restarts that come before the first look: the allocator takes what it needs.
WARM_UP = 50

HANDLER = """
import os

def handle(parameters):
    if parameters.get("how") == "exit":
        os._exit(7)
    if parameters.get("how") == "abort":
        os.abort()
    return {"pid": os.getpid()}
"""


class Asking:
    """A client that asks all the time, held while the worker restarts."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self.answers: collections.Counter[str] = collections.Counter()
        self._stopping = False
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def _ask(self) -> None:
        while not self._stopping:
            self.answers[str(invoke(self._program, {}))] += 1

    def stop(self) -> None:
        self._stopping = True
        self._thread.join(PATIENCE)


def invoke(program: Program, parameters: dict[str, str]) -> Any:
    """The status of a call of the entrypoint, or what went wrong."""
    request = urllib.request.Request(
        f"{program.base}/invoke", json.dumps(parameters).encode(),
        {"Content-Type": "application/json"},
    )  # fmt: skip
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError as error:
        return type(error).__name__


def live_through_restarts(folder: Path, restarts: int, growth_mb: float) -> list[str]:
    program = Program(folder, "restarts", {
        "agent.yaml": packages.manifest(entrypoint="src.handler:handle"),
        "src/handler.py": HANDLER,
    })  # fmt: skip

    def while_loading() -> None:
        started = program.counts["worker_started"]
        os.kill(program.worker_pid, signal.SIGKILL)
        program.wait("worker_started", started + 1)
        os.kill(program.worker_pid, signal.SIGKILL)

    ends: list[Optional[Callable[[], None]]] = [
        None, lambda: invoke(program, {"how": "exit"}), None, lambda: invoke(program, {"how": "abort"}),
        None, while_loading,
    ]  # fmt: skip

    def some(count: int) -> None:
        asking = Asking(program)
        until = program.restarts + count
        for end in itertools.cycle(ends):
            if program.restarts >= until:
                break
            program.restart(end)
            if end is None and program.restarts % 10 == 0:
                program.reload()
            table.minute()
        asking.stop()
        answers.update(asking.answers)

    answers: collections.Counter[str] = collections.Counter()
    try:
        table = Table(program)
        some(min(WARM_UP, restarts // 2 + 1))
        program.settle()
        before, began, first = table.row("before"), time.monotonic(), program.restarts
        some(restarts - program.restarts)
        each = (time.monotonic() - began) / max(1, program.restarts - first)
        program.settle()
        after = table.row("after")
        print(f"  a restart took {each * 1000:.0f} ms; the client's answers: {dict(answers)}")
        return compare(before, after, growth_mb) + program.ended()
    finally:
        program.process.kill()
