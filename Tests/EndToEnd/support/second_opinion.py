"""A second opinion on a run's log, by spec/lifecycle.json alone: none of the program's own code takes part.

It knows no times and no counts; it follows every situation of the table that the run may be in, and a log that leaves
none of them cannot have been. As a program: python3 second_opinion.py LOG..., one run in each."""

from __future__ import annotations

import functools
import json
import re
import sys
from pathlib import Path
from typing import Any, Iterable

TABLE = Path(__file__).resolve().parents[3] / "spec/lifecycle.json"
#: Causes of the log that are not the name of the one event behind them.
BEHIND = {
    "load_timed_out": ["timer(load_timeout)"],
    "hard_limit": ["timer(hard_limit)"],
    "configuration": ["failed(configuration)"],
    "failure": ["failed(failure)", "worker_lost", "timer(fetch_timeout)", "timer(install_timeout)",
                "timer(load_timeout)"],
    "drained": ["nothing_in_flight", "worker_lost"],
    "deadline": ["timer(drain_deadline)"],
    "second_signal": ["SIGINT", "SIGTERM(2 s after the first)"],
}  # fmt: skip


def without_restarts(situation: str) -> str:
    """The table is made for two restarts in a window; a run may have more, or none."""
    return re.sub(r", (\d of \d restarts used|restarts used up)|: (\d of \d restarts used|restarts used up)$", "",
                  situation)  # fmt: skip


@functools.cache
def table() -> dict[str, Any]:
    """The cells by situation, the situations' states, and the hash of the file (FNV-1a, 64 bits)."""
    data = TABLE.read_bytes()
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    spec = json.loads(data)
    cells: dict[str, list[tuple[str, str, str, tuple[str, ...]]]] = {}
    for cell in spec["cells"]:
        row = (cell["event"], cell["verdict"], without_restarts(cell["next"]), tuple(cell["effects"]))
        cells.setdefault(without_restarts(cell["in"]), []).append(row)
    states = {without_restarts(one["name"]): one["state"] for one in spec["situations"]}
    return {"cells": cells, "states": states, "initial": spec["initial"], "hash": f"{value:016x}"}


def reached(situations: Iterable[str]) -> set[str]:
    """Those, and where events that no line tells of lead from there."""
    found, waiting = set(situations), list(situations)
    while waiting:
        for _, verdict, following, _ in table()["cells"].get(waiting.pop(), []):
            if verdict == "stayed" and following not in found:
                found.add(following)
                waiting.append(following)
    return found


def objection(lines: list[dict[str, Any]]) -> str | None:
    """What cannot be in the log of one run, or None. A log that was cut off is legal so far."""
    spec = table()
    situations, state, attempt, told = {spec["initial"]}, None, 0, []
    for number, line in enumerate(lines, start=1):
        where = f"line {number}, {line['event']}"
        if line["seq"] != number or line["run_id"] != lines[0]["run_id"]:
            return f"{where}: seq {line['seq']} of run {line['run_id']}"
        if (number == 1) != (line["event"] == "run_started"):
            return f"{where}: run_started is the first line"
        if state == "stopped":
            return f"{where}: after stopped"
        if number == 1 and line["machine"] != spec["hash"]:
            return f"{where}: written with the table {line['machine']}, this one is {spec['hash']}"
        told.append(line["event"])
        if "to" not in line:
            continue
        # A run that gives up at its beginning has no line for the state that it is in.
        if line["from"] != (state or (None if line["event"] == "fetch" else "fetching")):
            return f"{where}: from {line['from']}, but the state was {state}"
        causes = BEHIND.get(line["cause"], [line["cause"]])
        following = {
            (after, effects)
            for before in reached(situations)
            for event, verdict, after, effects in spec["cells"].get(before, [])
            if verdict == "moved" and spec["states"][after] == line["to"] == line["state"]
            and (event in causes or event.split("(")[0] in causes)
        }  # fmt: skip
        if line["to"] == "stopped":
            following = {one for one in following if f"exit_{line['exit_code']}" in one[1]}
        if not following:
            return f"{where}: {line['cause']} does not lead from {state} to {line['to']}"
        if "attempt" in line:
            attempt += line["event"] == "load"
            if line["attempt"] != attempt:
                return f"{where}: attempt {line['attempt']}, it is the {attempt}."
        if line["to"] == "draining" and line["level"] == "error" and "boot_failed" not in told:
            return f"{where}: no boot_failed before"
        situations, state = {after for after, _ in following}, line["to"]
    return None


if __name__ == "__main__":
    objections = {
        path: objection([json.loads(one) for one in Path(path).read_text(encoding="utf-8").splitlines()])
        for path in sys.argv[1:]
    }
    for path, why in objections.items():
        print(f"{path}: {why or 'nothing against it'}")
    sys.exit(any(objections.values()))
