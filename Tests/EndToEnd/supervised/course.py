"""One account from beginning to end: a fleet, its clients, rolling changes, kills, and the drain."""

from __future__ import annotations

import collections
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable

from account.ledger import Ledger
from support.clients import until
from support.program import DEADLINE
from support.supervisor import Place, Supervise, Supervisor

from . import agent as package
from .ends import Killer
from .statement import Statement


class Clients:
    """The process of the clients (clients.py)."""

    def __init__(self, port: int, count: int, agents: list[str], pause: float, told: Path) -> None:
        given = {"port": port, "clients": count, "agents": agents, "pause": pause, "told": str(told)}
        self.told = told
        self._process = subprocess.Popen(
            [sys.executable, "-m", "supervised.clients", json.dumps(given)],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def right(self) -> int:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())["right"]

    def ended(self) -> bool:
        return self._process.poll() is not None

    def finish(self) -> list[list[Any]]:
        """Each ends with the request that it has sent; a row for every request."""
        assert self._process.stdin
        self._process.stdin.close()
        assert self._process.wait(DEADLINE * 3) == 0, "the clients have failed"
        return [json.loads(line) for line in self.told.read_text().splitlines()]

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(DEADLINE)


class Course:
    def __init__(
        self,
        supervise: Supervise,
        *,
        agents: int = 4,
        clients: int = 64,
        pause: float = 0.02,
        rounds: int = 3,
        kill_every: float = 0.5,
        seed: int = 1,
        between: int = 100,
        by_config: float = 0.5,
        say: Callable[[str], None] = lambda line: None,
        **variables: Any,
    ) -> None:
        self._place: Place = supervise.place
        self._rounds, self._kill_every, self._seed, self._between = rounds, kill_every, seed, between
        self._say, self._pause, self._count = say, pause, clients
        self.agents = [f"agent-{number}" for number in range(agents)]
        #: The config's agents and their entries; the others are the admin API's.
        self._entries: dict[str, dict[str, Any]] = {}
        self._of_config = [one for number, one in enumerate(self.agents) if number < agents * by_config]
        self._versions: dict[tuple[str, bool], Path] = {}
        self.ledger = Ledger(self._place.root / "ledger", clients)
        begun = self.ledger.folder / "begun"
        # As root each agent is a user of its own.
        self.ledger.folder.chmod(0o755)
        begun.chmod(0o666)
        self._begun = begun
        self.counts: collections.Counter[str] = collections.Counter()
        self.supervisor: Supervisor = supervise([], **variables)
        self.supervisor.settled()
        for one in self.agents:
            self._deploy(one, "1")
        for one in self.agents:
            self.supervisor.wait("agent_traffic", agent=one)
        #: Agent to the version that its traffic goes to.
        self._now = {one: "1" for one in self.agents}

    def _package(self, version: str, broken: bool) -> Path:
        if (version, broken) not in self._versions:
            name = f"account-{version}{'-broken' if broken else ''}.apkg"
            path = package.build(self._place.root / name, version, broken=broken)
            self._versions[version, broken] = path
        return self._versions[version, broken]

    def _deploy(self, agent: str, version: str, broken: bool = False) -> None:
        spec = {
            "agent_app_id": agent,
            "package_path": str(self._package(version, broken)),
            "deployment_id": f"{agent}-{version}",
            "environment": {"FLEET_LEDGER": str(self._begun)},
            "restart": {"max": 1000, "window_sec": 60},
        }
        self.counts["deployments"] += 1
        if agent in self._of_config:
            self._entries[agent] = spec
            self._place.write(list(self._entries.values()))
            self.supervisor.send(signal.SIGHUP)
            return
        answer = self.supervisor.put(spec)
        if answer.status == 409:  # a change runs already: killed processes come again
            raise Busy
        assert answer.status == 202, answer

    def _roll(self, agent: str, version: str) -> None:
        """Until its traffic goes to the new version: a new worker that was killed is deployed again."""
        while self._now[agent] != version:
            failed = len(self.supervisor.events("agent_target_failed", agent=agent))
            try:
                self._deploy(agent, version)
            except Busy:
                time.sleep(0.05)
                continue
            until(
                lambda: self._is_on(agent, version)
                or len(self.supervisor.events("agent_target_failed", agent=agent)) > failed,
                f"{agent} goes to version {version} or fails\n{self.supervisor.report()}",
            )
            if self._is_on(agent, version):
                self._now[agent] = version
            else:
                self.counts["targets killed"] += 1

    def _is_on(self, agent: str, version: str) -> bool:
        """Whether its traffic goes to a worker of that version."""
        moves = [line for line in self.supervisor.events("agent_traffic", agent=agent) if line["to_worker"]]
        started = self.supervisor.events("agent_worker", agent=agent, worker=moves[-1]["to_worker"])
        deployed = self.supervisor.events("agent_deploy", agent=agent, revision=started[-1]["revision"])
        return deployed[-1]["deployment"] == f"{agent}-{version}"

    def _break(self, agent: str) -> None:
        """A version that cannot be imported: the old one serves on, and the reason is shown."""
        failed = len(self.supervisor.events("agent_target_failed", agent=agent))
        while True:
            try:
                self._deploy(agent, "broken", broken=True)
                break
            except Busy:
                time.sleep(0.05)
        self.supervisor.wait("agent_target_failed", agent=agent, count=failed + 1)
        self.counts["broken versions"] += 1
        target = self.supervisor.agent(agent)["target"]
        assert target and "broken on purpose" in json.dumps(target), target

    def run(self) -> Statement:
        supervisor, began = self.supervisor, time.monotonic()
        load = Clients(supervisor.port, self._count, self.agents, self._pause, self._place.root / "told")
        killer = None
        try:
            self._goes_on(load)
            if self._kill_every:
                killer = Killer(supervisor, self.agents, self._seed, self._kill_every)
            for number in range(self._rounds):
                for agent in self.agents:
                    self._roll(agent, str(number + 2))
                    self._say(f"round {number + 1}: {agent} is on version {number + 2}")
                    self._goes_on(load)
                if number == 0:
                    if killer:
                        killer.quiet.acquire()
                    self._break(self.agents[0])
                    if killer:
                        killer.quiet.release()
                    self._say(f"{self.agents[0]}: the broken version is refused")
                    self._goes_on(load)
            if killer:
                killer.stop()
            # The end, under load: each client ends when it is told that the supervisor drains.
            self.draining_at = time.time()
            supervisor.send()
            until(load.ended, f"the clients are told of the drain\n{supervisor.report()}")
            rows = load.finish()
            code = supervisor.exit()
        finally:
            load.close()
        statement = Statement(
            rows, self.ledger, supervisor, killer.kills if killer else [], self.draining_at, self._count
        )
        if code:
            statement.problems.append(f"exit code {code}")
        seconds = time.monotonic() - began
        statement.lines[:0] = [
            *(f"{name:58} {count:>10}" for name, count in self.counts.items()),
            f"{'seconds':58} {seconds:>10.1f}",
            f"{'right answers a second':58} {statement.right / seconds:>10.0f}",
        ]
        self.ledger.close()
        return statement

    def _goes_on(self, load: Clients) -> None:
        """Waits until the clients got some more right answers."""
        until_this = load.right() + self._between
        until(lambda: load.right() >= until_this, f"the load goes on\n{self.supervisor.report()}")


class Busy(Exception):
    """A change of the agent runs already."""
