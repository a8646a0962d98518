"""The supervisor under test: `par-lifecycle supervise` with agents, its log, its admin API.

A test file that imports `supervise` (and `fleet_place`, on which it stands) has the fixture."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator, Mapping, Optional, Sequence

import pytest

from . import log
from .clients import until
from .program import DEADLINE, MARK, PROGRAM, Run, inherited_environment, marked_processes, shown_line

TOKEN = "the-token-of-the-tests"
#: Seconds after which nothing of a supervisor that was killed may be left.
ORPHANS_GONE = 2.0


@dataclass
class Answer:
    status: int
    fields: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    port: int,
    target: str,
    method: str = "GET",
    *,
    body: Optional[bytes] = None,
    deadline: float = DEADLINE,
    **fields: str,
) -> Answer:
    """One request on a connection of its own; the names of fields with `_` for `-`."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=deadline)
    try:
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        connection.request(method, target, body, headers)
        response = connection.getresponse()
        names = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, names, response.read())
    finally:
        connection.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def marked(spec: Mapping[str, Any], mark: str) -> dict[str, Any]:
    """The agent's entry, so that each of its processes carries the mark."""
    return {**spec, "environment": {**spec.get("environment", {}), MARK: mark}}


class Supervisor(Run):
    """One run of `supervise`. Use the fixture, which stops it and checks every log in its log."""

    def __init__(self, environment: Mapping[str, str], *, runtime: Path, state: Path, **run: Any) -> None:
        self.state = state
        self._port = int(environment["SUPERVISOR_PORT"])
        super().__init__(
            [], environment, runtime=runtime, command=run.pop("command", [str(PROGRAM), "supervise"]), **run
        )

    # --- its answers ---

    @property
    def port(self) -> int:
        return self._port

    def ask(self, target: str, method: str = "GET", **arguments: Any) -> Answer:
        return ask(self._port, target, method, **arguments)

    def admin(
        self, method: str, target: str, spec: Any = None, *, token: str = TOKEN, **fields: str
    ) -> Answer:
        """A request of the admin API, beneath /supervisor/agents."""
        body = None
        if spec is not None:
            body, fields = json.dumps(spec).encode(), {"Content_Type": "application/json", **fields}
        return self.ask(
            f"/supervisor/agents{target}", method, body=body, Authorization=f"Bearer {token}", **fields
        )

    def put(self, spec: Mapping[str, Any], **fields: str) -> Answer:
        """Deploys; every process of the agent carries the run's mark."""
        return self.admin("PUT", f"/{spec['agent_app_id']}", marked(spec, self.mark), **fields)

    def status(self) -> dict[str, Any]:
        """As who has the token sees it, with whole reasons."""
        return self.ask("/supervisor/status", Authorization=f"Bearer {TOKEN}").json

    def agent(self, agent: str) -> dict[str, Any]:
        """Its part of /supervisor/status."""
        return next(one for one in self.status()["agents"] if one["agent_app_id"] == agent)

    def processes(self) -> dict[str, dict[str, Any]]:
        """By agent."""
        return {one["agent_app_id"]: one for one in self.ask("/supervisor/processes").json["processes"]}

    def is_listening(self) -> bool:
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", self._port)) == 0

    # --- its log ---

    @property
    def own(self) -> list[dict[str, Any]]:
        """The supervisor's own lines."""
        with self._news:
            run = next((x["run_id"] for x in self.lines if x.get("event") == "supervisor_started"), None)
            return [line for line in self.lines if line.get("run_id") == run]

    def settled(self, deadline: float = DEADLINE) -> dict[str, Any]:
        """Waits until every agent desired at start was ready once, or has failed."""
        return self.wait("supervisor_ready", deadline=deadline)

    def becomes(self, agent: str, state: str, *, count: int = 1, deadline: float = DEADLINE) -> dict[str, Any]:
        """Waits for the count-th `agent_state` line that says so."""
        return self.wait("agent_state", count=count, deadline=deadline, agent=agent, to=state)

    def worker_of(self, agent: str) -> dict[str, Any]:
        """The `agent_worker` line of the worker that the agent's traffic goes to."""
        number = self.events("agent_traffic", agent=agent)[-1]["to_worker"]
        return self.events("agent_worker", agent=agent, worker=number)[-1]

    def agent_process(self, agent: str) -> int:
        """The process id of the agent's own process, which its worker has started last."""
        run = self.worker_run(self.worker_of(agent)["pid"])
        return self.events("worker_started", run_id=run)[-1]["pid"]

    def worker_run(self, pid: int) -> str:
        """The run id that the worker with this process id writes in its log."""
        return self.wait("run_started", pid=pid)["run_id"]

    # --- its end ---

    def kill(self) -> float:
        """SIGKILL, and the seconds until nothing that it started was left; infinity when something stays."""
        self.process.kill()
        at = time.monotonic()
        self.process.wait(DEADLINE)
        while marked_processes(self.mark):
            if time.monotonic() - at > ORPHANS_GONE + 3:
                return float("inf")
            time.sleep(0.01)
        return time.monotonic() - at

    def problems(self, *, killed: bool = False) -> list[str]:
        """Everything that is wrong with what it has written; `killed`: the supervisor itself was."""
        with self._news:
            lines, raw = list(self.lines), bytes(self.raw)
        found = log.schema_errors(lines)[:10]
        runs: dict[str, list[dict[str, Any]]] = {}
        for line in lines:
            runs.setdefault(str(line.get("run_id")), []).append(line)
        for run, of_run in runs.items():
            found += [f"{run}: {one}" for one in log.sequence_errors(of_run)]
            if of_run[0].get("event") != "supervisor_started":
                found += [f"{run}: {one}" for one in log.table_problems(of_run)]
        if lines and lines[0].get("event") != "supervisor_started":
            found.append(f"the first line is {lines[0].get('event')}")
        trace = log.verdict(raw, *([] if killed else ["--strict"]))
        if trace.returncode:
            shown = log.verdict(raw, "--format", "json")
            found.append(f"trace: status {trace.returncode}\n{complaints(shown.stdout)}{trace.stderr[:2000]}")
        found += [f"stdout holds more than the log: {one!r}" for one in self.other[:3]]
        if not killed:
            ends = [line for line in lines if line.get("event") == "supervisor_stopped"]
            if not ends or lines[-1] is not ends[0]:
                found.append("the last line is not `supervisor_stopped`")
            elif ends[0]["exit_code"] != self.process.returncode:
                found.append(f"exit code {self.process.returncode}, logged {ends[0]['exit_code']}")
        return found


def complaints(document: str) -> str:
    """Of what `trace --format json` printed: the runs that do not conform."""
    try:
        runs = json.loads(document)["runs"]
    except (ValueError, KeyError):
        return document[:2000]
    return "\n".join(json.dumps(run)[:1500] for run in runs if run["verdict"] != "conforms") + "\n"


class Place:
    """Folders of one fleet: they outlive its supervisors."""

    def __init__(self, cache: Path) -> None:
        # Short, for the sockets' paths; open, since as root each agent is a user of its own.
        self.root = Path(tempfile.mkdtemp(prefix="par-sup-"))
        self.root.chmod(0o755)
        #: Of all its supervisors and what they start.
        self.mark = uuid.uuid4().hex
        self.runtime, self.state, self.cache = self.root / "run", self.root / "state", cache
        self.runtime.mkdir()
        self.port = free_port()

    def environment(self) -> dict[str, str]:
        return {
            **inherited_environment(),
            "BIND_ADDRESS": "127.0.0.1",
            "SUPERVISOR_PORT": str(self.port),
            "SUPERVISOR_STATE_DIR": str(self.state),
            "SUPERVISOR_TOKEN": TOKEN,
            "SUPERVISOR_WORKER_PORT_BASE": str(worker_port_base()),
            "A2A_PORT": "0",
            "PAR_CACHE_DIR": str(self.cache),
            "RUNTIME_DIRECTORY": str(self.runtime),
            "TMPDIR": str(self.runtime),
            # A loaded machine must not fail a test that is not about the budget.
            "BOOT_HARD_LIMIT_MULTIPLIER": "0",
            "GRACEFUL_SHUTDOWN_TIMEOUT_SEC": "10",
            "DRAIN_MIN_SEC": "0.05",
        }

    def write(self, agents: Sequence[Mapping[str, Any]], name: str = "agents.json") -> Path:
        path = self.root / name
        # By a rename: it may be read at any moment.
        new = path.with_suffix(".new")
        new.write_text(json.dumps({"agents": [marked(one, self.mark) for one in agents]}))
        new.rename(path)
        return path

    def close(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)


def worker_port_base() -> int:
    """Where a test's workers may have their ports: tests that run side by side are apart."""
    worker = int((os.environ.get("PYTEST_XDIST_WORKER") or "gw0")[2:])
    return 21000 + worker * 1000


class Supervise:
    """Starts supervisors in one place, and at the end fails for whatever is wrong with one of them."""

    def __init__(self, place: Place) -> None:
        self.place = place
        #: With each: whether its log has to be whole.
        self.supervisors: list[tuple[Supervisor, bool]] = []

    def __call__(
        self,
        agents: Optional[Sequence[Mapping[str, Any]]] = None,
        *,
        checked: bool = True,
        command: Optional[list[str]] = None,
        before_exec: Optional[Callable[[], None]] = None,
        **variables: Any,
    ) -> Supervisor:
        """`agents`: a configuration file of them. A variable given as None is unset."""
        environment = self.place.environment()
        for name, value in variables.items():
            if value is None:
                environment.pop(name, None)
            else:
                environment[name] = str(value)
        if agents is not None:
            environment["SUPERVISOR_CONFIG"] = str(self.place.write(agents))
        supervisor = Supervisor(
            environment,
            runtime=self.place.runtime,
            state=self.place.state,
            mark=self.place.mark,
            before_exec=before_exec,
            **({"command": command} if command else {}),
        )
        self.supervisors.append((supervisor, checked))
        return supervisor

    def problems(self) -> list[str]:
        """Ends what still runs; whatever is wrong with a log or a process."""
        problems: list[str] = []
        for supervisor, _ in self.supervisors:
            if supervisor.process.poll() is None:
                supervisor.send()
                try:
                    supervisor.exit()
                except AssertionError as error:
                    problems.append(str(error))
        # After all of them: what they start carries one mark.
        for supervisor, checked in self.supervisors:
            left = supervisor.clean_up()
            if left:
                problems.append("processes left behind: " + "; ".join(left))
            if checked:
                problems += supervisor.problems(killed=supervisor.process.returncode < 0)
        return problems

    def finish(self) -> None:
        if problems := self.problems():
            logs = "\n\n".join(
                "\n".join(shown_line(line) for line in one.lines[-60:]) for one, _ in self.supervisors[-3:]
            )
            pytest.fail("\n".join(problems)[:8000] + "\n\n" + logs, pytrace=False)


@pytest.fixture
def fleet_place(shared_cache: Path) -> Iterator[Place]:
    place = Place(shared_cache)
    yield place
    place.close()


@pytest.fixture
def supervise(fleet_place: Place) -> Iterator[Supervise]:
    supervise = Supervise(fleet_place)
    yield supervise
    supervise.finish()
