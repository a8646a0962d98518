"""What is done to a fleet under load: its processes are killed, at random."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from typing import Any, NamedTuple, Optional

from support.supervisor import Supervisor


class Kill(NamedTuple):
    at: float
    agent: str
    #: `agent`: the agent's own process; `worker`: the `run` that hosts it.
    what: str
    pid: int


class Killer:
    """Kills a process of some agent every so often, until it is stopped; the same for the same seed."""

    def __init__(self, supervisor: Supervisor, agents: list[str], seed: int, every: float) -> None:
        self._supervisor, self._agents, self._every = supervisor, agents, every
        self._random = random.Random(seed)
        self._stopping = threading.Event()
        #: Held by whoever wants no kill meanwhile.
        self.quiet = threading.Lock()
        self.kills: list[Kill] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._random.uniform(0.5, 1.5) * self._every):
            agent, what = self._random.choice(self._agents), self._random.choice(("agent", "worker"))
            with self.quiet:
                pid = self._process(agent, what)
                if pid is None:
                    continue
                at = time.time()
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue  # it ended meanwhile
                self.kills.append(Kill(at, agent, what, pid))

    def _process(self, agent: str, what: str) -> Optional[int]:
        """Of the worker that serves the agent now; none while nobody does."""
        status = self._supervisor.processes().get(agent)
        if not status or status["state"] != "ready":
            return None
        worker = int(status["pid"])
        if what == "worker":
            return worker
        started = [
            line["run_id"] for line in self._supervisor.events("run_started") if line["pid"] == worker
        ]
        agents = self._supervisor.events("worker_started", run_id=started[-1]) if started else []
        return int(agents[-1]["pid"]) if agents else None


def timestamp(line: dict[str, Any]) -> float:
    """When a line was written, in seconds of the epoch."""
    import datetime

    return datetime.datetime.fromisoformat(line["timestamp"].replace("Z", "+00:00")).timestamp()
