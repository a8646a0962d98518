"""A supervisor that is killed at any moment: nothing of it is left, its state is whole, its agents come back."""

from __future__ import annotations

import collections
import json
import random
import threading
import time
from pathlib import Path
from typing import Any, Callable, Optional

from support import packages
from support.clients import until
from support.program import DEADLINE
from support.supervisor import ORPHANS_GONE, Supervise, Supervisor

#: An agent that starts processes of its own: a child, and one in a session of its own, as daemons are.
MODULE = """
import os, subprocess, sys
from fastapi import FastAPI

VERSION = %r
subprocess.Popen(["sleep", "600"])
subprocess.Popen(["sh", "-c", "sleep 600 & exec sleep 600"], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvp("sleep", ["sleep", "600"])
    os._exit(0)

def mount(app: FastAPI) -> None:
    @app.get("/api/version")
    async def version():
        return {"agent": os.environ["AGENT_APP_ID"], "version": VERSION}

    @app.get("/api/slow")
    async def slow():
        import asyncio
        await asyncio.sleep(0.5)
        return {"agent": os.environ["AGENT_APP_ID"], "version": VERSION}
"""

#: When it is killed, in turn.
MOMENTS = ("boot", "ready", "rolling change", "state write", "drain")


class Deaths:
    """One fleet, whose supervisor is killed again and again. Agents are desired by the admin API alone, so
    that what comes back comes from the state file."""

    def __init__(self, supervise: Supervise, seed: int, say: Callable[[str], None] = lambda line: None) -> None:
        self._supervise, self._random, self._say = supervise, random.Random(seed), say
        self._agents = ["one", "two"]
        self._packages: dict[str, Path] = {}
        #: Agent to the versions that may come back: what was accepted last, and what was on its way.
        self._accepted: dict[str, set[str]] = {one: set() for one in self._agents}
        self._number = 0
        self.gone_after: list[float] = []
        self.back_after: list[float] = []
        self.counts: collections.Counter[str] = collections.Counter()
        self.problems: list[str] = []
        self._supervisor = self._start()
        for one in self._agents:
            self._deploy(one)
        for one in self._agents:
            self._supervisor.wait("agent_traffic", agent=one)

    def _start(self) -> Supervisor:
        supervisor = self._supervise()
        until(supervisor.is_listening, f"the supervisor listens\n{supervisor.report()}")
        return supervisor

    def _package(self, version: str) -> Path:
        if version not in self._packages:
            files = packages.rest_files(MODULE % version, name="mortal", metadata={"version": version})
            path = packages.archive(self._supervise.place.root / f"mortal-{version}.apkg", files)
            path.chmod(0o644)
            self._packages[version] = path
        return self._packages[version]

    def _spec(self, agent: str, version: str) -> dict[str, Any]:
        return {"agent_app_id": agent, "package_path": str(self._package(version)), "deployment_id": version}

    def _deploy(self, agent: str) -> None:
        """Asked for; whether it was accepted may stay unknown."""
        self._number += 1
        version = f"v{self._number % 3}"
        before = set(self._accepted[agent])
        self._accepted[agent].add(version)
        try:
            answer = self._supervisor.put(self._spec(agent, version))
        except (OSError, ValueError) as error:
            del error  # killed meanwhile: either may come back
            return
        if answer.status == 202:
            self._accepted[agent] = {version}
        elif answer.status == 409:
            self._accepted[agent] = before
        elif answer.status != 200:
            self.problems.append(f"PUT of {agent}: {answer.status} {answer.body[:300]!r}")

    def death(self, moment: str) -> None:
        """Kills it in that moment, looks, and starts it again."""
        supervisor = self._supervisor
        worker: Optional[threading.Thread] = None
        if moment == "boot":
            # It was started by the death before; so end this one in good order, and start another one.
            supervisor.stop()
            supervisor = self._supervisor = self._start()
            time.sleep(self._random.uniform(0, 0.4))
        elif moment == "ready":
            time.sleep(self._random.uniform(0, 0.2))
        elif moment == "rolling change":
            self._deploy(self._random.choice(self._agents))
            time.sleep(self._random.uniform(0, 1.0))
        elif moment == "state write":
            worker = threading.Thread(target=self._write_often, daemon=True)
            worker.start()
            time.sleep(self._random.uniform(0.005, 0.25))
        else:
            worker = threading.Thread(target=self._ask_slowly, daemon=True)
            worker.start()
            time.sleep(0.05)
            supervisor.send()
            time.sleep(self._random.uniform(0, 0.5))
        if supervisor.process.poll() is not None:
            self.counts["had ended by itself"] += 1
        gone = supervisor.kill()
        self.gone_after.append(gone)
        if gone > ORPHANS_GONE:
            self.problems.append(f"{moment}: processes left after {ORPHANS_GONE} s")
        if worker:
            worker.join(DEADLINE)
        self.counts[moment] += 1
        self._look(moment)
        self._come_back(moment)
        self._say(f"{sum(self.counts.values())}. {moment}: all gone after {gone:.2f} s, back after "
                  f"{self.back_after[-1]:.2f} s")  # fmt: skip

    def _write_often(self) -> None:
        """Changes of the desired state, one after the other, until there is nobody to ask."""
        supervisor = self._supervisor
        while supervisor.process.poll() is None:
            self._number += 1
            try:
                name = f"passing-{self._number % 4}"
                supervisor.put(self._spec(name, "v1"))
                supervisor.admin("DELETE", f"/{name}")
            except (OSError, ValueError):
                return

    def _ask_slowly(self) -> None:
        try:
            self._supervisor.ask("/agents/one/api/slow")
        except (OSError, ValueError):
            pass

    def _look(self, moment: str) -> None:
        """The state file, as whoever starts next finds it."""
        states = list(self._supervise.place.state.glob("*.json"))
        if not states:
            self.problems.append(f"{moment}: no state file in {list(self._supervise.place.state.iterdir())}")
        for state in states:
            try:
                json.loads(state.read_bytes())
            except ValueError as error:
                self.problems.append(f"{moment}: {state.name} is not whole: {error}")

    def _come_back(self, moment: str) -> None:
        began = time.monotonic()
        supervisor = self._supervisor = self._start()
        supervisor.settled()
        self.back_after.append(time.monotonic() - began)
        damaged = [one for one in supervisor.events("warning") if "damaged" in json.dumps(one)]
        if damaged:
            self.problems.append(f"{moment}: {damaged}")
        for agent in self._agents:
            # A change that was under way goes on: until then the version before serves.
            path, said = f"/agents/{agent}/api/version", {}

            def is_back() -> bool:
                answer = supervisor.ask(path)
                said.clear()
                said.update(answer.json, status=answer.status)
                return answer.status == 200 and said["agent"] == agent and said["version"] in self._accepted[agent]

            try:
                until(is_back, f"{agent} serves")
            except AssertionError:
                self.problems.append(f"{moment}: {agent} came back as {said}, accepted {self._accepted[agent]}")
                continue
            self._accepted[agent] = {said["version"]}
        for name in [one["agent_app_id"] for one in supervisor.status()["agents"]]:
            if name not in self._agents:
                supervisor.admin("DELETE", f"/{name}")

    def text(self) -> str:
        gone, back = sorted(self.gone_after), sorted(self.back_after)
        lines = [f"{name:40} {count:>8}" for name, count in self.counts.items()]
        for name, values in (("nothing left, s", gone), ("agents back, s", back)):
            if values:
                lines.append(f"{name:40} {values[len(values) // 2]:>8.2f}  [{values[0]:.2f} – {values[-1]:.2f}]")
        return "\n".join([*lines, "", *(self.problems or ["Every promise holds."])])


