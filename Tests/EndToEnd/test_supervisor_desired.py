"""What a supervisor is to run: a config over the network, the state, and what is refused.

The agents are user interfaces alone, which start in a moment: what is tested is who is to run."""

from __future__ import annotations

import json
import signal
import threading
import zlib
from pathlib import Path
from typing import Any

import pytest
from support.byte_server import Authority, ByteServer, Connection, Request, head
from support.packages import archive, manifest
from support.supervisor import Supervise, Supervisor, fleet_place, free_port, marked, supervise  # noqa: F401

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret-of-the-test"}


class Store:
    """Serves one document with an ETag, and counts who had it already."""

    def __init__(self, context: Any) -> None:
        self._lock = threading.Lock()
        self._news = threading.Condition(self._lock)
        self.document: bytes = b""
        self.status = 200
        self.whole = self.unchanged = 0
        self.server = ByteServer(self._answer, context=context)

    def put(self, document: Any, status: int = 200) -> None:
        with self._lock:
            self.document, self.status = json.dumps(document).encode(), status

    def _answer(self, connection: Connection, request: Request) -> None:
        with self._news:
            tag = f'"{zlib.crc32(self.document):x}"'
            if self.status != 200:
                connection.sendall(head(self.status, Content_Length=0))
            elif request.fields.get("if-none-match") == tag:
                self.unchanged += 1
                connection.sendall(head(304, ETag=tag))
            else:
                self.whole += 1
                connection.sendall(head(200, ETag=tag, Content_Length=len(self.document)) + self.document)
            self._news.notify_all()

    def wait_unchanged(self, more: int) -> None:
        with self._news:
            goal = self.unchanged + more
            assert self._news.wait_for(lambda: self.unchanged >= goal, 20)


@pytest.fixture
def package(supervise: Supervise) -> Path:  # noqa: F811
    """Where each agent's user may read it."""
    files = {"agent.yaml": manifest(ui={"path": "ui"}), "ui/index.html": "<title>one</title>"}
    return archive(supervise.place.root / "ui.apkg", files)


def end(supervisor: Supervisor) -> None:
    """Before the fixture looks for what an earlier supervisor of the same place left behind."""
    supervisor.send()
    assert supervisor.exit() == 0


def entry(agent: str, package: Path, **more: Any) -> dict[str, Any]:
    return {"agent_app_id": agent, "package_path": str(package), **more}


def test_a_config_by_https(supervise: Supervise, package: Path, tmp_path: Path) -> None:  # noqa: F811
    """It is asked for again and again with its ETag; of its URL the log has no query."""
    authority = Authority(tmp_path)
    store = Store(authority.server_context())
    store.put([entry("one", package)])
    supervisor = supervise(
        SUPERVISOR_CONFIG=f"{store.server.base}/agents?sig=s3cr3t-of-url",
        SUPERVISOR_CONFIG_POLL_SEC=1,
        SSL_CERT_FILE=authority.file,
    )
    supervisor.settled()
    store.wait_unchanged(1)
    assert store.whole == 1
    assert [line["added"] for line in supervisor.events("desired_state")] == [["one"]]
    end(supervisor)
    assert b"s3cr3t-of-url" not in bytes(supervisor.raw)
    store.server.close()


def test_a_config_in_s3(supervise: Supervise, package: Path) -> None:  # noqa: F811
    """It is followed when it changes, and what was last said holds when it is wrong or away."""
    store = Store(None)
    mark = supervise.place.mark
    one, two = (marked(entry(agent, package), mark) for agent in ("one", "two"))
    store.put([one])
    variables = {
        "SUPERVISOR_CONFIG": "s3://bucket/agents.json",
        "SUPERVISOR_CONFIG_POLL_SEC": "0",
        "FETCH_TIMEOUT_SEC": "3",
        "AWS_ENDPOINT_URL_S3": store.server.base,
        **CREDENTIALS,
    }
    first = supervise(**variables)
    first.settled()
    store.put([one, two])
    first.send(signal.SIGHUP)
    first.becomes("two", "ready")
    # A document with a mistake, and then none at all: told once each, and nothing changes.
    store.put([one, {**two, "memory_mb": 1}])
    first.send(signal.SIGHUP)
    first.wait("desired_refused")
    first.send(signal.SIGHUP)
    store.wait_unchanged(1)
    store.put([], status=404)
    first.send(signal.SIGHUP)
    assert "there is no object" in first.wait("desired_refused", count=2)["errors"][0]
    assert [line["source"] for line in first.events("desired_state")] == ["config", "config"]
    assert first.kill() < 2

    # The store is away at the next start: what it said before is in the state.
    second = supervise(**variables)
    assert second.settled()["ready"] == 2
    assert "there is no object" in second.wait("desired_refused")["errors"][0]
    assert {line["source"] for line in second.events("desired_state")} == {"state"}
    end(second)
    store.server.close()


def test_a_start_without_a_usable_config(supervise: Supervise, package: Path) -> None:  # noqa: F811
    supervisor = supervise([{"agent_app_id": "a/b", "package_path": str(package)}])
    assert supervisor.exit() == 1
    assert "agents[0].agent_app_id" in supervisor.events("desired_refused")[0]["errors"][0]
    assert "there is no usable config" in supervisor.events("boot_failed")[0]["error"]


def test_two_supervisors_of_one_state(supervise: Supervise, package: Path) -> None:  # noqa: F811
    first = supervise([entry("one", package)])
    first.settled()
    second = supervise([entry("one", package)], SUPERVISOR_PORT=free_port())
    assert second.exit() == 1
    assert f"another supervisor (process {first.process.pid})" in second.events("boot_failed")[0]["error"]
    assert first.ask("/agents/one/health").status == 200


def test_a_damaged_state(supervise: Supervise, package: Path) -> None:  # noqa: F811
    state = supervise.place.state
    first = supervise([entry("listed", package)])
    first.settled()
    assert first.put(entry("mine", package)).status == 202
    first.becomes("mine", "ready")
    assert first.kill() < 2
    file = state / "state.json"
    assert file.stat().st_mode & 0o777 == 0o600
    text = file.read_bytes()
    file.write_bytes(text[: len(text) // 2])
    second = supervise([entry("listed", package)])
    assert second.settled()["ready"] == 1
    kept = next(state.glob("state.json.damaged-*"))
    assert kept.read_bytes() == text[: len(text) // 2]
    assert str(kept) in second.wait("warning", code="state_damaged")["message"]
    # What was kept can be put back.
    assert second.kill() < 2
    kept.write_bytes(text)
    kept.rename(file)
    third = supervise([entry("listed", package)])
    assert third.settled()["ready"] == 2
    end(third)


def test_a_version_that_never_served_is_not_what_a_start_begins_with(
    supervise: Supervise, package: Path  # noqa: F811
) -> None:
    """The supervisor is killed while a broken version is wanted: the version before serves again at once."""
    first = supervise([])
    first.settled()
    assert first.put(entry("one", package)).status == 202
    first.becomes("one", "ready")
    assert first.put(entry("one", package, package_sha256="0" * 64)).status == 202
    first.wait("agent_target_failed", agent="one")
    assert first.kill() < 2
    second = supervise([])
    second.wait("agent_target_failed", agent="one")
    second.settled()
    assert second.ask("/agents/one/health").status == 200
    assert second.agent("one")["target"]["state"] == "failed"
    assert second.admin("POST", "/one/rollback").status == 202
    assert second.admin("POST", "/one/rollback").status == 409
    assert second.agent("one")["state"] == "ready"
    end(second)
