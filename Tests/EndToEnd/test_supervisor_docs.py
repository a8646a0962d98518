"""The commands of docs/multi-par.md, one after the other, as they stand: with a free port for the page's."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from documented import block  # noqa: E402
from support.clients import until  # noqa: E402
from support.program import DEADLINE, PROGRAM, REPOSITORY  # noqa: E402
from support.supervisor import Supervise, fleet_place, supervise  # noqa: E402, F401

PAGE = "docs/multi-par.md"


@pytest.fixture
def folder(supervise: Supervise) -> Path:  # noqa: F811
    """Like a checkout after `make build examples`."""
    folder = supervise.place.root / "checkout"
    (folder / ".build/release").mkdir(parents=True)
    (folder / ".build/release/par-lifecycle").symlink_to(PROGRAM.resolve())
    (folder / "par-lifecycle").symlink_to(PROGRAM.resolve())
    (folder / "examples").mkdir()
    for one in ("hello", "handlers", "streaming"):
        package = REPOSITORY / f"examples/{one}.apkg"
        if not package.exists():
            pytest.skip(f"{package} is not there: make examples")
        shutil.copy(package, folder / "examples")
        (folder / f"examples/{one}.apkg").chmod(0o644)
    return folder


def test_the_page_is_done_as_it_stands(supervise: Supervise, folder: Path) -> None:  # noqa: F811
    port = supervise.place.port

    def shell(text: str) -> list[str]:
        text = text.replace("=8080", f"={port}").replace(":8080/", f":{port}/")
        path = f"cd {shlex.quote(str(folder))}\nexport PATH=$PWD:$PATH\n"
        return ["bash", "-euo", "pipefail", "-c", path + text]

    def done(text: str) -> str:
        result = subprocess.run(shell(text), capture_output=True, text=True, timeout=DEADLINE)
        assert result.returncode == 0, f"{text}\n{result.stdout}{result.stderr}"
        return result.stdout

    run = supervise(checked=False, command=shell(block(PAGE, "cat >agents")), SUPERVISOR_PORT=port)
    log = folder / "supervise.log"
    until(lambda: log.exists() and '"event":"supervisor_ready"' in log.read_text(), "supervisor_ready")
    health, status, processes, hello = objects(done(block(PAGE, "curl http")))
    assert health["ok"] is True and "Ada" in json.dumps(hello)
    agents = {one["agent_app_id"]: one["state"] for one in status["agents"]}
    assert agents == {"hello": "ready", "handlers": "ready"}
    assert {one["agent_app_id"] for one in processes["processes"]} == set(agents)

    # One command after the other; each is let come to its end before the next.
    token, *commands = re.split(r"^# .*\n", block(PAGE, "token="), flags=re.M)

    def lines(event: str) -> list[dict[str, Any]]:
        read = [json.loads(one) for one in log.read_text().splitlines() if one.endswith("}")]
        return [one for one in read if one["event"] == event]

    def moved(agent: str, times: int) -> Callable[[], bool]:
        return lambda: len([one for one in lines("agent_traffic") if one["agent"] == agent and one["to_worker"]]) >= times

    waits: list[tuple[str, Callable[[], bool]]] = [
        ("the new agent", moved("chat", 1)),
        ("nothing", lambda: True),
        ("the other version", moved("chat", 2)),
        ("the new process", moved("hello", 2)),
        ("the version before", moved("chat", 3)),
        ("the removal", lambda: bool(lines("agent_removed"))),
    ]
    assert len(commands) == len(waits)
    for command, (what, came) in zip(commands, waits):
        said = done(token + command.replace("curl ", "curl -sS --fail-with-body "))
        if what == "nothing":
            assert re.search(r"^etag: ", said, re.M | re.I), said
        until(came, f"{what} of: {command}\n{log.read_text()[-3000:]}")

    # The shell that the page's command runs in is what was started; Ctrl-C reaches both.
    subprocess.run(["kill", "-INT", "--", f"-{run.pid}"], check=True)
    run.exit()
    found = done(block(PAGE, "grep "))
    assert '"event":"agent_state"' in found and '"event":"agent_traffic"' in found and "conforms" in found


def objects(text: str) -> list[Any]:
    """The JSON documents that stand one after the other."""
    decoder, found, text = json.JSONDecoder(), [], text.strip()
    while text:
        one, end = decoder.raw_decode(text)
        found.append(one)
        text = text[end:].strip()
    return found


