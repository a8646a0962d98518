"""The Multi-PAR guide's verification, literally: the built supervisor is what its load balancer's name leads to,
and its log is what the log group holds, as moto plays it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any, Iterator

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from documented import block  # noqa: E402
from test_docs import run_block  # noqa: E402

PROGRAM = Path(os.environ.get("PAR_PROGRAM", Path(__file__).resolve().parents[2] / ".build/release/par-lifecycle"))
DEADLINE = 30
LOAD_BALANCER = "pixell-runtime-alb-420577088.us-east-2.elb.amazonaws.com"


@pytest.fixture
def supervisor(tmp_path: Path, repository: Path) -> Iterator[tuple[int, Path]]:
    """Its port and its log, with the agent `hello` ready."""
    package = repository / "examples/hello.apkg"
    if not package.exists() or not os.access(PROGRAM, os.X_OK):
        pytest.skip(f"{package} or {PROGRAM} is not there: make build examples")
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    # As root the agent is a user of its own, who has to be able to read these.
    folder = Path(subprocess.check_output(["mktemp", "-d", "-t", "par-sup-XXXXXX"], text=True).strip())
    folder.chmod(0o755)
    shutil.copy(package, folder)
    (folder / "hello.apkg").chmod(0o644)
    (folder / "agents.json").write_text(
        json.dumps([{"agent_app_id": "hello", "package_path": str(folder / "hello.apkg")}])
    )
    log = folder / "log"
    environment = {
        "PATH": os.environ["PATH"], "PAR_MODE": "supervisor", "BIND_ADDRESS": "127.0.0.1",
        "SUPERVISOR_PORT": str(port), "SUPERVISOR_CONFIG": str(folder / "agents.json"), "A2A_PORT": "0",
        "SUPERVISOR_STATE_DIR": str(folder / "state"), "PAR_CACHE_DIR": str(folder / "cache"),
        "RUNTIME_DIRECTORY": str(folder), "TMPDIR": str(folder), "BOOT_HARD_LIMIT_MULTIPLIER": "0",
        "SUPERVISOR_WORKER_PORT_BASE": "28001",
    }  # fmt: skip
    with log.open("wb") as output:
        process = subprocess.Popen([str(PROGRAM)], env=environment, stdout=output)
    try:
        end = time.monotonic() + DEADLINE
        while '"event":"supervisor_ready"' not in log.read_text():
            assert process.poll() is None and time.monotonic() < end, log.read_text()[-3000:]
            time.sleep(0.02)
        yield port, log
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(DEADLINE)
        shutil.rmtree(folder, ignore_errors=True)


def test_the_guides_verification(supervisor: tuple[int, Path], aws: Any, checkout: Any) -> None:
    port, log = supervisor
    text = block("docs/multi-par.md", "# 1. Check")
    curls, tail = text.split("# 3. Check logs\n")
    assert curls.count(LOAD_BALANCER) == 2
    # The load balancer's name leads here; the commands stay as they are.
    home = checkout.folder / "home"
    home.mkdir()
    (home / ".curlrc").write_text(f'connect-to = "{LOAD_BALANCER}:80:127.0.0.1:{port}"\nsilent\nfail\n')
    done = run_block(checkout, curls, HOME=str(home))
    assert done.returncode == 0, done.stderr
    status, at = json.JSONDecoder().raw_decode(done.stdout)
    processes, _ = json.JSONDecoder().raw_decode(done.stdout[at:].lstrip())
    assert [(one["agent_app_id"], one["state"]) for one in status["agents"]] == [("hello", "ready")]
    (process,) = processes["processes"]
    assert process["process_id"] == "par-hello" and process["agent_app_id"] == "hello"
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/agents/hello/api/hello?name=Ada", timeout=DEADLINE) as answer:
        assert b"Ada" in answer.read()

    logs, group, stream = aws.client("logs"), "/ecs/pixell-runtime", "ecs/pixell-runtime/1"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    now = int(time.time() * 1000)
    lines = log.read_text().splitlines()
    logs.put_log_events(
        logGroupName=group, logStreamName=stream,
        logEvents=[{"timestamp": now, "message": line} for line in lines],
    )  # fmt: skip
    # `logs tail` is in version 2 of the AWS CLI alone, which is not on PyPI; Debian has it.
    if not os.path.exists("/usr/bin/aws"):
        pytest.skip("AWS CLI 2 is not there: apt-get install awscli")
    # It follows for ever: ended once it has shown the line that is looked for.
    checkout.tool("aws", f'exec /usr/bin/aws --endpoint-url {aws.endpoint} "$@"')  # 2.9 knows no variable for it
    command = tail.strip()
    shown = run_block(
        checkout,
        f"exec 3< <(exec timeout 20 {command})\ngrep -m 1 supervisor_ready <&3\nkill $!\n",
        PYTHONUNBUFFERED="1", **aws.environment,
    )  # fmt: skip
    assert '"event":"supervisor_ready"' in shown.stdout, shown.stdout + shown.stderr
