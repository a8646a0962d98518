"""The program under the soak."""

from __future__ import annotations

import collections
import http.client
import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Callable, Optional

from support import packages
from support.program import PROGRAM, inherited_environment

#: Seconds for anything that has to happen.
PATIENCE = 120.0
#: No two restarts lie within a millisecond, so that the window holds one at most: restarts without
#: end, and none is delayed (the delay grows with the number within the window).
RESTARTS = "1000000/0.001"


class Program:
    """A run whose log goes to a file: of a soak's lines only the numbers are kept in memory."""

    def __init__(self, folder: Path, name: str, files: dict[str, Any]) -> None:
        package = packages.archive(
            folder / f"{name}.apkg", {".env": "", "src/__init__.py": "", **files}
        )
        environment = {
            **inherited_environment(), "AGENT_APP_ID": "soak", "BIND_ADDRESS": "127.0.0.1",
            "REST_PORT": "0", "A2A_PORT": "0", "PAR_CACHE_DIR": str(folder / "cache"),
            "RUNTIME_DIRECTORY": str(folder), "TMPDIR": str(folder),
            "BOOT_HARD_LIMIT_MULTIPLIER": "0", "WORKER_RESTARTS": RESTARTS,
        }  # fmt: skip
        self.log = folder / f"{name}.log"
        self.counts: collections.Counter[str] = collections.Counter()
        self.worker_pid = 0
        self.ports: dict[str, Any] = {}
        self._news = threading.Condition()
        self._question: Optional[http.client.HTTPConnection] = None
        self.process = subprocess.Popen(
            [str(PROGRAM), "run", str(package)], env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        threading.Thread(target=self._read, daemon=True).start()
        self.wait("runtime_ready", 1)

    def _read(self) -> None:
        assert self.process.stdout
        with open(self.log, "wb") as log:
            for raw in self.process.stdout:
                log.write(raw)
                line = json.loads(raw)
                with self._news:
                    self.counts[line["event"]] += 1
                    if line["event"] in ("worker_started", "reload_finished"):
                        self.worker_pid = line["pid"]
                    if line["event"] == "runtime_ready":
                        self.ports = line
                    self._news.notify_all()
        with self._news:
            self.counts["end of the log"] += 1
            self._news.notify_all()

    def wait(self, event: str, count: int) -> None:
        with self._news:
            done = self._news.wait_for(
                lambda: self.counts[event] >= count or self.counts["end of the log"], PATIENCE
            )
            if not done or self.counts[event] < count:
                raise SystemExit(f"no {count}. {event}; its log is {self.log}")

    @property
    def restarts(self) -> int:
        return max(0, self.counts["load"] - 1)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.ports['rest_port']}"

    def metrics(self) -> dict[str, float]:
        """By a connection that stays open until the next question, so that whoever looks at the
        descriptors then finds that one, and none that is just being closed."""
        if self._question:
            self._question.close()
        port = self.ports["rest_port"]
        self._question = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self._question.request("GET", "/metrics")
        lines = self._question.getresponse().read().decode().splitlines()
        samples = (line.rsplit(" ", 1) for line in lines if line and line[0] != "#")
        return {name: float(value) for name, value in samples}

    def restart(self, end: Optional[Callable[[], None]] = None) -> None:
        """Ends the worker and waits for the next one."""
        ready = self.counts["runtime_ready"]
        end() if end else os.kill(self.worker_pid, signal.SIGKILL)
        self.wait("runtime_ready", ready + 1)

    def reload(self) -> None:
        finished = self.counts["reload_finished"]
        self.process.send_signal(signal.SIGHUP)
        self.wait("reload_finished", finished + 1)

    def settle(self) -> None:
        """To the state that is compared: no client, a fresh worker that nobody has asked."""
        self.restart()
        end = time.monotonic() + PATIENCE
        while True:
            now = self.metrics()
            # The one connection is the question itself.
            if now["par_connections"] <= 1 and now["par_requests_in_flight"] == 0:
                return
            if time.monotonic() > end:
                raise SystemExit(f"clients are left: {now['par_connections']} connections")
            time.sleep(0.05)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE)
        self.wait("end of the log", 1)
        return status

    def ended(self) -> list[str]:
        """Stops the program; what is wrong with its end and its log."""
        problems = []
        if status := self.stop():
            problems.append(f"exit status {status}")
        checked = subprocess.run(
            [str(PROGRAM), "trace", str(self.log)], capture_output=True, text=True, timeout=PATIENCE
        )
        if checked.returncode:
            problems.append(f"trace: {checked.stdout[-300:]}")
        return problems
