"""scripts/verify_deploy.sh against moto and a small server."""

from __future__ import annotations

import http.server
import re
import threading
import time
from typing import Iterator

import pytest

SCRIPT = "scripts/verify_deploy.sh"


class Server:
    def __init__(self) -> None:
        self.failing = 0
        #: Seconds that an answer takes.
        self.delay = 0.0
        self.asked: set[str] = set()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.add(self.path)
                time.sleep(outer.delay)
                bad = outer.failing > 0 and self.path.endswith("/x")
                outer.failing -= bad
                self.send_response(503 if bad else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


def test_the_four_steps_of_a_good_deployment(aws, checkout, variables, server):
    aws.deploy("v2")
    aws.task("pixell-agent-runtime:2", '{"event":"runtime_ready","boot_ms":812}')
    done = checkout.run(SCRIPT, "--url", server.url, "--path", "api/hello", **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [
        ["ok", "service:"], ["ok", "logs:"], ["ok", "health:"], ["ok", "agent:"],
    ]
    assert '"boot_ms":812' in done.stdout
    assert server.asked == {"/agents/my-agent-id/health", "/agents/my-agent-id/api/hello"}


def test_what_is_not_there_is_said(aws, checkout, variables):
    aws.deploy("v2")
    aws.task("pixell-agent-runtime:2", '{"event":"boot_failed","level":"error","error":"SHA256 mismatch"}')
    done = checkout.run(SCRIPT, "--url", "http://127.0.0.1:9", **variables)
    assert done.returncode == 1
    assert "FAILED  logs: no runtime_ready" in done.stdout and "SHA256 mismatch" in done.stdout
    assert "FAILED  health" in done.stdout and "FAILED  agent" in done.stdout


@pytest.mark.parametrize("lost", [0, 3])
def test_load_counts_what_was_lost(checkout, server, lost):
    arguments = ["--url", server.url, "--path", "/x", "--load", "--around", "1", "--clients", "4"]
    control = checkout.folder / "begin"
    stop = threading.Event()

    def fail_later() -> None:
        while not control.exists() and not stop.wait(0.01):
            pass
        server.failing = lost

    thread = threading.Thread(target=fail_later)
    thread.start()
    done = checkout.run(SCRIPT, *arguments, "--", "touch", str(control), AGENT_APP_ID="my-agent-id")
    stop.set()
    thread.join()
    result = re.search(r"load: (\d+) requests, (\d+) lost, p95 (\d+) ms", done.stdout)
    assert result, done.stdout + done.stderr
    assert int(result[1]) > 10 and int(result[2]) == lost
    assert done.returncode == (1 if lost else 0)


@pytest.mark.parametrize("arguments", [["--nonsense"], ["--url"], ["--clients", "0"], ["--around", "x"]])
def test_a_wrong_command_line_is_status_2(checkout, arguments):
    assert checkout.run(SCRIPT, *arguments).returncode == 2


def test_everything_missing_is_named_at_once(checkout):
    done = checkout.run(SCRIPT)
    assert done.returncode == 1
    for name in ["AGENT_APP_ID", "AWS_REGION", "ECS_CLUSTER", "ECS_SERVICE"]:
        assert f"Error: {name} must be set" in done.stderr
