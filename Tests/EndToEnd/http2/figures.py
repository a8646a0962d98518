"""What the program tells about itself."""

from __future__ import annotations

import urllib.request
from pathlib import Path

from support.program import DEADLINE, Run


def metrics(run: Run) -> dict[str, float]:
    """Every sample of /metrics by its name and labels."""
    with urllib.request.urlopen(f"{run.base}/metrics", timeout=DEADLINE) as response:
        lines = response.read().decode().splitlines()
    samples = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
    return {name: float(value) for name, value in samples}


def resident(run: Run) -> int:
    """Bytes of memory that the program itself has resident."""
    pages = int(Path(f"/proc/{run.pid}/statm").read_text().split()[1])
    return pages * 4096
