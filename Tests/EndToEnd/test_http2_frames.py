"""What the program does about each frame, field block and request that RFC 9113 and RFC 7541 speak of.

Every row is played on a connection of its own, on both ports, against a call that the program answers
itself and against what the agent answers. The connection is watched for rules that the program breaks,
and is asked for one more answer wherever it has to go on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest

from http2 import agent, compression_rows, frame_rows, framing_rows, message_rows
from http2.peer import Peer
from http2.rows import Target, outcome
from http2.serving import metrics, serving
from support.program import Run

ROWS = [*framing_rows.ROWS, *frame_rows.ROWS, *message_rows.ROWS, *compression_rows.ROWS]
TARGETS = ["check", "invoke", "rest", "grpc on rest"]


@pytest.fixture(scope="module")
def run(shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """One run for all rows: what one leaves behind would show in the next."""
    with serving(agent.package(tmp_path_factory.mktemp("http2") / "agent.apkg"), shared_cache) as run:
        yield run


@pytest.fixture(scope="module")
def targets(run: Run) -> dict[str, Target]:
    made = [
        agent.check("check", run.a2a_port), agent.forwarded("invoke", run.a2a_port),
        agent.rest("rest", run.port), agent.forwarded("grpc on rest", run.port),
    ]  # fmt: skip
    return {one.name: one for one in made}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.section} {row.name}")
def test_frames(targets, target, row):
    if target in row.without:
        pytest.skip("says nothing about this target")
    found, peer = outcome(targets[target], row)
    assert found in row.expected
    assert peer.violations == []


@pytest.mark.parametrize("target", ["check", "rest"])
def test_frames_bytewise(targets, target):
    """Where frames end in the stream of bytes makes no difference."""
    wrong = []
    for row in ROWS:
        size = sum(len(part) for part in row.parts(targets[target]) if isinstance(part, bytes))
        if target not in row.without and size < 1000:
            found, peer = outcome(targets[target], row, bytewise=True)
            if found not in row.expected or peer.violations:
                wrong.append((row.name, found, peer.violations))
    assert wrong == []


def test_nothing_is_left_of_it_all(run, targets):
    """After every row: no call in flight, and both ports serve."""
    for target in targets.values():
        with Peer(target.port) as peer:
            peer.send(target.whole(1))
            assert target.good(peer.response(1))
    assert metrics(run)["par_requests_in_flight"] == 0
