"""One supervisor with a few agents from a config: their boot, the way through it, a new version, a lost
worker, the drain."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from support import packages
from support.clients import until
from support.program import DEADLINE
from support.supervisor import Place, Supervise, Supervisor, fleet_place, supervise  # noqa: F401

#: Tells who it is, and answers when it is told how long to take.
AGENT = """
import asyncio, os

def mount(app):
    @app.get("/api/who")
    async def who():
        return {"agent": os.environ["AGENT_APP_ID"], "pid": os.getpid(), "word": os.environ.get("WORD"),
                "names": sorted(os.environ)}

    @app.get("/api/slow")
    async def slow(seconds: float):
        await asyncio.sleep(seconds)
        return {"slept": seconds}
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("supervisor")
    folder.chmod(0o755)
    for parent in folder.parents[:2]:
        parent.chmod(0o755)
    path = packages.archive(folder / "who.apkg", packages.rest_files(AGENT, name="who"))
    path.chmod(0o644)
    return str(path)


def agents(package: str, *ids: str, **more: Any) -> list[dict[str, Any]]:
    return [{"agent_app_id": one, "package_path": package, **more} for one in ids]


def who(supervisor: Supervisor, agent: str) -> dict[str, Any]:
    answer = supervisor.ask(f"/agents/{agent}/api/who")
    assert answer.status == 200, answer
    return answer.json


def test_agents_of_a_config_serve_and_a_change_a_loss_and_a_drain_lose_nothing(
    supervise: Supervise, package: str  # noqa: F811
) -> None:
    entries = agents(package, "alpha", "beta")
    entries.append({"agent_app_id": "gone", "package_path": "/nowhere/gone.apkg"})
    supervisor = supervise(entries, ACCESS_LOG="true", SUPERVISOR_TOKEN="not-for-agents-at-all", REST_PORT="1")
    settled = supervisor.settled()
    assert (settled["ready"], settled["failed"]) == (2, 1)

    # Each agent is asked by its own path; one that failed leaves health alone.
    assert who(supervisor, "alpha")["agent"] == "alpha"
    assert who(supervisor, "beta")["agent"] == "beta"
    health = supervisor.ask("/health")
    assert health.status == 200
    counts = health.json["agents"]
    assert (counts["ready"], counts["failed"], counts["booting"]) == (2, 1, 0)
    failed = supervisor.agent("gone")
    # With the wrong token the reason is the one that everybody may read.
    assert (failed["state"], failed["reason"]) == ("failed", "its boot failed while fetching")
    refused = supervisor.ask("/agents/gone/api/who")
    assert refused.status == 503 and "retry-after" in refused.fields
    assert supervisor.ask("/agents/alpha/health").json["state"] == "ready"
    names = who(supervisor, "alpha")["names"]
    assert [one for one in names if one.startswith(("SUPERVISOR_", "PAR_", "LISTEN_"))] == []
    assert "REST_PORT" in supervisor.events("warning", code="ignored")[0]["message"]

    # A worker's lines stand before the supervisor's lines about them.
    events = [(line["event"], line.get("agent") or line.get("agentAppId")) for line in supervisor.lines]
    assert events.index(("runtime_ready", "alpha")) < events.index(("agent_traffic", "alpha"))

    # A new version boots beside the one that serves.
    before = who(supervisor, "alpha")
    entries[0]["environment"] = {"WORD": "new"}
    supervise.place.write(entries)
    supervisor.process.send_signal(signal.SIGHUP)
    until(lambda: who(supervisor, "alpha")["word"] == "new", "the new version serves")
    assert who(supervisor, "alpha")["pid"] != before["pid"]
    supervisor.wait("agent_worker_exited", agent="alpha", end="asked")

    # A worker that is killed is started again; who comes meanwhile waits.
    worker = supervisor.worker_of("beta")["pid"]
    os.kill(worker, signal.SIGKILL)
    supervisor.becomes("beta", "restarting")
    assert who(supervisor, "beta")["agent"] == "beta"
    exited = supervisor.events("agent_worker_exited", agent="beta")[0]
    assert exited["signal"] == "SIGKILL" and exited["end"] == "crashed" and exited["will_restart"]

    # What is in flight goes on in the drain; health is 503 at once.
    answers: list[Any] = []
    slow = threading.Thread(
        target=lambda: answers.append(supervisor.ask("/agents/alpha/api/slow?seconds=1")))
    slow.start()
    until(lambda: b"\npar_requests_in_flight 1\n" in supervisor.ask("/metrics").body, "it is in flight")
    supervisor.send()
    supervisor.wait("supervisor_draining")
    assert supervisor.ask("/health").status == 503
    slow.join(DEADLINE)
    assert answers[0].status == 200 and answers[0].json == {"slept": 1.0}
    assert supervisor.exit() == 0
    stopped = supervisor.wait("supervisor_stopped")
    assert stopped["outcome"] == "clean" and stopped["aborted"] == 0



def test_a_configuration_with_mistakes_is_told_whole(supervise: Supervise) -> None:  # noqa: F811
    supervisor = supervise(
        SUPERVISOR_PORT="70000", SUPERVISOR_CONFIG="ftp://x/y", SUPERVISOR_TOKEN="with blank", checked=False
    )
    assert supervisor.exit() == 1
    wrong = [line["variable"] for line in supervisor.events("config_error")]
    assert wrong == ["SUPERVISOR_PORT", "SUPERVISOR_CONFIG", "SUPERVISOR_TOKEN"]
    assert "with blank" not in "".join(json.dumps(line) for line in supervisor.lines)
    assert supervisor.lines[-1]["event"] == "supervisor_stopped"
