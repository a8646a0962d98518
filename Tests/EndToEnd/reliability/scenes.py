"""Brings a run to a state, and holds it there."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import threading
from typing import Any, Callable

from support.clients import Call, until
from support.program import REPOSITORY

from .stage import Stage, state_of

Scene = Callable[[Stage], None]

HOST = REPOSITORY / "agent-host/.venv"

#: An agent that does nothing but serve.
GOOD = """
def mount(app):
    @app.get('/api/hello')
    def hello(): return {}
"""

#: A uv that makes an environment out of the agent host's own, at once and without a network.
UV = """#!/bin/sh
for last; do :; done
case "$1" in
venv)
  mkdir -p "$last/bin"
  ln -s '{host}/bin/python' "$last/bin/python"
  cp '{host}/pyvenv.cfg' "$last/"
  ln -s '{host}/lib' "$last/lib"
  {venv}
  ;;
pip)
  echo "Resolved 9 packages in 12ms"
  {pip}
  ;;
esac
"""


def nothing(stage: Stage) -> None:
    """The fault is there before the run is."""


def verifying(**variables: Any) -> Scene:
    """Halfway through unpacking; the step is stopped there, so that the state stays."""

    def scene(stage: Stage) -> None:
        package = shutil.copy(stage.package("many"), stage.root / "own.apkg")
        run = stage.start(package, **variables)
        step = stage.step("verify")
        until(lambda: list(stage.cache.glob("packages/tmp-*/*")), "unpacking has begun")
        stop(step)
        run.wait("verify")
        assert not run.events("install"), "too late to hold it"

    return scene


def stop(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    until(lambda: state_of(pid) in ("T", ""), "it is stopped")


def uv(stage: Stage, *, venv: str = "", pip: str = "") -> None:
    """A uv whose two commands end with these lines of shell."""
    stage.tool("uv", UV.format(host=HOST, venv=venv, pip=pip))


#: Says where the installer is by a file of its own, then sleeps.
HANG = 'echo $$ >"$HOME/uv.pid"; exec sleep 1000'


def uv_pid(stage: Stage) -> int:
    path = stage.root / "uv.pid"
    return int(until(lambda: path.exists() and path.read_text().strip(), "uv runs"))


def installing(pip: str = HANG, *, venv: str = "", **variables: Any) -> Scene:
    """In a cold installation, with a uv that hangs."""

    def scene(stage: Stage) -> None:
        uv(stage, venv=venv, pip=pip)
        run = stage.start(stage.package("requirement"), PAR_INSTALLER="uv", **variables)
        run.wait("install")
        uv_pid(stage)

    return scene


def loading(**variables: Any) -> Scene:
    """In the import of the agent's module."""

    def scene(stage: Stage) -> None:
        run = stage.start(stage.package("gate"), **variables)
        stage.gate.visitor()
        run.wait("worker_started")

    return scene


def ready(package: str = "probe", **variables: Any) -> Scene:
    def scene(stage: Stage) -> None:
        stage.start(stage.package(package), **variables).ready()
        stage.note_ports()

    return scene


def serving(
    module: str, *, meets: bool = False, whole_log: bool = True, **variables: Any
) -> Scene:
    """Ready, with an agent of this cell alone; `meets`: it leaves a daemon."""

    def scene(stage: Stage) -> None:
        stage.has_whole_log = whole_log
        run = stage.start(stage.agent(module), **variables)
        if meets:
            take_daemon(stage)
        run.ready()
        stage.note_ports()

    return scene


def take_daemon(stage: Stage) -> None:
    """The agent tells of the daemon it made, which may carry no mark."""
    visitor = stage.gate.visitor()
    stage.unmarked.append(int(visitor.place.split(" ")[1]))
    visitor.let_through()


def waiting(**variables: Any) -> Scene:
    """Before a second restart, which waits for half a second."""

    def scene(stage: Stage) -> None:
        ready(**variables)(stage)
        run = stage.run
        os.kill(run.worker_pid, signal.SIGKILL)
        run.ready(count=2)
        os.kill(run.worker_pid, signal.SIGKILL)
        run.wait("worker_exited", count=2)

    return scene


def restarting(**variables: Any) -> Scene:
    """In the import of the restart."""

    def scene(stage: Stage) -> None:
        ready("again", SEEN=stage.root / "seen", **variables)(stage)
        os.kill(stage.run.worker_pid, signal.SIGKILL)
        stage.gate.visitor()
        stage.run.wait("worker_started", count=2)

    return scene


def lame_duck(number: int = signal.SIGTERM, **variables: Any) -> Scene:
    """Draining, new work still served."""

    def scene(stage: Stage) -> None:
        times = {"DRAIN_MIN_SEC": 5, "GRACEFUL_SHUTDOWN_TIMEOUT_SEC": 20}
        ready(**{**times, **variables})(stage)
        stage.run.send(number)
        stage.run.wait("drain")

    return scene


def closing(**variables: Any) -> Scene:
    """Draining, new work refused, one request still in flight."""

    def scene(stage: Stage) -> None:
        ready(**{"GRACEFUL_SHUTDOWN_TIMEOUT_SEC": 20, **variables})(stage)
        stage.call = Call(stage.ports[0], "/api/gate")
        stage.passage = stage.gate.visitor()
        stage.run.send(signal.SIGINT)
        stage.run.wait("drain")

    return scene


def uses_uv(kind: str = "", **commands: str) -> Scene:
    """A uv that is found in PATH."""

    def scene(stage: Stage) -> None:
        if kind == "absent interpreter":
            stage.tool("uv", "#!/nowhere/sh\n")
        elif kind == "no program":
            stage.tool("uv", "\x7fELF")
        else:
            uv(stage, **commands)

    return scene


def index(stage: Stage, answer: bytes) -> socket.socket:
    """A package index that takes every connection; without an answer it leaves them open."""
    listener = socket.create_server(("127.0.0.1", 0))
    kept: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            if answer:
                try:
                    connection.recv(65536)
                    connection.sendall(answer)
                except OSError:
                    pass
                connection.close()
            else:
                kept.append(connection)

    stage.index_connections = kept
    threading.Thread(target=serve, daemon=True).start()

    def close() -> None:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in kept:
            connection.close()

    stage.close_at_end(close)
    return listener


GARBAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n" + bytes(range(64))


#: `python -m venv` is run in the folder of the environments, and finds this one first. The real one
#: takes seconds to put a pip into what it makes; this one takes the pip of the interpreter.
VENV = """
import os, sys
folder = sys.argv[-1]
os.makedirs(folder + "/bin")
os.symlink(sys.executable, folder + "/bin/python")
with open(folder + "/pyvenv.cfg", "w") as settings:
    settings.write("home = %s\\n" % os.path.dirname(sys.executable))
    settings.write("include-system-site-packages = true\\n")
"""


def uses_pip(kind: str, *, real_venv: bool = False) -> Scene:
    """Where pip looks for packages."""

    def scene(stage: Stage) -> None:
        if not real_venv:
            (stage.cache / "environments").mkdir()
            (stage.cache / "environments/venv.py").write_text(VENV)
        if kind == "wheelhouse":
            (stage.root / "wheels").mkdir()
            stage.variables["WHEELHOUSE_DIR"] = stage.root / "wheels"
            stage.variables["WHEELHOUSE_ONLY"] = "true"
            return
        port = index(stage, GARBAGE if kind == "garbage index" else b"").getsockname()[1]
        stage.variables["PIP_INDEX_URL"] = f"http://127.0.0.1:{port}/simple"
        stage.variables["PIP_RETRIES"] = "0"

    return scene


def installing_with_pip(**variables: Any) -> Scene:
    """pip waits for an index that does not answer."""

    def scene(stage: Stage) -> None:
        uses_pip("silent index")(stage)
        stage.start(stage.package("requirement"), PAR_INSTALLER="pip", **variables)
        until(lambda: stage.index_connections, "pip asks the index")

    return scene


def interpreters(kind: str) -> Scene:
    """What `python3.38` in PATH is, which no machine has."""

    def scene(stage: Stage) -> None:
        path = stage.tools / "python3.38"
        python = os.path.realpath(HOST / "bin/python")
        if kind == "folder":
            path.mkdir()
        elif kind == "plain":
            shutil.copy("/bin/true", path)
            path.chmod(0o644)
        elif kind == "script":
            stage.tool("python3.38", "#!/bin/sh\nexit 0\n")
        elif kind == "truncated":
            with open(python, "rb") as whole:
                path.write_bytes(whole.read(3000))
            path.chmod(0o755)
        elif kind == "hangs":
            # Its standard library is found from where it lies, and never comes to an end.
            shutil.copy(python, stage.tools / "python3")
            library = stage.root / "lib" / "python3.11"
            (library / "encodings").mkdir(parents=True)
            (library / "os.py").write_text("")
            (library / "encodings/__init__.py").write_text("while True: pass\n")

    return scene
