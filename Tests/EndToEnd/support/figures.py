"""What the program tells about itself."""

from __future__ import annotations

import urllib.request
from pathlib import Path

from .program import DEADLINE, Run


def metrics(run: Run) -> dict[str, float]:
    """Every sample of /metrics by its name and labels."""
    with urllib.request.urlopen(f"{run.base}/metrics", timeout=DEADLINE) as response:
        lines = response.read().decode().splitlines()
    samples = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
    return {name: float(value) for name, value in samples}


def metric(run: Run, name: str) -> int:
    """One whole number of /metrics."""
    return int(metrics(run)[name])


def resident(pid: int) -> int:
    """Bytes of memory that a process has resident, its children not counted."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096


def resident_megabytes(pid: int) -> float:
    return resident(pid) / (1 << 20)
