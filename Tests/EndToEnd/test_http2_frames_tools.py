"""h2load and nghttp, clients that are made to try servers, with what they can vary."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from http2 import agent
from support.clients import until
from support.figures import metrics
from support.program import DEADLINE, Run

GRPC = ["-H", "content-type: application/grpc", "-H", "te: trailers"]


@pytest.fixture(scope="module")
def run(module_par, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = module_par(agent.package(tmp_path_factory.mktemp("http2") / "agent.apkg"), DRAIN_MIN_SEC="0.1")
    run.ready()
    return run


def tool(name: str, *arguments: object) -> str:
    if not shutil.which(name):
        pytest.skip(f"{name} is not installed (package nghttp2-client)")
    words = [name, *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=DEADLINE, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def h2load(url: str, count: int, *more: object) -> None:
    said = tool("h2load", "-n", count, "-c", 8, "-t", 1, *more, url)
    assert f"requests: {count} total, {count} started, {count} done, {count} succeeded, 0 failed" in said, said
    assert f"status codes: {count} 2xx" in said, said


@pytest.mark.parametrize("more", [[], ["-m", 100], ["-m", 10, "-w", 10, "-W", 16], ["-m", 10, "--header-table-size=0"], ["-m", 10, "--encoder-header-table-size=64"]],
                         ids=["plain", "many streams", "small windows", "no table", "small table"])  # fmt: skip
def test_h2load(run, tmp_path, more):
    h2load(f"{run.base}/health", 2000, *more)
    h2load(f"{run.base}/large", 40, *more)
    message = tmp_path / "message"
    message.write_bytes(agent.message(b""))
    h2load(f"http://127.0.0.1:{run.a2a_port}{agent.CHECK.decode()}", 2000, "-d", message, *GRPC, *more)
    message.write_bytes(agent.invoke(b"echo"))
    h2load(f"http://127.0.0.1:{run.a2a_port}{agent.INVOKE.decode()}", 300, "-d", message, *GRPC, *more)
    # The last bytes are with the client before the count is.
    until(lambda: metrics(run)["par_requests_in_flight"] == 0, "nothing is in flight")


@pytest.mark.parametrize("more", [[], ["--padding=200"], ["--continuation"], ["--no-dep"], ["-w", 8, "-W", 12], ["--header-table-size=0"], ["-m", 30]],
                         ids=["plain", "padding", "CONTINUATION", "no priorities", "small windows", "no table", "many streams"])  # fmt: skip
def test_nghttp(run, tmp_path, more):
    content = tmp_path / "content"
    content.write_bytes(b"0123456789" * 10000)
    said = tool("nghttp", *more, "-d", content, f"{run.base}/x")
    # Answers of many streams come one through another.
    times = 30 if "-m" in more else 1
    assert len(said) == 100_000 * times and {said.count(digit) for digit in "0123456789"} == {10_000 * times}
    content.write_bytes(agent.message(b""))
    url = f"http://127.0.0.1:{run.a2a_port}{agent.CHECK.decode()}"
    said = tool("nghttp", "-nv", *more, *GRPC, "-d", content, url)
    assert re.search(r"grpc-status: 0", said), said
    assert "GOAWAY" not in said.split("send GOAWAY")[0]


def test_nghttp_measures_nothing_wrong(run):
    """Statistics of `nghttp --stat`: every status is 200."""
    said = tool("nghttp", "-ns", "-m", 20, f"{run.base}/health")
    assert len(re.findall(r" 200 +\S+ /health", said)) == 20, said
