"""What floods are measured with: a good client in a process of its own, and the program's memory."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Callable, Iterator

from .figures import metrics, resident
from .program import DEADLINE, Run

#: Seconds for which a flood is repeated, on one connection after the other.
SECONDS = float(os.environ.get("FLOOD_SECONDS", "0.1"))
#: By how much the program's memory may grow in one attack.
MEMORY = 48 << 20


class GoodClient:
    """A script that makes calls, and for each line on its input writes how they went since the one before."""

    def __init__(self, script: Path, address: str) -> None:
        self.process = subprocess.Popen([sys.executable, str(script), address], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def figures(self) -> dict:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def some_calls(self) -> dict:
        """Figures of at least a few calls of each kind."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            figures = self.figures()
            if figures["failures"] or all(one["calls"] for one in kinds(figures).values()):
                return figures
        raise AssertionError("the good client's calls do not come back")

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(DEADLINE)


def kinds(figures: dict) -> dict[str, dict[str, float]]:
    return {name: one for name, one in figures.items() if name != "failures"}


class Watch:
    """The program and the good client; `rows` is what the attacks showed, beside the first of them: nothing."""

    def __init__(self, run: Run, client: GoodClient, ended: str) -> None:
        """`ended`: the metric that counts ends by their reason."""
        self.run = run
        self.client = client
        self.rows: list[str] = []
        self._ended = ended
        self._usual: dict[str, float] = {}
        client.some_calls()

    @contextlib.contextmanager
    def watched(self, name: str) -> Iterator[list[str]]:
        """Measures the good client and the memory while an attack goes on; the list is for remarks."""
        self.client.figures()
        before = most = resident(self.run.pid)
        over = threading.Event()

        def sample() -> None:
            nonlocal most
            while not over.wait(0.01):
                most = max(most, resident(self.run.pid))

        sampler = threading.Thread(target=sample)
        sampler.start()
        remarks: list[str] = []
        try:
            yield remarks
        finally:
            over.set()
            sampler.join()
        figures = self.client.some_calls()
        most = max(most, resident(self.run.pid))
        shown = []
        for kind, one in kinds(figures).items():
            usual = self._usual.setdefault(kind, one["p99_ms"])
            shown.append(f"{kind} p50 {one['p50_ms']:6.2f} p99 {one['p99_ms']:6.2f} ms ({one['p99_ms'] / max(usual, 0.01):4.1f} x, {one['calls']} calls)")
        self.rows.append(f"{name:44} {', '.join(shown)}, memory {before >> 20} -> {most >> 20} MiB  {'; '.join(remarks)}")
        assert figures["failures"] == []
        assert most - before < MEMORY

    def ends(self) -> dict[str, float]:
        """How many connections and streams were ended, by the reason."""
        found = {}
        for sample, value in metrics(self.run).items():
            name, _, labels = sample.partition("{")
            if name == self._ended:
                found[labels.split('"')[1]] = value
        return found

    def count(self, reason: str) -> float:
        return self.ends().get(reason, 0)

    def until(self, holds: Callable[[dict[str, float]], bool]) -> None:
        """Asks /metrics until this holds."""
        end = time.monotonic() + min(DEADLINE, 10)
        while not holds(metrics(self.run)):
            assert time.monotonic() < end, metrics(self.run)
