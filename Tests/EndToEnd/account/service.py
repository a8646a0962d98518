"""The program as a service: one listening socket that stays, and the runs that serve it in turn."""

from __future__ import annotations

import http.client
import socket
import sys
from pathlib import Path
from typing import Any, Callable, Optional

from support.clients import until
from support.figures import metrics
from support.passed_sockets import PASS
from support.program import DEADLINE, PROGRAM, Run, inherited_environment

from .ledger import Ledger

#: Connections that may wait while no run accepts; more than there are clients.
BACKLOG = 512
#: Restarts without end and without a growing delay: no two lie within a millisecond.
RESTARTS = "1000000/0.001"


class Service:
    def __init__(
        self, folder: Path, cache: Path, package: Path, ledger: Ledger, **variables: Any
    ) -> None:
        self._package, self._folder, self._ledger = package, folder, ledger
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
        self.port: int = self._listener.getsockname()[1]
        self._environment = {
            **inherited_environment(),
            "AGENT_APP_ID": "account",
            "BIND_ADDRESS": "127.0.0.1",
            "REST_PORT": str(self.port),
            "A2A_PORT": "0",
            "PAR_CACHE_DIR": str(cache),
            "RUNTIME_DIRECTORY": str(folder),
            "TMPDIR": str(folder),
            "BOOT_HARD_LIMIT_MULTIPLIER": "0",
            "WORKER_RESTARTS": RESTARTS,
            "LISTEN_FDS": "1",
            "ACCOUNT_LEDGER": str(ledger.folder),
            **{name: str(value) for name, value in variables.items()},
        }
        self.runs: list[Run] = []
        #: Sums over the runs that ended, of /metrics as it was when they were asked to stop, and of
        #: their last lines.
        self.totals: dict[str, float] = {}
        self.exits: list[int] = []
        #: Requests beside the counted ones that ended the worker they were for.
        self.questions_lost = 0
        self.left: list[str] = []

    @property
    def run(self) -> Run:
        return self.runs[-1]

    def start(self) -> None:
        number = self._listener.fileno()
        command = [sys.executable, "-IS", "-c", PASS, str(number), str(PROGRAM), "run"]
        run = Run(
            [str(self._package)],
            self._environment,
            runtime=self._folder,
            command=command,
            pass_fds=[number],
        )
        self.runs.append(run)
        run.wait("runtime_ready", deadline=DEADLINE)

    def ready(self, count: int) -> None:
        """Waits for the run's count-th `runtime_ready`."""
        self.run.wait("runtime_ready", count=count)

    @property
    def times_ready(self) -> int:
        return len(self.run.events("runtime_ready"))

    @property
    def serving(self) -> int:
        """The process id of the worker that serves, or did last."""
        started = serving = 0
        for line in list(self.run.lines):
            if line["event"] == "worker_started":
                started = line["pid"]
            elif line["event"] == "runtime_ready":
                serving = started
            elif line["event"] == "reload_finished":
                serving = line["pid"]
        return serving

    def starting(self, cause: Callable[[], None]) -> int:
        """The process id of the worker that is started because of this, as soon as it is."""
        count = len(self.run.events("worker_started"))
        cause()
        return self.run.wait("worker_started", count=count + 1)["pid"]

    def stop(self) -> None:
        """SIGTERM, and the exit waited for."""
        self._add(metrics(self.run))
        self.exits.append(self.run.stop())
        stopped = self.run.stopped
        self._add({name: stopped[name] for name in ("completed", "aborted")})
        self.left += self.run.clean_up()

    def _add(self, figures: dict[str, float]) -> None:
        for name, value in figures.items():
            self.totals[name] = self.totals.get(name, 0) + value

    def is_loaded_by(self, right: Callable[[], int], clients: int, between: int) -> None:
        """`right`: how many answers the clients got that were right."""
        self._right, self.clients, self._between = right, clients, between

    def goes_on(self) -> None:
        """Waits until the clients got some more right answers."""
        self._ledger.watch(self.serving, self.run.pid)
        until_this = self._right() + self._between
        until(lambda: self._right() >= until_this, "the load goes on")

    def close(self) -> None:
        """Ends what is left; for the end of the account, right or wrong."""
        for run in self.runs:
            if run.process.poll() is None:
                run.clean_up()
        self._listener.close()

    def ask(self, target: str, deadline: float = DEADLINE) -> Optional[int]:
        """A request beside the counted ones; its status, None when the connection ended."""
        status = None
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=deadline)
        try:
            connection.request("GET", target)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        self.questions_lost += status in (None, 502)
        return status
