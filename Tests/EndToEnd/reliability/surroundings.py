"""What a run finds around it: disks, limits, users, ports, the reader of its log."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import httpx
from support.clients import Call, until
from support.program import PROGRAM

from .scenes import Scene
from .stage import Stage

#: User ids that nobody has; each cell takes one, so that a limit of processes is its own.
_FIRST_USER = 61_000
_users = iter(range(_FIRST_USER, _FIRST_USER + 1000))


class Unavailable(Exception):
    """This machine cannot show the fault."""


def all_of(*parts: Scene) -> Scene:
    def scene(stage: Stage) -> None:
        for part in parts:
            part(stage)

    return scene


def variables(**values: Any) -> Scene:
    def scene(stage: Stage) -> None:
        if "REST_PORT" in values:
            first = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()
            if int(first) <= int(values["REST_PORT"]):
                raise Unavailable("every port is open to everybody here")
        stage.variables.update(values)

    return scene


def limited(**limits: int) -> Scene:
    """Resource limits, hard and soft, by prlimit(1)."""

    def scene(stage: Stage) -> None:
        stage.command += ["prlimit", *(f"--{name}={value}:{value}" for name, value in limits.items())]

    return scene


def as_user() -> Scene:
    """The run belongs to a user without privileges."""

    def scene(stage: Stage) -> None:
        stage.user = next(_users)
        become = ["setpriv", f"--reuid={stage.user}", f"--regid={stage.user}", "--clear-groups"]
        reads = subprocess.run([*become, "test", "-x", str(PROGRAM)])
        if reads.returncode != 0:
            raise Unavailable("the program lies in a folder that other users cannot enter")
        stage.command += become

    return scene


def few_processes(limit: int) -> Scene:
    """May have so many processes and threads."""
    return control_group("pids", "pids.max", "pids.max", limit)


def little_memory(limit: int) -> Scene:
    """May have so many bytes of memory."""
    return control_group("memory", "memory.limit_in_bytes", "memory.max", limit)


def control_group(controller: str, first: str, second: str, limit: int) -> Scene:
    """The run is in a control group of its own, of the first or the second version."""

    def scene(stage: Stage) -> None:
        root = Path("/sys/fs/cgroup")
        is_first = (root / controller).is_dir()
        group = (root / controller if is_first else root) / f"par-test-{stage.root.name}"
        try:
            group.mkdir()
            stage.close_at_end(lambda: until(lambda: _removed(group), "the control group goes"))
            (group / (first if is_first else second)).write_text(str(limit))
        except OSError as error:
            raise Unavailable(f"no control group can be made: {error}") from None
        script = 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"'
        stage.command += ["sh", "-c", script, "sh", str(group)]

    return scene


def _removed(group: Path) -> bool:
    try:
        group.rmdir()
    except OSError:
        return not group.exists()
    return True


def small_disk(size: int, *, filled: bool = False) -> Scene:
    """The cache lies on a disk of its own, in a mount namespace: nothing to unmount."""

    def scene(stage: Stage) -> None:
        script = 'mount -t tmpfs -o size="$2" none "$1" && echo mounted && exec cat'
        keeper = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", script, "sh", str(stage.cache), str(size)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

        def close() -> None:
            assert keeper.stdin is not None and keeper.stdout is not None
            keeper.stdin.close()
            keeper.wait()
            keeper.stdout.close()

        stage.close_at_end(close)
        assert keeper.stdout is not None
        if keeper.stdout.readline() != b"mounted\n":
            raise Unavailable("a disk cannot be mounted here")
        stage.cache_seen = Path(f"/proc/{keeper.pid}/root{stage.cache}")
        if filled:
            with open(stage.cache_seen / "filler", "wb", buffering=0) as filler:
                try:
                    while True:
                        filler.write(bytes(4096))
                except OSError:
                    pass
        stage.command += ["nsenter", f"--mount=/proc/{keeper.pid}/ns/mnt", "--"]

    return scene


def read_only_disk(stage: Stage) -> None:
    script = 'mount -t tmpfs -o ro none "$1" && shift && exec "$@"'
    # Before the user is changed, who may not mount.
    stage.command[:0] = ["unshare", "--mount", "sh", "-c", script, "sh", str(stage.cache)]


def cache_is(kind: str) -> Scene:
    def scene(stage: Stage) -> None:
        cache = stage.cache
        if kind == "file":
            cache.rmdir()
            cache.write_text("")
        elif kind == "beneath a file":
            (stage.root / "file").write_text("")
            stage.variables["PAR_CACHE_DIR"] = stage.root / "file" / "cache"
        elif kind in ("dangling link", "loop"):
            cache.rmdir()
            cache.symlink_to(stage.root / "nowhere/else" if kind == "dangling link" else cache)
        elif kind in ("packages is a file", "environments is a file", "archives is a file"):
            (cache / kind.split()[0]).write_text("")
        elif kind == "long":
            stage.variables["PAR_CACHE_DIR"] = cache / ("x" * 256)
        elif kind in ("theirs", "beneath theirs"):
            theirs = stage.root / "theirs"
            theirs.mkdir(mode=0o755)
            below = theirs if kind == "theirs" else theirs / "cache"
            stage.variables["PAR_CACHE_DIR"] = below
        elif kind == "read-only":
            read_only_disk(stage)
        elif kind == "no run folder":
            for name in ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"):
                stage.variables[name] = stage.root / "absent"

    return scene


def package_is(kind: str) -> Scene:
    def scene(stage: Stage) -> None:
        path = stage.root / "own.apkg"
        if kind == "unreadable":
            theirs = stage.root / "theirs"
            theirs.mkdir(mode=0o755)
            stage.own_package = theirs / "own.apkg"
            shutil.copy(stage.package("probe"), stage.own_package)
            stage.own_package.chmod(0o600)
        elif kind == "pipe":
            os.mkfifo(path)
        elif kind == "socket":
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(path))
            stage.close_at_end(lambda: (listener.close(), path.unlink()))
            stage.own_sockets.append(str(path))
        elif kind == "dangling link":
            path.symlink_to("nowhere.apkg")

    return scene


def port_taken(variable: str) -> Scene:
    def scene(stage: Stage) -> None:
        taken = socket.create_server(("127.0.0.1", 0))
        stage.close_at_end(taken.close)
        stage.variables[variable] = taken.getsockname()[1]
        if variable == "UI_PORT":
            stage.variables["MULTIPLEXED"] = "false"

    return scene


def log_reader(kind: str, until_event: str, *, flood: bool = False) -> Scene:
    """The log is read up to an event; from then on its reader is `kind`."""

    def scene(stage: Stage) -> None:
        reader, writer = os.pipe()
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
        stage.has_whole_log = False
        package = "gate" if until_event == "load" else "probe"
        if until_event == "verify":
            package = "many"
        run = stage.start(stage.package(package), stdout=writer)
        os.close(writer)
        text = b""
        wanted = f'"event":"{until_event}"'.encode()
        while until_event and wanted not in text:
            text += os.read(reader, 65536)
        stage.note_ports()
        if kind == "closed":
            os.close(reader)
        elif kind == "slow":
            stage.close_at_end(_read_slowly(stage, reader, text))
        else:
            stage.close_at_end(lambda: os.close(reader))
        if until_event in ("", "runtime_ready"):
            until(lambda: _is_healthy(run.port), "Ready")
        if flood:
            stage.call = Call(run.port, "/api/flood?lines=20000")
            if kind != "slow":
                assert stage.call.wait()[0] == 200, "the agent was held up by the log"

    return scene


def _is_healthy(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def _read_slowly(stage: Stage, reader: int, text: bytes) -> Any:
    """Half a megabyte in a second; what was read is the log as far as it goes."""

    def read() -> None:
        nonlocal text
        while piece := os.read(reader, 4096):
            text += piece
            time.sleep(0.008)
        os.close(reader)
        whole = text[: text.rfind(b"\n") + 1]
        stage.run.lines += [json.loads(line) for line in whole.splitlines()]

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    stage.threads.append(thread)
    return thread.join
