"""Root file systems and what runs in them. Needs root, namespaces and a Debian mirror; nothing else."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Callable, Optional

REPOSITORY = Path(__file__).resolve().parents[3]
PROGRAM = Path(os.environ.get("PAR_PROGRAM", REPOSITORY / ".build/release/par-lifecycle"))
SUITE = "bookworm"
DEADLINE = float(os.environ.get("PAR_TEST_DEADLINE", "60"))


def missing(*tools: str) -> str:
    """Why this cannot run here; empty when it can."""
    if os.geteuid() != 0:
        return "needs root"
    absent = [tool for tool in tools if not shutil.which(tool)]
    return f"needs {', '.join(absent)}" if absent else ""


def base(name: str, *packages: str) -> Path:
    """A Debian root file system with these packages, made once and kept in .build."""
    folder = REPOSITORY / ".build" / name
    stamp = folder / "made-from"
    key = SUITE + " " + " ".join(packages)
    if not stamp.exists() or stamp.read_text() != key:
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(exist_ok=True)
        subprocess.run(
            ["debootstrap", "--variant=minbase", "--include=" + ",".join(packages), SUITE, str(folder)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        shutil.rmtree(folder / "var/cache/apt/archives", ignore_errors=True)
        stamp.write_text(key)
    return folder


def wait_for(what: str, check: Callable[[], Any], seconds: float = DEADLINE) -> Any:
    """The first true answer; the check itself may be slow, the pause between two is not what is waited for."""
    until = time.monotonic() + seconds
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > until:
            raise AssertionError(f"{what} did not happen within {seconds:g} s")
        time.sleep(0.05)


class Machine:
    """A Debian booted by systemd-nspawn, with a network of its own."""

    def __init__(self, root: Path, log: Path) -> None:
        # nspawn's own files want a memory file system below /run, which not every machine has; and
        # without a bus it can neither register the machine nor make a scope.
        script = (
            "mkdir -p /run/systemd && mount -t tmpfs -o mode=755 tmpfs /run/systemd && "
            'exec systemd-nspawn --quiet --register=no --keep-unit --private-network --boot -D "$1"'
        )
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", script, "sh", str(root)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.leader = 0
        try:
            self.leader = wait_for("the start of init", self._find_leader)
            wait_for("the boot", self._is_up)
        except AssertionError:
            self.close()
            raise

    def _find_leader(self) -> int:
        if self.process.poll() is not None:
            raise AssertionError("systemd-nspawn ended: " + self.log.read_text(errors="replace")[-2000:])
        # systemd-nspawn's child is a helper or the container's PID 1, by its version.
        below = [self.process.pid]
        while below:
            children: list[int] = []
            for pid in below:
                try:
                    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
                except OSError:
                    continue
                children += [int(one) for one in text.split()]
            for pid in children:
                try:
                    status = Path(f"/proc/{pid}/status").read_text()
                except OSError:
                    continue
                inner = next(line for line in status.splitlines() if line.startswith("NSpid")).split()
                if len(inner) == 3 and inner[2] == "1" and Path(f"/proc/{pid}/comm").read_text() == "systemd\n":
                    return pid
            below = children
        return 0

    def _is_up(self) -> bool:
        done = self.run("systemctl", "is-system-running", check=False)
        return done.stdout.strip() in {"running", "degraded"}

    def run(self, *command: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["nsenter", "--target", str(self.leader), "--mount", "--uts", "--ipc", "--net", "--pid",
             "--cgroup", "--root", "--wd=/", "env", "-i", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
             *command],
            capture_output=True, text=True, timeout=120, **options,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def inside(self, *command: str) -> list[str]:
        """A command of the outside with the network of the inside."""
        return ["nsenter", "--target", str(self.leader), "--net", *command]

    def close(self) -> None:
        if self.leader:
            try:
                # SIGRTMIN+4: power off.
                os.kill(self.leader, signal.SIGRTMIN + 4)
                self.process.wait(30)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)


def install(root: Path, python: Optional[str] = None) -> None:
    """`make install` into a root file system; its Python is the one of the suite, at the same path."""
    subprocess.run(
        [str(REPOSITORY / "scripts/install-par"), str(PROGRAM)],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "DESTDIR": str(root), "PREFIX": "/usr/local",
             "PYTHON": python or "/usr/bin/python3"},
    )
