"""`trace` over many runs, two builds and a log that is being written."""

from __future__ import annotations

import functools
import gzip
import json
import os
import re
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Callable, Iterator, Sequence

import pytest
from support import fleet
from support.program import DEADLINE, PROGRAM

#: A run that served and stopped, of the fleet.
SERVED = "runtime_ready"


def runs() -> list[list[dict[str, Any]]]:
    """The fleet's lines, run by run."""
    found: dict[str, list[dict[str, Any]]] = {}
    for line in fleet.lines():
        found.setdefault(line["run_id"], []).append(line)
    return list(found.values())


@functools.lru_cache(maxsize=None)
def conforming() -> list[dict[str, Any]]:
    """A run of the fleet that served and came to its end as it should."""
    for lines in runs():
        if {SERVED, "stopped"} <= {line["event"] for line in lines}:
            done = trace(text=fleet.text(lines))
            if done.returncode == 0:
                return lines
    pytest.fail("no run of the fleet conforms")


def trace(*arguments: Any, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, "trace", *map(str, arguments)],
        input=text, capture_output=True, text=True, timeout=DEADLINE, check=False,
    )  # fmt: skip


def renamed(lines: Sequence[dict[str, Any]], index: int) -> list[dict[str, Any]]:
    """The same life as another run's."""
    return json.loads(json.dumps(lines).replace(lines[0]["run_id"], f"{index:032x}"))


# --- summary, coverage ---


def test_a_summary_counts_each_run_and_names_the_slowest():
    done = trace("--summary", "--format", "json", text=fleet.text(fleet.lines()))
    told = json.loads(done.stdout)
    assert told["runs"] == len(runs()) == sum(told["verdicts"].values())
    assert sum(told["endings"].values()) == told["runs"]
    boots = [line["boot_ms"] for line in fleet.lines() if line["event"] == SERVED and line["attempt"] == 1]
    assert told["slowest_boots"][0]["milliseconds"] >= max(boots) - 1
    assert told["times"]["drain_ms"]["count"] == sum(line["event"] == "stopped" for line in fleet.lines())


@pytest.mark.parametrize("report", ["--summary", "--coverage"])
def test_a_report_on_all_runs_fits_a_terminal(report):
    shown = trace(report, text=fleet.text(fleet.lines())).stdout
    assert max(map(len, shown.splitlines())) <= 80


def test_coverage_counts_transitions_as_the_log_has_them():
    lines = conforming()
    told = json.loads(trace("--coverage", "--format", "json", text=fleet.text(lines)).stdout)
    moved = [(line["from"], line["to"], line["cause"]) for line in lines if "to" in line]
    for row in told["transitions"]:
        assert row["count"] == moved.count((row["from"], row["to"], row["cause"])), row
    assert sum(row["count"] for row in told["transitions"]) == len(moved)
    assert told["steps_outside_the_table"] == 0


# --- diff, a gate ---


def slower(lines: Sequence[dict[str, Any]], by: int) -> list[dict[str, Any]]:
    """The run with a first Loading that takes so many milliseconds more."""
    later, changed = 0, []
    for line in lines:
        line = dict(line)
        if line["event"] == SERVED:
            if line["attempt"] == 1:
                later = by
                line["load_ms"] += by
            line["boot_ms"] += by
            line["phases_ms"] = {**line["phases_ms"], "load": line["phases_ms"]["load"] + by}
        line["uptime_ms"] += later
        changed.append(line)
    return changed


def build(folder: Path, count: int, by: int) -> Path:
    """A folder of logs of one build; each run takes a little longer than the one before."""
    folder.mkdir()
    life = conforming()
    for index in range(count):
        log = fleet.text(renamed(slower(life, by + index % 7), index))
        (folder / f"{index}.log").write_text(log)
    return folder


def test_a_gate_passes_what_is_alike_and_refuses_what_is_slower(tmp_path):
    before, alike = build(tmp_path / "a", 12, 0), build(tmp_path / "b", 12, 1)
    load = next(line["load_ms"] for line in conforming() if line["event"] == SERVED)
    much = build(tmp_path / "c", 12, load // 2 + 20)
    done = trace("diff", before, alike)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "no regression above 10 %" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    done = trace("diff", before, much, "--max-regress", "10%")
    assert done.returncode == 1
    last = done.stdout.strip().splitlines()[-1]
    assert last.startswith("REGRESSED by more than 10 %: load p50"), done.stdout
    assert trace("diff", before, much, "--max-regress", "500").returncode == 0
    assert trace("diff", much, before).returncode == 0
    told = json.loads(trace("diff", before, much, "--format", "json").stdout)
    assert told["regressed"] is True
    [row] = [r for r in told["measures"] if r["measure"] == "load_ms" and r["percentile"] == 50]
    assert row["finding"] == "regressed"


def test_the_last_line_tells_of_runs_that_are_not_as_they_should_be(tmp_path):
    before, after = build(tmp_path / "a", 2, 0), build(tmp_path / "b", 2, 0)
    spoilt = after / "1.log"
    spoilt.write_text("".join(spoilt.read_text().splitlines(keepends=True)[:3] * 2))
    done = trace("diff", before, after)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].endswith(" · B: violates 1"), done.stdout


def test_too_few_runs_tell_nothing(tmp_path):
    before, after = build(tmp_path / "a", 3, 0), build(tmp_path / "b", 3, 500)
    done = trace("diff", before, after)
    assert done.returncode == 0
    assert "too few runs" in done.stdout


@pytest.mark.parametrize("inputs", [["absent.log", "absent.log"], ["empty", "empty"]])
def test_nothing_to_compare_is_no_pass(tmp_path, inputs):
    (tmp_path / "empty").touch()
    done = trace("diff", *(tmp_path / name for name in inputs))
    assert done.returncode == 2
    assert done.stderr


# --- follow ---


class Follower:
    """`trace --follow`, and what it has printed."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        self.process = subprocess.Popen(
            [PROGRAM, "trace", "--follow", *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more,
        )  # fmt: skip
        assert self.process.stdout
        os.set_blocking(self.process.stdout.fileno(), False)
        self.shown = ""

    def until(self, words: str) -> str:
        """Waits until the words are there."""
        assert self.process.stdout
        end = time.monotonic() + DEADLINE
        while not re.search(words, self.shown):
            assert time.monotonic() < end, f"no {words} in:\n{self.shown}"
            read = self.process.stdout.read()
            if read:
                self.shown += read.decode()
            else:
                assert self.process.poll() is None, f"it ended:\n{self.shown}"
                select.select([self.process.stdout], [], [], 1)
        return self.shown

    def end(self, number: int = signal.SIGINT) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(DEADLINE)
        assert self.process.stdout
        self.shown += (self.process.stdout.read() or b"").decode()
        return status


@pytest.fixture
def follow() -> Iterator[Callable[..., Follower]]:
    followers: list[Follower] = []

    def start(*arguments: Any, **more: Any) -> Follower:
        followers.append(Follower(*arguments, **more))
        return followers[-1]

    yield start
    for follower in followers:
        follower.process.kill()
        follower.process.wait()
        assert follower.process.stdout
        follower.process.stdout.close()


def append(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    with path.open("a") as log:
        log.write(fleet.text(lines))


def cut(lines: list[dict[str, Any]], event: str) -> int:
    """Where the first line of that event is."""
    return next(index for index, line in enumerate(lines) if line["event"] == event)


def test_a_run_is_followed_while_it_lives(par, probe, tmp_path, follow):
    log = tmp_path / "par.log"
    with log.open("wb") as output:
        run = par(str(probe), stdout=output.fileno())
        follower = follow(log)
        follower.until(r" ready ")
        assert run.process.poll() is None
        run.process.send_signal(signal.SIGTERM)
        follower.until(r"stopped .*drained")
        follower.until(r"\nconforms")
    assert follower.end() == 0
    assert "1 conform" in follower.shown


def test_a_violation_is_told_while_the_writer_still_writes(tmp_path, follow):
    life = conforming()
    ready = cut(life, SERVED)
    log = tmp_path / "par.log"
    append(log, life[:ready])
    follower = follow(log)
    follower.until("loading")
    append(log, [{**life[ready], "from": "fetching"}])
    follower.until("✗ violates")
    append(log, life[ready + 1 :])
    assert follower.end() == 1


def test_a_log_is_followed_over_rotations(tmp_path, follow):
    life = conforming()
    log = tmp_path / "par.log"
    follower = follow(log)
    follower.until("not there yet")
    pieces = [life[:3], life[3:5], life[5:-2], life[-2:]]
    append(log, pieces[0])
    follower.until(life[2]["to"] if "to" in life[2] else "fetching")
    # By its name: the writer goes on in the old file until it opens the new one.
    log.rename(tmp_path / "par.log.1")
    append(tmp_path / "par.log.1", pieces[1])
    append(log, pieces[2])
    follower.until(" ready ")
    # By cutting it; what is written next must not be longer than what was there.
    os.truncate(log, 0)
    append(log, pieces[3])
    follower.until("conforms")
    assert follower.end() == 0


def test_a_packed_log_is_not_followed(tmp_path):
    log = tmp_path / "par.log.gz"
    log.write_bytes(gzip.compress(fleet.text(conforming()).encode()))
    done = trace("--follow", log)
    assert done.returncode == 2
    assert "leave out --follow" in done.stderr


def test_a_pipe_is_followed_to_its_end(tmp_path, follow):
    life = conforming()
    follower = follow(stdin=subprocess.PIPE)
    pipe = follower.process.stdin
    assert pipe
    ready = cut(life, SERVED)
    pipe.write(b"-- Journal begins at Sun 2026-11-22 --\n" + fleet.text(life[: ready + 1]).encode()[:-40])
    pipe.flush()
    follower.until("loading")
    assert " ready " not in follower.shown
    pipe.write(fleet.text(life[: ready + 1]).encode()[-40:])
    pipe.flush()
    follower.until(" ready ")
    pipe.close()
    follower.until("incomplete")
    assert follower.end() == 0


def test_a_run_that_is_joined_in_the_middle_is_shown_and_not_judged():
    life = conforming()
    done = trace("--follow", text=fleet.text(life[4:]))
    assert done.returncode == 0
    assert "joined in the middle: shown, not judged" in done.stdout
    assert trace("--follow", "--strict", text=fleet.text(life[4:])).returncode == 1
