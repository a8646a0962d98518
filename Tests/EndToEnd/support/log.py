"""What must hold for every log, whatever the test was about."""

from __future__ import annotations

import functools
import json
import subprocess
from typing import Any

import jsonschema

from . import second_opinion
from .program import PROGRAM, REPOSITORY, inherited_environment


@functools.cache
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads((REPOSITORY / "spec/events.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def schema_errors(lines: list[dict[str, Any]]) -> list[str]:
    problems = []
    for line in lines:
        for error in validator().iter_errors(line):
            best = jsonschema.exceptions.best_match([error]) or error
            where = "/".join(map(str, best.absolute_path))
            problems.append(f"{json.dumps(line)[:400]}\n    at '{where}': {best.message[:300]}")
    return problems


def sequence_errors(lines: list[dict[str, Any]]) -> list[str]:
    """`seq` counts from 1 without a gap, and there is one run in the log."""
    problems = []
    for expected, line in enumerate(lines, start=1):
        if line.get("seq") != expected:
            problems.append(f"seq {line.get('seq')} where {expected} was due ({line.get('event')})")
            break
    if len({line.get("run_id") for line in lines}) > 1:
        problems.append("more than one run_id")
    return problems


def verdict(text: str | bytes, *options: str) -> subprocess.CompletedProcess[str]:
    """`par-lifecycle trace` on this log."""
    return subprocess.run(
        [str(PROGRAM), "trace", *options],
        input=text.decode(errors="surrogateescape") if isinstance(text, bytes) else text,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=30,
        env=inherited_environment(),
    )


def trace_problems(text: str | bytes, cut_off: bool = False) -> list[str]:
    """What `trace` objects to; `cut_off`: the run was killed."""
    expected = "incomplete" if cut_off else "conforms"
    # Strict where the log has to be whole: then an incomplete one is a failure too.
    trace = verdict(text, "--format", "json", *([] if cut_off else ["--strict"]))
    try:
        runs = [run["verdict"] for run in json.loads(trace.stdout)["runs"]]
    except ValueError:
        runs = []
    if trace.returncode == 0 and runs == [expected]:
        return []
    shown = verdict(text)
    return [f"trace: status {trace.returncode}, {runs}\n{shown.stdout}{shown.stderr}{trace.stderr}"]


def compact(lines: list[dict[str, Any]]) -> str:
    """The lines as the program writes them."""
    return "".join(json.dumps(x, separators=(",", ":"), ensure_ascii=False) + "\n" for x in lines)


def problems(lines: list[dict[str, Any]], cut_off: bool = False, raw: bytes | None = None) -> list[str]:
    """Everything that is wrong with a run's log; `cut_off`: the run was killed; `raw`: as it was written."""
    text = compact(lines) if raw is None else raw
    return (
        schema_errors(lines)
        + sequence_errors(lines)
        + trace_problems(text, cut_off)
        + table_problems(lines)
    )


def table_problems(lines: list[dict[str, Any]]) -> list[str]:
    """What the table alone objects to."""
    why = second_opinion.objection(lines)
    return [f"second opinion: {why}"] if why else []
