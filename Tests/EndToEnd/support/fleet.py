"""The logs of a small fleet, as eighteen runs wrote them: what the pictures of `trace` are tried with."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any, Sequence

from .program import PROGRAM, REPOSITORY

LOG = Path(__file__).parents[1] / "traces" / "fleet.jsonl"
_TABLE = REPOSITORY / "Sources/Lifecycle/Specification/MachineTable.swift"


def lines() -> list[dict[str, Any]]:
    """The lines of all runs, with the hash of the present table: the runs are not what changed with it."""
    found = re.search(r'hash = "([0-9a-f]{16})"', _TABLE.read_text())
    assert found, f"{_TABLE} has no hash"
    read = [json.loads(line) for line in LOG.read_text().splitlines()]
    return [{**line, "machine": found[1]} if "machine" in line else line for line in read]


def text(lines: Sequence[dict[str, Any]]) -> str:
    """The log that the lines stand in."""
    return "".join(
        json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines
    )


def trace(log: str, form: str, folder: Path) -> Path:
    """What `trace --format` makes of a log, in a file of the folder."""
    (folder / "fleet.jsonl").write_text(log)
    result = folder / f"fleet.{form}"
    with result.open("wb") as output:
        done = subprocess.run(
            [PROGRAM, "trace", "--format", form, "fleet.jsonl"],
            cwd=folder, stdout=output, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode in (0, 1), done
    return result
