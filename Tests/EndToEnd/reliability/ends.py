"""What has to come after a fault."""

from __future__ import annotations

import re
import signal
import time
from dataclasses import dataclass
from typing import Any

import httpx
from support.clients import until
from support.program import REPOSITORY, Run, marked_processes

from .scenes import uv
from .stage import SLOWNESS, Stage

#: After the end has been reached: the rest of the log, and processes that are being reaped.
AFTERWARDS = 10.0


def wait_for_exit(stage: Stage, run: Run, struck: float, within: float) -> int:
    left = struck + within * SLOWNESS - time.monotonic()
    code = run.exit(max(left, 0.01))
    return code


def anchors() -> set[str]:
    """The paragraphs of docs/errors.md."""
    text = (REPOSITORY / "docs/errors.md").read_text()
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}


def check_sentence(line: dict[str, Any]) -> str:
    """One clear sentence and a hint that leads somewhere; returns the hint's paragraph."""
    sentence = line["error"]
    assert "\n" not in sentence and 10 < len(sentence) < 800, f"no clear sentence: {sentence!r}"
    assert "Swift" not in sentence and "Error(" not in sentence, f"not for people: {sentence!r}"
    hint = line.get("hint") or ""
    found = re.search(r"docs/errors\.md#([a-z0-9-]+)", hint)
    assert found, f"no useful hint: {hint!r} of {sentence!r}"
    assert found[1] in anchors(), f"docs/errors.md has no paragraph {found[1]}"
    return found[1]


@dataclass(frozen=True)
class Failed:
    """The run gives up: exit code 1, one error with its hint."""

    phase: str
    error: str
    anchor: str
    cause: str = "failure"

    @property
    def words(self) -> str:
        return f"stopped, exit 1, failed ({self.cause})"

    @property
    def told(self) -> str:
        words = self.error.replace(".*", " … ").replace("  ", " ").strip()
        return f"{self.phase}: {words} ([{self.anchor}](errors.md#{self.anchor}))"

    def check(self, stage: Stage, struck: float, within: float) -> None:
        run = stage.run
        code = wait_for_exit(stage, run, struck, within)
        failures = run.events("boot_failed")
        assert len(failures) == 1, f"{len(failures)} boot_failed lines"
        failed = failures[0]
        assert code == 1, f"exit code {code}"
        assert failed["phase"] == self.phase, failed
        assert re.search(self.error, failed["error"]), failed["error"]
        anchor = check_sentence(failed)
        assert anchor == self.anchor, f"{failed['hint']} of {failed['error']!r}"
        drain, stopped = run.events("drain")[0], run.events("stopped")[0]
        assert (drain["level"], drain["cause"]) == ("error", self.cause), drain
        assert (stopped["outcome"], stopped["exit_code"]) == ("failed", 1), stopped


@dataclass(frozen=True)
class Stopped:
    """The run ends as asked: exit code 0 and no error."""

    cause: str
    #: The state in which the drain began: its name, or several.
    came_from: str
    outcome: str = "clean"

    @property
    def words(self) -> str:
        return f"stopped, exit 0, {self.outcome} ({self.cause.replace('|', ' or ')})"

    @property
    def told(self) -> str:
        return "no error"

    def check(self, stage: Stage, struck: float, within: float) -> None:
        run = stage.run
        code = wait_for_exit(stage, run, struck, within)
        assert code == 0, f"exit code {code}"
        assert not run.events("boot_failed"), run.events("boot_failed")
        drain, stopped = run.events("drain")[0], run.events("stopped")[0]
        assert re.fullmatch(self.cause, drain["cause"]), drain
        assert re.fullmatch(self.came_from, drain["from"]), drain
        assert (stopped["outcome"], stopped["exit_code"]) == (self.outcome, 0), stopped


@dataclass(frozen=True)
class GoesOn:
    """The fault is survived: Ready (again), serving; then the run is stopped and ends cleanly."""

    #: How many times the run has been Ready then.
    ready: int = 1
    #: An event that tells of the fault, or none.
    event: str = ""

    @property
    def words(self) -> str:
        return "ready" if self.ready == 1 else "ready again"

    @property
    def told(self) -> str:
        return f"event {self.event}" if self.event else "no error"

    def check(self, stage: Stage, struck: float, within: float) -> None:
        run = stage.run
        left = struck + within * SLOWNESS - time.monotonic()
        line = run.wait("runtime_ready", count=self.ready, deadline=max(left, 0.01))
        base = f"http://127.0.0.1:{line['rest_port']}"
        with httpx.Client(base_url=base, timeout=20) as client:
            assert client.get("/health").status_code == 200
            assert client.get("/agents/cell/api/hello").status_code == 200
        stage.note_ports()
        if self.event:
            run.wait(self.event, deadline=AFTERWARDS)
        stopped_at = run.send(signal.SIGINT)
        code = wait_for_exit(stage, run, stopped_at, 4)
        assert code == 0, f"exit code {code}"
        assert not run.events("boot_failed"), run.events("boot_failed")
        assert run.events("stopped")[0]["outcome"] == "clean"


@dataclass(frozen=True)
class Unread:
    """As `Stopped`, when nobody can tell from the log."""

    @property
    def words(self) -> str:
        return "stopped, exit 0"

    @property
    def told(self) -> str:
        return "the log is not read to its end"

    def check(self, stage: Stage, struck: float, within: float) -> None:
        code = wait_for_exit(stage, stage.run, struck, within)
        assert code == 0, f"exit code {code}"


@dataclass(frozen=True)
class Killed:
    """The program itself is gone; so are its children, and the next run sweeps its files."""

    #: What the next run boots; empty: what PACKAGE_URL names.
    package: str = "probe"

    @property
    def words(self) -> str:
        return "gone by SIGKILL; the next run sweeps its files"

    @property
    def told(self) -> str:
        return "the log is cut off, legal so far"

    def check(self, stage: Stage, struck: float, within: float) -> None:
        run = stage.run
        assert wait_for_exit(stage, run, struck, within) == -signal.SIGKILL
        until(lambda: not marked_processes(run.mark), "its children are gone", 2 * SLOWNESS)
        uv(stage)
        again = stage.start(self.package and stage.package(self.package) or None)
        again.ready()
        again.send(signal.SIGINT)
        assert again.exit() == 0


@dataclass(frozen=True)
class Either:
    """Ready and stopped as asked, or given up with one clear error: what the machine allows."""

    @property
    def words(self) -> str:
        return "ready, or stopped with exit 1"

    @property
    def told(self) -> str:
        return "when it failed, one error with a hint"

    def check(self, stage: Stage, struck: float, within: float) -> None:
        run = stage.run
        end = struck + within * SLOWNESS
        until(
            lambda: run.events("runtime_ready") or run.process.poll() is not None,
            "ready or ended", max(end - time.monotonic(), 0.01),
        )  # fmt: skip
        if run.process.poll() is None:
            stopped_at = run.send(signal.SIGINT)
            assert wait_for_exit(stage, run, stopped_at, 4) == 0
            assert not run.events("boot_failed")
            return
        assert run.exit() == 1
        if not run.lines and not run.other:
            # Not even the log could be begun.
            stage.has_whole_log = False
            assert run.stderr().startswith("par-lifecycle: "), f"no word: {run.stderr()!r}"
            return
        failures = run.events("boot_failed")
        assert len(failures) == 1, f"{len(failures)} boot_failed lines"
        check_sentence(failures[0])
        assert run.events("stopped")[0]["outcome"] == "failed"
