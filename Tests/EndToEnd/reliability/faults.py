"""What strikes a run."""

from __future__ import annotations

import fcntl
import os
import resource
import shutil
import signal
import sys
import time
from typing import Any, Callable

from support.clients import Call

from .scenes import stop, take_daemon, uv, uv_pid
from .stage import Stage

Fault = Callable[[Stage], None]


def signals(*numbers: int) -> Fault:
    """Signals to the program, one right after the other."""

    def fault(stage: Stage) -> None:
        for number in numbers:
            stage.run.send(number)

    return fault


def kill_step(kind: str) -> Fault:
    return lambda stage: os.kill(stage.step(kind), signal.SIGKILL)


def stop_step(kind: str) -> Fault:
    return lambda stage: stop(stage.step(kind))


def kill_installer(stage: Stage) -> None:
    os.kill(uv_pid(stage), signal.SIGKILL)


def stop_installer(stage: Stage) -> None:
    stop(uv_pid(stage))


def kill_worker(stage: Stage) -> None:
    os.kill(stage.run.worker_pid, signal.SIGKILL)


def stop_worker(stage: Stage) -> None:
    stop(stage.run.worker_pid)


def kill_pip(stage: Stage) -> None:
    for pid in stage.processes("pip install"):
        os.kill(pid, signal.SIGKILL)


def stop_pip(stage: Stage) -> None:
    for pid in stage.processes("pip install"):
        stop(pid)


def change_package(stage: Stage) -> None:
    """Written to in the middle of being read, which then goes on."""
    with open(stage.root / "own.apkg", "ab") as package:
        package.write(b"more")
    go_on(stage)


def replace_package(stage: Stage) -> None:
    """As a deployment does it: another file is renamed into the place of the one that is read."""
    shutil.copy(stage.package("probe"), stage.root / "newer.apkg")
    (stage.root / "newer.apkg").rename(stage.root / "own.apkg")
    go_on(stage)


def go_on(stage: Stage) -> None:
    os.kill(stage.step("verify"), signal.SIGCONT)


def hold_install_lock(stage: Stage) -> None:
    """A first boot tells the environment's key; then another process has its lock."""
    package = stage.package("requirement")
    uv(stage, pip="exit 1")
    run = stage.start(package, PAR_INSTALLER="uv", INSTALL_TIMEOUT_SEC=3)
    run.exit()
    key = run.events("install")[0]["environment"]["key"]
    lock = open(stage.cache / "environments" / f"{key}.lock", "w")
    stage.close_at_end(lock.close)
    fcntl.flock(lock, fcntl.LOCK_EX)
    uv(stage)
    stage.start(package)


def start_with_pending(number: int) -> Fault:
    """The program inherits the signal, pending and blocked."""

    def fault(stage: Stage) -> None:
        stage.command = [sys.executable, "-c", PENDING, str(number)]
        stage.start(stage.package("probe"))

    return fault


PENDING = """
import os, signal, sys
number = int(sys.argv[1])
signal.pthread_sigmask(signal.SIG_BLOCK, {number})
os.kill(os.getpid(), number)
os.execv(sys.argv[2], sys.argv[2:])
"""


def signals_apart(first: int, second: int) -> Fault:
    """The second signal follows when the first one has begun the drain."""

    def fault(stage: Stage) -> None:
        stage.run.send(first)
        stage.run.wait("drain")
        stage.struck = stage.run.send(second)

    return fault


def signals_at(event: str, *numbers: int) -> Fault:
    """The run is started; the signals follow the line."""

    def fault(stage: Stage) -> None:
        run = stage.start(stage.package("probe"))
        run.wait(event)
        stage.struck = time.monotonic()
        signals(*numbers)(stage)

    return fault


def all_of(*faults: Fault) -> Fault:
    """One after the other."""

    def fault(stage: Stage) -> None:
        for one in faults:
            one(stage)

    return fault


def kill_worker_each_time(stage: Stage) -> None:
    """Also the last one that the run is allowed to start."""
    run = stage.run
    allowed = int(str(stage.variables["WORKER_RESTARTS"]).split("/")[0])
    for attempt in range(1, allowed + 2):
        run.ready(count=attempt)
        kill_worker(stage)
        run.wait("worker_exited", count=attempt)


def ask(path: str, *, meets: bool = True) -> Fault:
    """A request that makes the agent misbehave, and its arrival."""

    def fault(stage: Stage) -> None:
        stage.call = Call(stage.run.port, path)
        if meets:
            stage.gate.visitor().let_through()
        elif "flood" in path:
            stage.run.wait("agent_output", line="flood")

    return fault


def remove(name: str) -> Fault:
    """A folder of the run goes, with all that is in it."""
    return lambda stage: shutil.rmtree(stage.root / name)


def start(package: str = "probe", **variables: Any) -> Fault:
    """The run is started, with what was prepared for it."""

    def fault(stage: Stage) -> None:
        stage.start(stage.package(package), **variables)

    return fault


def start_agent(module: str, *, meets: bool = False, **variables: Any) -> Fault:
    """The run is started with an agent of this cell alone; `meets`: it leaves a daemon."""

    def fault(stage: Stage) -> None:
        stage.start(stage.agent(module), **variables)
        if meets:
            take_daemon(stage)

    return fault


def lower_descriptors(stage: Stage) -> None:
    """The program may open no more descriptors than it has."""
    pid = stage.run.pid
    used = len(os.listdir(f"/proc/{pid}/fd"))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used, used))
