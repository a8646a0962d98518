"""The commands beside `run`."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time

import httpx
import pytest

from support import packages
from support.clients import until
from support.program import PROGRAM, REPOSITORY


@pytest.fixture
def call(environment):
    def call(*arguments, text=None, **variables) -> subprocess.CompletedProcess[str]:
        whole = {**environment, **{k: str(v) for k, v in variables.items() if v is not None}}
        for name, value in variables.items():
            if value is None:
                whole.pop(name, None)
        return subprocess.run(
            [str(PROGRAM), *map(str, arguments)],
            env=whole,
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return call


@pytest.mark.parametrize(
    "arguments",
    [["--help"], *([c, "--help"] for c in ("run", "trace", "inspect", "check", "health", "spec"))],
    ids=" ".join,
)
def test_help_is_help(call, arguments):
    done = call(*arguments)
    assert done.returncode == 0 and "par-lifecycle" in done.stdout and done.stderr == ""


def test_the_version_is_one_line(call):
    done = call("--version")
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 1
    assert any(character.isdigit() for character in done.stdout)


@pytest.mark.parametrize(
    "arguments",
    [["dance"], ["--dance"], ["run", "a", "b"], ["run", "--fast"], ["inspect"], ["check", "x", "y"],
     ["check", "--variables", "x"], ["check", "--variables=png"], ["check", "--variables", "markdown"],
     ["health", "--port", "x"], ["spec", "--format", "png"]],
    ids=" ".join,
)  # fmt: skip
def test_wrong_usage_is_two(call, arguments):
    done = call(*arguments)
    assert done.returncode == 2, done
    assert done.stdout == "" and done.stderr.strip()


def test_check_says_yes(call, probe):
    done = call("check", AGENT_PACKAGE_PATH=probe)
    assert done.returncode == 0, done


@pytest.mark.parametrize("form", ["--variables", "--variables=text", "--variables=markdown"])
def test_check_prints_every_variable(call, form):
    done = call("check", form, AGENT_APP_ID="", REST_PORT="x")
    assert done.returncode == 0 and done.stderr == ""
    if form == "--variables=markdown":
        page = (REPOSITORY / "docs/configuration.md").read_text()
        for table in done.stdout.split("\n\n"):
            assert table.strip() in page, "make docs writes it anew"
    else:
        assert "  REST_PORT (default: 8080)\n" in done.stdout
        assert max(map(len, done.stdout.splitlines())) <= 100


def test_check_prints_every_problem_and_runs_nothing(call):
    done = call("check", AGENT_APP_ID="", REST_PORT="x", LOG_LEVEL="loud", AGENT_PACKAGE_PATH="p")
    assert done.returncode == 1
    for name in ("AGENT_APP_ID", "REST_PORT", "LOG_LEVEL"):
        assert name in done.stdout + done.stderr


def test_inspect_shows_what_would_happen_and_no_value(call, tmp_path):
    package = packages.probe(
        tmp_path / "p.apkg",
        entrypoint="src.main:handler",
        ui={"path": "ui"},
        environment={"FROM_MANIFEST": "manifest-value"},
        colour="blue",
        extra={
            ".env": "SECRET_KEY=dotenv-value\n",
            "src/main.py": "raise SystemExit('inspect must not run this')\n",
            "dist/ui/index.html": "page",
            "requirements.txt": "tabulate>=0.9\n",
        },
    )
    done = call("inspect", package)
    assert done.returncode == 0, done
    for shown in ("probe", "rest", "ui", "entrypoint", "SECRET_KEY", "FROM_MANIFEST", ".env",
                  "agent.yaml", "tabulate", "colour"):  # fmt: skip
        assert shown in done.stdout, (shown, done.stdout)
    assert "dotenv-value" not in done.stdout and "manifest-value" not in done.stdout


def test_inspect_says_what_would_fail(call, tmp_path):
    bad = tmp_path / "bad.apkg"
    bad.write_bytes(b"no zip")
    done = call("inspect", bad)
    assert done.returncode == 1 and "bad.apkg" in done.stdout + done.stderr


def test_health_asks_the_program(par, probe, call):
    run = par(probe)
    port = run.ready()["rest_port"]
    done = call("health", "--port", port)
    assert done.returncode == 0 and json.loads(done.stdout)["ok"] is True
    done = call("health", REST_PORT=port)
    assert done.returncode == 0
    assert run.stop() == 0
    done = call("health", "--port", port)
    assert done.returncode == 1


def test_health_shows_the_agent_s_stacks(par, gate, call, tmp_path):
    run = par(packages.blocking_import(tmp_path / "p.apkg"), **gate.environment)
    passage = gate.visitor()
    done = call("health", "--stacks", "--port", run.port)
    assert "index.py" in done.stdout, done
    passage.let_through()
    run.ready()
    assert run.stop() == 0


def test_stacks_asked_for_all_through_a_boot_do_not_end_it(par, gate, call, tmp_path):
    run = par(packages.blocking_import(tmp_path / "p.apkg"), **gate.environment)
    run.wait("run_started")
    answers = [call("health", "--stacks", "--port", run.port) for _ in range(30)]
    gate.visitor().let_through()
    assert run.ready()["attempt"] == 1
    assert not run.events("worker_exited")
    assert {answer.returncode for answer in answers} <= {0, 1}
    assert any("index.py" in answer.stdout for answer in answers)
    assert run.stop() == 0


MANY_STACKS = """
import threading
forever = threading.Event()
def deep(frames):
    deep(frames - 1) if frames > 1 else forever.wait()
for _ in range(40):
    threading.Thread(target=deep, args=(30,), daemon=True).start()
"""


def test_stacks_of_many_threads_are_told_and_the_agent_goes_on(par, call, tmp_path):
    files = packages.rest_files(MANY_STACKS + packages.PROBE, extra={"src/meet.py": packages.MEET})
    run = par(packages.archive(tmp_path / "p.apkg", files))
    run.ready()
    for _ in range(3):
        done = call("health", "--stacks", "--port", run.port)
        assert done.returncode == 0
        assert done.stdout.count(" in deep") > 40 * 10, done.stdout[-2000:]
        assert httpx.get(f"{run.base}/api/hello").json()["pid"] == run.worker_pid
    assert run.stop() == 0


def asking_for_stacks(run) -> socket.socket:
    one = socket.socket(socket.AF_UNIX)
    # Blocking, so that a full queue of connections is waited for.
    one.connect(str(next(run.runtime.glob("par-*/control.sock"))))
    one.settimeout(30)
    return one


def test_a_worker_that_cannot_tell_its_stacks_holds_up_nobody(par, probe, call):
    run = par(probe)
    port = run.ready()["rest_port"]
    worker = run.worker_pid
    os.kill(worker, signal.SIGSTOP)
    asking = [asking_for_stacks(run) for _ in range(20)]
    run.send(signal.SIGINT)
    run.wait("drain")
    at = run.send(signal.SIGINT)
    assert run.exit() == 0
    assert time.monotonic() - at < 1
    for one in asking:
        one.close()
    assert not os.path.exists(f"/proc/{worker}")
    assert call("health", "--stacks", "--port", port).returncode == 1


def test_too_many_who_ask_for_stacks_at_once_are_turned_away(par, probe):
    run = par(probe)
    run.ready()
    os.kill(run.worker_pid, signal.SIGSTOP)
    answers = []
    asking = [asking_for_stacks(run) for _ in range(40)]
    for one in asking:
        with one, one.makefile("rb") as stream:
            answers.append(stream.read())
    os.kill(run.worker_pid, signal.SIGCONT)
    assert sum(b"does not answer" in answer for answer in answers) >= 16
    assert all(answer == b"" or answer.startswith(b"rest_port ") for answer in answers)
    until(lambda: httpx.get(f"{run.base}/api/hello").status_code == 200, "the agent answers")
    assert run.stop() == 0


def test_the_supervisor_s_mode_supervises(call):
    done = call(PAR_MODE="supervisor", SUPERVISOR_PORT="none")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1 and events[0]["event"] == "supervisor_started"
    assert any(event["event"] == "config_error" and event["variable"] == "SUPERVISOR_PORT" for event in events)


def test_spec_prints_the_table_that_the_repository_holds(call):
    done = call("spec", "--format", "json")
    assert json.loads(done.stdout) == json.loads((REPOSITORY / "spec/lifecycle.json").read_text())


@pytest.mark.parametrize("format", ["mermaid", "dot", "promela"])
def test_spec_prints_a_picture(call, format):
    done = call("spec", "--format", format)
    assert done.returncode == 0
    for state in ("fetching", "verifying", "installing", "loading", "ready", "draining", "stopped"):
        assert state in done.stdout


# --- trace ---


@pytest.fixture
def good_log(par, probe):
    run = par(probe)
    run.ready()
    httpx.get(f"{run.base}/api/hello")
    assert run.stop() == 0
    return run.lines


def text_of(lines) -> str:
    return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)


def test_trace_shows_a_timeline_and_a_verdict(call, good_log, tmp_path):
    (tmp_path / "run.log").write_text(text_of(good_log))
    done = call("trace", tmp_path / "run.log")
    assert done.returncode == 0 and "conforms" in done.stdout
    for event in ("fetch", "verify", "install", "load", "drain", "stopped"):
        assert event in done.stdout


def test_a_log_that_was_cut_off_is_incomplete(call, good_log):
    done = call("trace", text=text_of(good_log[:-1]))
    assert done.returncode == 0 and "incomplete" in done.stdout


def test_lines_of_others_are_passed_over(call, good_log):
    """journalctl -o cat has the service manager's own lines in between."""
    lines = text_of(good_log).splitlines(keepends=True)
    lines.insert(3, "par@demo.service: Consumed 1.2s CPU time.\n")
    done = call("trace", text="Starting par@demo.service - Pixell agent demo...\n" + "".join(lines))
    assert done.returncode == 0 and "conforms" in done.stdout
    assert "2 lines of others" in done.stdout
    # Alone they are nothing that could be checked.
    assert call("trace", text="Started par@demo.service.\n").returncode == 1


def without(event):
    return lambda lines: [x for x in lines if x["event"] != event]


def changed(event, **fields):
    return lambda lines: [{**x, **fields} if x["event"] == event else x for x in lines]


CORRUPTIONS = {
    "a line is missing": lambda lines: lines[:3] + lines[4:],
    "a transition is missing": without("install"),
    "another order": lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
    "a line twice": lambda lines: lines[:4] + lines[3:],
    "ready from nowhere": changed("runtime_ready", **{"from": "installing"}),
    "to and state differ": changed("load", state="ready"),
    "an unknown state": changed("load", to="resting", state="resting"),
    "another exit code": changed("stopped", exit_code=1),
    "life after the end": lambda lines: [*lines, {**lines[1], "seq": len(lines) + 1}],
}


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_a_changed_log_is_noticed(call, good_log, kind):
    done = call("trace", text=text_of(CORRUPTIONS[kind](good_log)))
    assert done.returncode == 1, done.stdout


def test_what_is_no_log_is_unreadable(call, tmp_path):
    assert call("trace", tmp_path / "absent.log").returncode == 2
