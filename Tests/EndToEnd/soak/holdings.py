"""What a process holds: descriptors by kind, threads, children, zombies, mappings, memory."""

from __future__ import annotations

import collections
import os
import re
import time
from pathlib import Path
from typing import Any

from .program import Program

PAGE = os.sysconf("SC_PAGE_SIZE")
#: Mappings more than before that are none of a leak: the allocator takes memory in steps, and memory
#: has a bound of its own.
MAPS = 16
_KINDS = (
    (re.compile(r"socket:"), "sockets"), (re.compile(r"pipe:"), "pipes"),
    (re.compile(r"anon_inode:\[?(\w+)"), "\\1"), (re.compile(r"/memfd:"), "memfds"),
    (re.compile(r".*"), "files"),
)  # fmt: skip


def descriptors(pid: int) -> dict[str, list[str]]:
    """What is open, by its kind."""
    found: dict[str, list[str]] = {}
    for entry in os.scandir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(entry.path)
        except OSError:
            continue
        match, name = next((m, n) for p, n in _KINDS if (m := p.match(target)))
        found.setdefault(match.expand(name), []).append(target)
    return dict(sorted(found.items()))


def children(pid: int) -> tuple[int, int]:
    """Living children and zombies."""
    living = zombies = 0
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            fields = Path(entry.path, "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            zombies += fields[0] == "Z"
            living += fields[0] != "Z"
    return living, zombies


def look(program: Program) -> dict[str, Any]:
    pid = program.process.pid
    living, zombies = children(pid)
    return {
        "descriptors": descriptors(pid),
        "threads": len(os.listdir(f"/proc/{pid}/task")),
        "children": living,
        "zombies": zombies,
        "maps": len(Path(f"/proc/{pid}/maps").read_text().splitlines()),
        "rss": int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / (1 << 20),
    }


class Table:
    """A line for each look, one a minute and those that are compared."""

    COLUMNS = ("seconds", "requests", "restarts", "reloads", "fds", "threads", "children",
        "zombies", "maps", "RSS MB")  # fmt: skip

    def __init__(self, program: Program) -> None:
        self._program = program
        self._began = self._last = time.monotonic()
        self.requests = 0
        print(f"{'':8}" + "".join(f"{name:>10}" for name in self.COLUMNS) + "  descriptors")

    def row(self, name: str) -> dict[str, Any]:
        one, counts = look(self._program), self._program.counts
        self._last = time.monotonic()
        held = {kind: len(some) for kind, some in one["descriptors"].items()}
        values = (
            f"{self._last - self._began:.0f}", self.requests, self._program.restarts,
            counts["reload_finished"], sum(held.values()), one["threads"], one["children"],
            one["zombies"], one["maps"], f"{one['rss']:.1f}",
        )  # fmt: skip
        kinds = " ".join(f"{kind} {count}" for kind, count in held.items())
        print(f"{name:8}" + "".join(f"{one:>10}" for one in values) + f"  {kinds}", flush=True)
        return one

    def minute(self) -> None:
        if time.monotonic() - self._last >= 60:
            self.row("")


def compare(before: dict[str, Any], after: dict[str, Any], growth_mb: float) -> list[str]:
    """What is more than before, of descriptors what is fewer too. A thread may hold the memory of a worker that has gone until it is
    woken the next time, so that many memfds may come and go."""
    problems = []
    for kind in sorted({*before["descriptors"], *after["descriptors"]}):
        was, now = before["descriptors"].get(kind, []), after["descriptors"].get(kind, [])
        if abs(len(now) - len(was)) > (before["threads"] if kind == "memfds" else 0):
            others = collections.Counter(now)
            others.subtract(was)
            others = sorted({target: n for target, n in others.items() if n}.items())[:8]
            problems.append(f"{kind}: {len(was)} descriptors before, {len(now)} after: {others}")
    for name in ("threads", "children", "maps"):
        if after[name] > before[name] + (MAPS if name == "maps" else 0):
            problems.append(f"{name}: {before[name]} before, {after[name]} after")
    if after["zombies"]:
        problems.append(f"{after['zombies']} zombies")
    if after["rss"] - before["rss"] > growth_mb:
        problems.append(f"RSS grew by {after['rss'] - before['rss']:.1f} MB, more than {growth_mb}")
    return problems
