"""One account from beginning to end: clients, ends of workers, reloads, restarts of the service."""

from __future__ import annotations

import collections
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Iterable

from support.program import DEADLINE

from . import agent, ends
from .ledger import Ledger
from .service import Service
from .statement import Statement


class Clients:
    """The process of the clients (clients.py)."""

    def __init__(self, port: int, count: int) -> None:
        given = json.dumps({"port": port, "clients": count})
        self._process = subprocess.Popen(
            [sys.executable, "-m", "account.clients", given],
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

    def finish(self) -> dict[str, Any]:
        """Each ends with the request that it has sent; what became of all of them."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        report = json.loads(self._process.stdout.readline())
        self._process.wait(DEADLINE)
        return report

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(DEADLINE)


def account(
    folder: Path,
    cache: Path,
    *,
    clients: int = 64,
    course: Iterable[str],
    reloads: Iterable[str],
    services: int,
    between: int = 300,
    say: Callable[[str], None] = lambda line: None,
    **variables: Any,
) -> Statement:
    """Runs it. `course` and `reloads`: which ends of a worker and which reloads (ends.py), one
    after the other. `between`: right answers from one disturbance to the next."""
    ledger = Ledger(folder / "ledger", clients)
    package = agent.build(folder / "account.apkg")
    service = Service(folder, cache, package, ledger, **variables)
    began = time.monotonic()
    counts: collections.Counter[str] = collections.Counter()
    load = None
    try:
        service.start()
        load = Clients(service.port, clients)
        service.is_loaded_by(load.right, clients, between)
        service.goes_on()
        for how in course:
            ends.end_worker(service, how)
            counts[how] += 1
            say(f"{sum(counts.values())}. {how}")
        for how in reloads:
            ends.reload(service, how)
            counts[how] += 1
            say(f"{sum(counts.values())}. {how}")
        for number in range(services):
            ends.restart_service(service)
            counts["restarts of the service"] += 1
            say(f"restart of the service {number + 1}")
        report = load.finish()
        service.stop()
    finally:
        if load:
            load.close()
        service.close()
    statement = Statement(report, ledger, service)
    ledger.close()
    seconds = time.monotonic() - began
    header = [f"{name:52} {count:>10}" for name, count in counts.items()]
    header.append(f"{'seconds':52} {seconds:>10.1f}")
    header.append(f"{'answers a second':52} {statement.right / seconds:>10.0f}")
    statement.lines[:0] = header
    return statement
