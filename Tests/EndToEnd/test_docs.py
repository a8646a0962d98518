"""The documentation: its links, and the code blocks that the built program runs or prints.

Commands run as they stand, in a folder that looks like a checkout, with free ports for those they name.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import documented  # noqa: E402
from documented import block  # noqa: E402
from support import log, packages  # noqa: E402
from support.figures import metrics  # noqa: E402
from support.program import DEADLINE, PROGRAM, REPOSITORY  # noqa: E402

HELLO = REPOSITORY / "examples/hello"


# --- the pages as such ---


@pytest.mark.parametrize("page", documented.pages())
def test_every_block_is_run_or_has_its_reason(page):
    for one in documented.blocks(page):
        held = one.held_by()
        if held.startswith("not run: "):
            continue
        file, function = held.split("::")
        assert f"\ndef {function}(" in (REPOSITORY / "Tests" / file).read_text(), f"{held} is no test"


def test_the_list_has_no_block_that_is_gone():
    there = [(one.page, one.text) for page in documented.pages() for one in documented.blocks(page)]
    for page, begin in documented.HELD_BY:
        assert any(page == at and text.startswith(begin) for at, text in there), f"{page}: {begin}"


@pytest.mark.parametrize("page", documented.all_pages())
def test_every_link_leads_somewhere(page):
    for target, anchor in documented.links(page):
        path = (REPOSITORY / page).parent / target if target else REPOSITORY / page
        assert path.exists(), f"{page}: {target}"
        if anchor:
            there = documented.anchors(str(path.resolve().relative_to(REPOSITORY)))
            assert anchor in there, f"{page}: {target}#{anchor}"


@pytest.mark.parametrize("page", documented.all_pages())
def test_files_that_it_names_are_there(page):
    text = (REPOSITORY / page).read_text()
    # Not what the tools make, such as examples/hello.apkg.
    named = set(re.findall(r"(?<![\w/.~-])((?:scripts|deploy|docs|spec|Tests|Sources|bench)/[\w./@-]*\w)", text))
    missing = sorted(one for one in named if not (REPOSITORY / one).exists())
    assert missing == []


def test_targets_of_make_that_it_names_are_there():
    makefile = (REPOSITORY / "Makefile").read_text()
    text = "".join((REPOSITORY / page).read_text() for page in documented.all_pages())
    named = set(re.findall(r"`make ([a-z-]+)", text)) | set(re.findall(r"^(?:sudo )?make ([a-z-]+)$", text, re.M))
    assert len(named) > 8
    for target in sorted(named):
        assert re.search(rf"^{target}:|^[a-z -]*\b{target}\b[a-z -]*:", makefile, re.M), target


@pytest.mark.parametrize("page", documented.pages())
def test_shell_blocks_are_shell(page):
    for one in documented.blocks(page):
        if one.language == "sh":
            done = subprocess.run(["bash", "-n"], input=one.text, capture_output=True, text=True)
            assert done.returncode == 0, f"{page}:{one.line}\n{one.text}{done.stderr}"


def test_every_error_of_the_log_has_its_row():
    """Troubleshooting goes by log line: each warning and error of the log's list is in it."""
    rows = (REPOSITORY / "docs/operations.md").read_text().split("## Finding out what is wrong")[1]
    firsts = re.findall(r"^\| (.*?) \| .* \| (.*?) \|$", rows, re.M)
    events = (REPOSITORY / "docs/events.md").read_text()
    names = re.findall(r"^\| `([^`]+)` \| (?:[^|]*error|warning)", events, re.M)
    assert len(names) >= 10
    verbatim = [
        "AGENT_APP_ID missing or empty", "file:// URLs are not allowed", "Failed to download package",
        "SHA256 mismatch", '"event":"load"', '"event":"runtime_ready"',
    ]  # fmt: skip
    for name in [*names, *verbatim]:
        found = [more for first, more in firsts if name in first]
        assert found, f"no row for {name}"
        assert all("](" in more for more in found), f"the row of {name} leads nowhere"


# --- commands ---


class Checkout:
    """A folder that looks like a checkout after `make build`, with an agent's package where pages expect it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / ".build/release").mkdir(parents=True)
        (folder / ".build/release/par-lifecycle").symlink_to(PROGRAM.resolve())
        for name in ["examples", "srv", "tools"]:
            (folder / name).mkdir()
        shutil.copy(REPOSITORY / "Makefile", folder)
        files = {
            str(one.relative_to(HELLO)): one.read_bytes()
            for one in sorted(HELLO.rglob("*"))
            if one.is_file() and "__pycache__" not in one.parts and one.name != "README.md"
        }
        for name in ["examples/hello.apkg", "my-agent.apkg", "srv/my-agent.apkg"]:
            packages.archive(folder / name, files)
        (folder / "tools/par-lifecycle").symlink_to(PROGRAM.resolve())
        # What is built is taken as it is; all else of the Makefile is done.
        make = folder / "tools/make"
        make.write_text(
            f'#!/bin/sh\nexec {shutil.which("make")} --no-print-directory -o build -o examples/hello.apkg "$@"\n'
        )
        make.chmod(0o755)

    def command(self, text: str) -> list[str]:
        """A shell's arguments that run the block here."""
        text = text.replace(" /srv/", f" {self.folder}/srv/")
        path = f"export PATH={shlex.quote(str(self.folder / 'tools'))}:$PATH"
        return ["bash", "-euo", "pipefail", "-c", f"cd {shlex.quote(str(self.folder))}\n{path}\n{text}"]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout")


def until(what: str, condition: Callable[[], Any]) -> Any:
    end = time.monotonic() + DEADLINE
    while not (found := condition()):
        assert time.monotonic() < end, f"{DEADLINE} s passed without {what}"
        time.sleep(0.01)
    return found


def control_c(run: Any) -> None:
    """As a terminal does it: to the whole group, shell and make included."""
    os.killpg(run.pid, signal.SIGINT)


def assert_conforms(lines: list[dict[str, Any]]) -> None:
    assert log.problems(lines) == []
    assert (lines[-1]["event"], lines[-1]["exit_code"]) == ("stopped", 0)


@pytest.mark.parametrize("page", ["README.md", "docs/quickstart.md"])
def test_make_run_serves_what_the_page_asks(par, checkout, environment, page):
    run = par(command=checkout.command(block(page, "make run")), checked=False)
    port = run.ready()["rest_port"]
    asks = block(page, "curl http")
    assert asks.count("127.0.0.1:8080/") == 2
    done = subprocess.run(
        checkout.command(asks.replace(":8080/", f":{port}/").replace("curl ", "curl -sSf ")),
        env=environment, capture_output=True, text=True, timeout=DEADLINE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert '"ok":true' in done.stdout and "Ada" in done.stdout
    # The page that the README has for a browser.
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/agents/hello/ui/", timeout=DEADLINE) as answer:
        assert answer.status == 200
    control_c(run)
    run.exit()
    assert_conforms(run.lines)


@pytest.mark.parametrize(
    "page, begin", [("docs/quickstart.md", ".build/"), ("docs/operations.md", "make build")]
)
def test_an_agent_is_checked_inspected_and_run(par, checkout, page, begin):
    text = block(page, begin)
    run = par(command=checkout.command(text), checked=False)
    if ">run.log" in text:
        written = checkout.folder / "run.log"
        until("runtime_ready", lambda: written.exists() and '"runtime_ready"' in written.read_text())
        control_c(run)
        run.exit()
        lines = [json.loads(one) for one in written.read_text().splitlines()]
    else:
        run.ready()
        control_c(run)
        run.exit()
        lines = run.lines
    assert_conforms(lines)
    assert lines[-1]["agentAppId"] == "my-agent"
    assert "hello 1.0.0" in "\n".join(run.other)


def test_each_grep_of_the_page_finds_its_lines(par, checkout, environment):
    good = par(HELLO)
    good.ready()
    good.stop()
    bad = par(checkout.folder / "my-agent.apkg", PACKAGE_SHA256="0" * 64)
    assert bad.exit() == 1
    (checkout.folder / "run.log").write_text(log.compact(good.lines + bad.lines))
    commands = block("docs/operations.md", "grep -E").splitlines()
    found = {}
    for command in commands:
        done = subprocess.run(
            checkout.command(command), env=environment, capture_output=True, text=True, timeout=DEADLINE
        )
        assert done.returncode == 0 and done.stdout, command + done.stderr
        found[command.split(" run.log")[0]] = done.stdout
    course = [json.loads(one)["event"] for one in found['grep -E "load|ready|error"'].splitlines()]
    assert {"load", "runtime_ready", "boot_failed"} <= set(course)
    assert '"boot_ms":' in found["""grep '"event":"runtime_ready"'"""]
    assert "docs/errors.md#wrong-hash" in found["""grep '"level":"error"'"""]
    assert found["par-lifecycle trace"].count("conforms") == 2


def test_the_first_commands_of_trace(par, checkout, environment):
    """The journal is played by a program that prints the run's log, the collector by one that keeps what it gets."""
    run = par(HELLO)
    run.ready()
    run.stop()
    (checkout.folder / "runs").mkdir()
    for name in ["run.log", "runs/run.log"]:
        (checkout.folder / name).write_text(log.compact(run.lines))
    journal = checkout.folder / "journal"
    journal.mkdir()
    (journal / "journalctl").write_text(f"#!/bin/sh\nexec cat {checkout.folder}/run.log\n")
    (journal / "journalctl").chmod(0o755)
    (journal / "curl").write_text(f"#!/bin/sh\ncat > {checkout.folder}/spans.json\n")
    (journal / "curl").chmod(0o755)
    path = f"{journal}:{environment['PATH']}"
    for command in block("docs/trace.md", "par-lifecycle trace run").splitlines():
        done = subprocess.run(
            checkout.command(command), env={**environment, "PATH": path}, capture_output=True, text=True,
            timeout=DEADLINE,
        )  # fmt: skip
        assert done.returncode == 0 and "conforms" in done.stdout, f"{command}\n{done.stdout}{done.stderr}"
    pictures = block("docs/trace.md", "par-lifecycle trace --format html")
    subprocess.run(
        checkout.command(pictures), env={**environment, "PATH": path}, check=True, timeout=DEADLINE
    )
    assert (checkout.folder / "runs.html").read_text().startswith("<!DOCTYPE html>")
    assert json.loads((checkout.folder / "spans.json").read_text())["resourceSpans"]


# --- what the program prints ---


def shape(text: str) -> str:
    """What stays the same from run to run: without numbers, times, ids, bars and the width of columns."""
    text = re.sub(r"\b[0-9a-f]{32}\b", "ID", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)
    text = re.sub(r"\d+(\.\d+)? m?s\b", "N s", text)
    text = re.sub(r"[▏▎▍▌▋▊▉█░]+", "", text)
    return re.sub(r"\s+", " ", re.sub(r"\d+", "N", text)).strip()


def test_timelines_are_as_trace_prints_them(par, checkout, environment):
    run = par(HELLO, AGENT_APP_ID="hello", WORKER_RESTARTS="5/60")
    for count in [1, 2]:
        run.ready(count=count)
        os.kill(run.wait("worker_started", count=count)["pid"], signal.SIGKILL)
    run.ready(count=3)
    run.stop(signal.SIGINT)
    printed = [shape(one) for one in log.verdict(log.compact(run.lines)).stdout.splitlines()]
    for line in block("docs/trace.md", "conforms, clean  hello").splitlines():
        assert shape(line) in printed, line
    # The line before runtime_ready is lost.
    ready = run.events("runtime_ready")[0]["seq"]
    broken = log.verdict(log.compact([one for one in run.lines if one["seq"] != ready - 1]))
    assert broken.returncode == 1
    printed = [shape(one) for one in broken.stdout.splitlines()]
    for line in block("docs/trace.md", "violates, clean  hello").splitlines():
        assert line.strip() == "…" or shape(line) in printed, f"{line}\n{broken.stdout}"
    # The same as JSON.
    (checkout.folder / "runs").mkdir()
    (checkout.folder / "run.log").write_text(log.compact(run.lines))
    (checkout.folder / "runs/broken.log").write_text(log.compact([one for one in run.lines if one["seq"] != 3]))
    done = subprocess.run(
        checkout.command("set +e\n" + block("docs/trace.md", "# Runs that are not")), env=environment, capture_output=True, text=True,
        timeout=DEADLINE,
    )  # fmt: skip
    assert '"place": "runs/broken.log:3"' in done.stdout, done.stderr
    assert re.search(r"^loading \d+ ms$", done.stdout, re.M)


def test_the_text_line_is_as_the_program_writes_it(par):
    run = par(HELLO, LOG_FORMAT="text", checked=False)
    wanted = block("docs/events.md", "2026-")
    printed = until("runtime_ready", lambda: [one for one in run.other if " runtime_ready " in one])
    run.stop()
    assert shape(wanted) == shape(printed[0])


def test_log_lines_are_as_the_program_writes_them(par, checkout):
    good = par(HELLO)
    good.ready()
    good.stop()
    bad = par(checkout.folder / "my-agent.apkg", PACKAGE_SHA256="0" * 64)
    bad.exit()
    documented_lines = [json.loads(one) for one in block("docs/events.md", '{"timestamp"').splitlines()]
    for line in documented_lines:
        assert log.schema_errors([line]) == []
        real = (good.events(line["event"]) + bad.events(line["event"]))[0]
        assert list(line) == list(real)
        for name in ["level", "hint", "cause", "phase"]:
            assert line.get(name) == real.get(name)
    # As the program writes it: compact.
    assert log.compact(documented_lines) == block("docs/events.md", '{"timestamp"')


@pytest.mark.parametrize("page", documented.pages())
def test_no_other_block_has_a_line_that_no_log_could(page):
    for one in documented.blocks(page):
        for text in one.text.splitlines():
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if isinstance(line, dict) and "event" in line:
                assert log.schema_errors([line]) == []


def test_every_metric_has_its_row(par, tmp_path):
    from prometheus_client.parser import text_string_to_metric_families

    run = par(packages.probe(tmp_path / "probe.apkg"))
    run.ready()
    for path in ["/api/hello", "/api/none", "/metrics"]:
        with suppress(urllib.error.HTTPError):
            urllib.request.urlopen(run.base + path).close()
    # Another loop may still be about to count what was answered.
    rest = 'par_request_duration_seconds_count{surface="rest",status="%s"}'
    until("both being counted", lambda: {rest % "2xx", rest % "4xx"} <= metrics(run).keys())
    with urllib.request.urlopen(run.base + "/metrics") as response:
        text = response.read().decode()
    told = set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))
    rows = (REPOSITORY / "docs/operations.md").read_text().split("## Metrics")[1].split("\n## ")[0]
    assert told == set(re.findall(r"`((?:par|process)_\w+)", rows))
    families = list(text_string_to_metric_families(text))
    samples = [one for family in families for one in family.samples]
    assert len(samples) == len({(one.name, *sorted(one.labels.items())) for one in samples})
    # A counter's family is named without its suffix.
    assert {family.name for family in families} == {name.removesuffix("_total") for name in told}
    names = {one.name for one in samples}
    queries = block("docs/operations.md", "histogram_quantile")
    assert set(re.findall(r"(?:par|process)_\w+", queries)) <= names
    counts = {
        (one.labels["surface"], one.labels["status"]): one.value
        for one in samples
        if one.name == "par_request_duration_seconds_count"
    }
    assert counts.pop(("par", "2xx")) >= 1
    assert counts == {("rest", "2xx"): 1, ("rest", "4xx"): 1}


def test_answers_before_ready_are_as_documented(par, tmp_path):
    """The health body and the 503, of a boot that is held up in loading."""
    held = tmp_path / "held"
    os.mkfifo(held)
    files = {
        "agent.yaml": packages.manifest(**packages.REST, ui={"path": "ui"}),
        "ui/index.html": "<p>",
        "src/__init__.py": "",
        "src/rest/__init__.py": "",
        "src/rest/index.py": f"open({str(held)!r}).read()\ndef mount(app): pass\n",
    }
    run = par(packages.folder(tmp_path / "slow", files))
    run.wait("worker_started")

    def refused(path: str) -> urllib.error.HTTPError:
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(run.base + path, timeout=DEADLINE)
        return caught.value

    head, body = block("docs/http.md", "HTTP/1.1 503").rstrip("\n").split("\n\n")
    answer = refused("/agents/probe/api/x")
    status, *fields = head.splitlines()
    assert status == f"HTTP/1.1 {answer.status} {answer.reason}"
    for field in fields:
        name, value = field.split(": ")
        assert answer.headers[name] == value
    real = json.loads(answer.read())
    wanted = json.loads(body)
    assert list(real) == list(wanted)
    assert (real["error"], real["state"]) == (wanted["error"], wanted["state"])
    assert len(real["request_id"]) == len(wanted["request_id"])
    wanted = json.loads(block("docs/operations.md", '{"ok":false'))
    real = json.loads(refused("/health").read())
    assert list(real) == list(wanted)
    for name in ["ok", "state", "surfaces", "budget_ms"]:
        assert real[name] == wanted[name], name
    run.stop()


@pytest.mark.parametrize(("page", "machine"), [("docs/lifecycle.md", []), ("docs/supervision.md", ["supervisor"])])
def test_the_diagram_is_the_programs(page, machine):
    printed = subprocess.run(
        [str(PROGRAM), "spec", *machine, "--format", "mermaid"], capture_output=True, text=True, timeout=DEADLINE
    )
    assert printed.stdout == block(page, "stateDiagram")
