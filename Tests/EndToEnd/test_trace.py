"""`par-lifecycle trace` as it is called: in a terminal, in a pipe, by programs."""

from __future__ import annotations

import fcntl
import functools
import gzip
import itertools
import json
import os
import pty
import random
import re
import struct
import subprocess
import termios
import unicodedata
from pathlib import Path

import jsonschema
import pytest
from support.program import DEADLINE, PROGRAM, REPOSITORY, inherited_environment

# --- logs: one life, told by the lines that the program writes ---

CONFIG = {"LOG_LEVEL": "info", "BOOT_BUDGET_MS": 5000, "DRAIN_MIN_SEC": 1, "WORKER_RESTARTS": "3/60"}


class Life:
    """Makes the lines of a run, one after the other."""

    def __init__(self, agent: str = "demo", run_id: str = "ab" * 16, of: str | None = None):
        self.lines: list[str] = []
        self.agent, self.run_id, self.state = agent, run_id, None
        self.say(2, "run_started", version="0.1.0", schema=1, machine=of or machine(), pid=7, config=CONFIG)

    def say(self, uptime: int, event: str, level: str = "info", **fields: object) -> Life:
        whole = {
            "timestamp": f"2026-11-22T05:28:{uptime // 1000:02}.{uptime % 1000:03}000Z",
            "level": level,
            "event": event,
            "seq": len(self.lines) + 1,
            "run_id": self.run_id,
            "agentAppId": self.agent,
            "uptime_ms": uptime,
            **fields,
        }
        self.lines.append(json.dumps(whole, separators=(",", ":"), ensure_ascii=False))
        return self

    def move(self, uptime: int, event: str, to: str, cause: str, level: str = "info", **fields: object) -> Life:
        moved = {"from": self.state, "to": to, "state": to, "cause": cause}
        self.state = to
        return self.say(uptime, event, level, **moved, **fields)

    def fetch(self) -> Life:
        self.move(5, "fetch", "fetching", "started", source="file", url="/srv/demo.apkg")
        self.state = "fetching"
        return self

    def boot_failed(self, error: str, detail: str, hint: str) -> Life:
        self.move(30, "verify", "verifying", "package_fetched", bytes=1000, fetch_ms=30)
        self.say(90, "boot_failed", "error", phase="verify", error=error, detail=detail, hint=hint)
        self.move(90, "drain", "draining", "failure", "error", in_flight=0, deadline_ms=30000)
        return self.move(
            91, "stopped", "stopped", "drained", "error",
            exit_code=1, outcome="failed", completed=0, aborted=0, drain_ms=1,
        )  # fmt: skip

    def text(self) -> str:
        return "".join(line + "\n" for line in self.lines)


def trace(*arguments: str, text: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(PROGRAM), "trace", *arguments], input=text, capture_output=True, text=True, timeout=DEADLINE,
        env={**inherited_environment(), **variables},
    )  # fmt: skip


@functools.cache
def machine() -> str:
    """The hash of the program's table, which every log has in its first line."""
    done = trace(text=Life(of="of another program").text(), COLUMNS="200")
    assert done.returncode == 2 and "the log is of schema 1, machine of another program" in done.stdout
    found = re.search(r"this program knows schema 1,\s+machine\s+([0-9a-f]{16})", done.stdout)
    assert found, done.stdout
    return found[1]


FAILED = functools.partial(
    Life.boot_failed,
    error="SHA256 mismatch: the package /srv/demo.apkg has another hash than PACKAGE_SHA256 says",
    detail='Traceback (most recent call last):\n  File "/x.py", line 3\nValueError: \x1b]0;gone\x07\r\x9b2J日本語' + "w" * 90,
    hint="compare the package with what was built; docs/errors.md#wrong-hash",
)

# --- the terminal ---


def in_terminal(text: str, columns: int, *arguments: str, **variables: str) -> str:
    """What `trace` prints where a window is so wide."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {k: v for k, v in inherited_environment().items() if k not in ("COLUMNS", "NO_COLOR")}
    child = subprocess.Popen(
        [str(PROGRAM), "trace", *arguments], stdin=subprocess.PIPE, stdout=theirs, stderr=theirs,
        env={**environment, "TERM": "xterm", **variables},
    )  # fmt: skip
    os.close(theirs)
    assert child.stdin
    child.stdin.write(text.encode())
    child.stdin.close()
    seen = b""
    try:
        while more := os.read(ours, 65536):
            seen += more
    except OSError:  # the other side is closed
        pass
    os.close(ours)
    child.wait(timeout=DEADLINE)
    return seen.decode().replace("\r\n", "\n")


COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def width(line: str) -> int:
    """Columns of a line, as a terminal counts them."""
    return sum(
        0 if unicodedata.category(c) == "Mn" else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line
    )


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_no_line_is_wider_than_the_window(columns):
    hostile = Life("日本語のエージェント" * 8).fetch()
    seen = in_terminal(FAILED(hostile).text() + Life(run_id="cd" * 16).fetch().text(), columns)
    plain = COLOUR.sub("", seen)
    assert COLOUR.search(seen) and "SHA256mismatch" in re.sub(r"\s", "", plain)
    assert max(map(width, plain.split("\n"))) <= columns
    # Nothing of the log is obeyed.
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", plain)


@pytest.mark.parametrize(
    "variables, arguments, coloured",
    [
        ({}, [], True),
        ({"NO_COLOR": "1"}, [], False),
        ({"NO_COLOR": ""}, [], True),
        ({"TERM": "dumb"}, [], False),
        ({}, ["--color", "never"], False),
        ({"NO_COLOR": "1"}, ["--color=always"], True),
    ],
)
def test_colours_are_for_whoever_wants_them(variables, arguments, coloured):
    assert ("\x1b[" in in_terminal(Life().fetch().text(), 80, *arguments, **variables)) == coloured


def test_a_pipe_has_80_columns_and_no_colours():
    log = FAILED(Life().fetch()).text()
    piped = trace(text=log)
    assert "\x1b" not in piped.stdout
    assert piped.stdout == COLOUR.sub("", in_terminal(log, 80))
    assert "\x1b[" in trace("--color", "always", text=log).stdout
    assert max(map(width, trace(text=log, COLUMNS="50").stdout.split("\n"))) <= 50


def test_a_failed_boot_is_explained_where_it_happened():
    assert "failed in verifying: SHA256 mismatch" in (shown := trace(text=FAILED(Life().fetch()).text()).stdout)
    assert '│   File "/x.py", line 3' in shown and "→ compare the package" in shown
    assert shown.startswith("conforms, failed  demo ")


# --- the command line ---


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["--format", "xml"], "--format xml is none of text, json"),
        (["--format"], "--format needs a value"),
        (["--color", "blue"], "--color blue is none of auto, always, never"),
        (["--run="], "--run needs the beginning of an id"),
        (["-", "-"], "standard input (-) can be read once"),
        (["--colour"], "there is no option --colour"),
        (["--strict=yes"], "there is no option --strict=yes"),
        (["--summary", "--format", "svg"], "--summary, --coverage and diff are printed as text or json"),
        (["--promises", "run.log"], "--promises prints a table and reads nothing"),
        (["diff", "one.log"], "trace diff takes two inputs"),
        (["diff", "a", "b", "--max-regress", "much"], "--max-regress much is no percentage"),
    ],
)
def test_a_misused_option_is_told_in_a_sentence(arguments, sentence):
    done = trace(*arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith(f"par-lifecycle: {sentence}"), done.stderr


def test_one_run_is_looked_at_alone():
    both = FAILED(Life().fetch()).text() + Life(run_id="cd" * 16).fetch().text()
    done = trace("--run", "cdcd", "--strict", text=both)
    assert done.returncode == 1 and "incomplete" in done.stdout and "ab" * 16 not in done.stdout
    assert trace("--run", "ab", "--strict", text=both).returncode == 0
    assert trace("--run", "ef", text=both).returncode == 1


def test_an_incomplete_run_tells_what_is_due():
    done = trace(text=Life().fetch().text())
    assert done.returncode == 0
    shown = re.sub(r"\s+", " ", done.stdout)
    assert "the log ends: in fetching since 5 ms" in shown
    assert "Due next: the download's time is over, at 1 m 00 s" in shown


def test_many_runs_have_a_line_each():
    shown = trace(text="".join(Life(run_id=f"{n:032x}").fetch().text() for n in range(25))).stdout
    assert shown.count("run 0000") == 20 and "From here on a run without trouble has one line" in shown
    assert len(re.findall(r"^incomplete +demo +00000000 ", shown, re.M)) == 5
    assert shown.endswith("\n25 runs: 25 incomplete; 50 lines\n")


def test_promises_are_a_line_each_in_a_pipe_and_wrapped_in_a_window():
    piped = trace("--promises").stdout
    assert len(re.findall(r"^  [a-z-]+ +\S.*\.$", piped, re.M)) == len(re.findall("^  ", piped, re.M)) > 20
    wrapped = COLOUR.sub("", in_terminal("", 60, "--promises"))
    assert max(map(width, wrapped.split("\n"))) <= 60
    # The two hold the same words, whatever line they are in.
    assert sorted(wrapped.split()) == sorted(piped.split())


# --- for programs ---


def test_json_is_as_its_schema_says():
    broken = Life(run_id="ef" * 16).fetch().lines
    text = FAILED(Life().fetch()).text() + Life(run_id="cd" * 16).fetch().text() + broken[1] + "\nSomebody else\n"
    done = trace("--format", "json", text=text)
    assert done.returncode == 1
    document = json.loads(done.stdout)
    schema = json.loads((REPOSITORY / "spec/trace.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(document)
    runs = {run["verdict"]: run for run in document["runs"]}
    assert runs["conforms"]["failure"]["error"].startswith("SHA256 mismatch")
    assert [one["state"] for one in runs["conforms"]["timeline"]] == ["fetching", "verifying", "draining", "stopped"]
    assert runs["incomplete"]["due"][0]["timer"] == "fetch_timeout"
    assert runs["violates"]["trouble"]["seq"] == 2 and runs["violates"]["trouble"]["place"]
    assert document["totals"]["foreign"] == 1
    # A line for each run, between one that begins and one that ends.
    assert len(done.stdout.splitlines()) == 2 + len(document["runs"])


def test_json_without_a_run_is_a_document_too():
    done = trace("--format", "json")
    assert done.returncode == 1 and json.loads(done.stdout)["runs"] == []


# --- what is read ---


def stopped_life(warnings: int, run_id: str = "cd" * 16, message: str = "x") -> list[str]:
    """A run that is asked to stop while it fetches, with warnings before that."""
    life = Life(run_id=run_id).fetch()
    for n in range(warnings):
        life.say(6 + n, "warning", "warning", code="python_newer", message=f"{message} {n}")
    end = 6 + warnings
    life.move(end, "drain", "draining", "SIGTERM", in_flight=0, deadline_ms=30000)
    life.move(
        end, "stopped", "stopped", "drained",
        exit_code=0, outcome="clean", completed=0, aborted=0, drain_ms=0,
    )  # fmt: skip
    return [line + "\n" for line in life.lines]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("by_pipe", [0, 2])
def test_rotated_pieces_are_read_in_any_order(tmp_path, order, by_pipe):
    pieces = ["", "", ""]
    for run_id, cuts in (("01" * 16, (0, 6, 12, 16)), ("02" * 16, (0, 0, 12, 16))):
        lines = stopped_life(12, run_id)
        for index in range(3):
            pieces[index] += "".join(lines[cuts[index] : cuts[index + 1]])
    names = [tmp_path / "par.log.2.gz", tmp_path / "par.log.1.gz", tmp_path / "par.log"]
    for index, (name, piece) in enumerate(zip(names, pieces)):
        data = piece.encode()
        name.write_bytes(gzip.compress(data[:200]) + gzip.compress(data[200:]) if index < 2 else data)
    inputs = ["-" if index == by_pipe else str(names[index]) for index in order]
    done = subprocess.run(
        [str(PROGRAM), "trace", "--strict", "--format", "json", *inputs], timeout=DEADLINE,
        input=names[by_pipe].read_bytes(), capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    document = json.loads(done.stdout)
    assert [(run["verdict"], run["lines"]) for run in document["runs"]] == [("conforms", 16)] * 2


def test_what_cannot_be_read_is_told_and_the_rest_judged(tmp_path):
    good, packed = tmp_path / "good.log", tmp_path / "bad.log.gz"
    good.write_text("".join(stopped_life(3)))
    packed.write_bytes(gzip.compress(b"x" * 100_000)[:-12])
    done = trace("--format", "json", str(packed), str(tmp_path), str(tmp_path / "none"), str(good))
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"par-lifecycle: {packed} ends in the middle of its gzip data",
        f"par-lifecycle: {tmp_path} is a folder; name the files in it",
        f"par-lifecycle: {tmp_path}/none cannot be read: No such file or directory",
    ]
    assert [run["verdict"] for run in json.loads(done.stdout)["runs"]] == ["conforms"]


def test_no_repair_is_proposed_twice():
    *_, last = lines = stopped_life(16)
    shown = trace("--format", "json", text=lines[7] + last)
    [run] = json.loads(shown.stdout)["runs"]
    repairs = run["trouble"]["repairs"]
    assert len(repairs) == len(set(repairs)) > 1, repairs


def test_the_name_of_a_file_is_shown_and_never_obeyed(tmp_path):
    done = trace(str(tmp_path / "no\n\x1b[31mfile"))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1) and "\x1b" not in done.stderr
    assert "no\\u{a}\\u{1b}[31mfile cannot be read" in done.stderr


@pytest.mark.parametrize("arguments", [[], ["--format", "html"], ["--summary"], ["--promises"]])
def test_a_report_that_cannot_be_written_is_told(tmp_path, arguments):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [str(PROGRAM), "trace", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=DEADLINE,
        )
    assert done.returncode == 2
    assert done.stderr == b"par-lifecycle: standard output cannot be written: No space left on device\n"


def test_bytes_of_any_kind_are_counted_or_judged_and_never_more():
    chance = random.Random(7)
    log = "".join(stopped_life(40)).encode()
    for _ in range(40):
        spoilt = bytearray(log)
        for _ in range(chance.choice([1, 10, 300])):
            place = chance.randrange(len(spoilt))
            if chance.random() < 0.5:
                spoilt[place] = chance.randrange(256)
            else:
                del spoilt[place : place + chance.randrange(25)]
        done = subprocess.run(
            [str(PROGRAM), "trace"], input=bytes(spoilt), capture_output=True, timeout=DEADLINE
        )
        assert done.returncode in (0, 1, 2) and done.stderr == b"", spoilt
    noise = bytes(chance.randrange(256) for _ in range(300_000))
    done = subprocess.run([str(PROGRAM), "trace"], input=noise, capture_output=True, timeout=DEADLINE)
    assert done.returncode == 1 and done.stderr == b""


def test_memory_does_not_grow_with_the_input():
    process = subprocess.Popen(
        [str(PROGRAM), "trace", "--strict"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    for number in range(250):
        life = stopped_life(20, f"{number:032x}", message="long " * 3000)
        process.stdin.write("".join(life).encode())
    # All but what the pipe holds was read.
    most = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
    process.stdin.close()
    assert process.wait(DEADLINE) == 0
    assert int(most[1]) < 32 << 10  # 75 MB were written
