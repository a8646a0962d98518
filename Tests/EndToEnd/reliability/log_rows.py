"""The log's reader: stopped, slow, gone."""

from __future__ import annotations

import signal
from typing import Iterator

from .cell import Cell
from .ends import Unread
from .faults import signals
from .surroundings import log_reader

TERM, INT = signal.SIGTERM, signal.SIGINT

def rows() -> Iterator[Cell]:
    for state, until in (("verifying", "verify"), ("loading", "load"), ("ready", "runtime_ready")):
        for kind in ("stopped", "closed"):
            yield Cell(
                state, f"the log's reader is {kind}; SIGINT", log_reader(kind, until),
                signals(INT), Unread(), 3,
            )  # fmt: skip
    for kind in ("stopped", "closed"):
        yield Cell(
            "ready", f"the log's reader is {kind}, the agent floods; SIGTERM",
            log_reader(kind, "runtime_ready", flood=True), signals(TERM), Unread(), 5,
        )  # fmt: skip
    yield Cell(
        "ready", "the log's reader is slow, the agent floods; SIGINT",
        log_reader("slow", "runtime_ready", flood=True), signals(INT),
        Unread(), 3,
    )  # fmt: skip
    yield Cell(
        "ready", "the log's reader is gone before the start; SIGINT", log_reader("closed", ""),
        signals(INT), Unread(), 3,
    )  # fmt: skip
