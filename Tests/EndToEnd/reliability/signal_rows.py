"""SIGTERM, SIGINT and SIGKILL, in every state and at every transition."""

from __future__ import annotations

import signal
from typing import Iterator

from .cell import Cell
from .ends import Killed, Stopped
from .faults import signals, signals_at, start_with_pending
from .scenes import (
    closing,
    installing,
    lame_duck,
    loading,
    nothing,
    ready,
    restarting,
    verifying,
    waiting,
)

TERM, INT, KILL = signal.SIGTERM, signal.SIGINT, signal.SIGKILL

#: State in words, how it is reached, its name in the log.
HELD = (
    ("verifying", verifying(), "verifying"),
    ("installing", installing(), "installing"),
    ("loading", loading(), "loading"),
    ("ready", ready(), "ready"),
    ("loading again, before the delay is over", waiting(), "loading"),
    ("loading again", restarting(), "loading"),
)


def rows() -> Iterator[Cell]:
    for number in (TERM, INT):
        yield Cell(
            "before the start", f"{number.name} is pending", nothing, start_with_pending(number),
            Stopped(number.name, "fetching"), 2,
        )  # fmt: skip
    for state, scene, name in HELD:
        for number in (TERM, INT):
            for times, words in ((1, "once"), (2, "twice")):
                yield Cell(
                    state, f"{number.name} {words}", scene, signals(*[number] * times),
                    Stopped(number.name, name), 2,
                )  # fmt: skip
    for first, second in ((TERM, INT), (INT, TERM)):
        for state, scene, name in HELD[:4]:
            yield Cell(
                state, f"{first.name}, then {second.name}", scene, signals(first, second),
                # Both may wait to be read by then, and the kernel hands out the lower number first.
                Stopped(f"{first.name}|{second.name}", name), 2,
            )  # fmt: skip
    yield from at_transitions()
    yield from in_drains()
    yield from kills()


def at_transitions() -> Iterator[Cell]:
    """The signal follows the line at once; what it meets is the new state or the next one."""
    for event, states in (
        ("run_started", "fetching|verifying|installing|loading"),
        ("fetch", "fetching|verifying|installing|loading"),
        ("verify", "verifying|installing|loading"),
        ("install", "installing|loading"),
        ("load", "loading|ready"),
        ("worker_started", "loading|ready"),
        ("runtime_ready", "ready"),
    ):
        for number in (TERM, INT):
            yield Cell(
                f"at the line `{event}`", f"{number.name} twice", nothing,
                signals_at(event, number, number), Stopped(number.name, states), 2,
            )  # fmt: skip


def in_drains() -> Iterator[Cell]:
    served, refused = "draining, work still served", "draining, a request in flight"
    yield Cell(served, "SIGINT", lame_duck(), signals(INT), Stopped("SIGTERM", "ready"), 2)
    yield Cell(
        served, "SIGTERM at once again: the same one told twice", lame_duck(DRAIN_MIN_SEC=1),
        signals(TERM), Stopped("SIGTERM", "ready"), 3,
    )  # fmt: skip
    yield Cell(refused, "SIGINT", closing(), signals(INT), Stopped("SIGINT", "ready", "cut"), 2)
    yield Cell(
        refused, "nothing: the deadline", closing(GRACEFUL_SHUTDOWN_TIMEOUT_SEC=1), signals(),
        Stopped("SIGINT", "ready", "cut"), 2,
    )  # fmt: skip


def kills() -> Iterator[Cell]:
    for state, scene, package in (
        ("verifying", verifying(), "probe"),
        ("installing", installing(), "requirement"),
        ("loading", loading(), "probe"),
        ("ready", ready(), "probe"),
        ("loading again", restarting(), "probe"),
        ("draining, work still served", lame_duck(), "probe"),
    ):
        yield Cell(state, "the program is killed", scene, signals(KILL), Killed(package), 1)
