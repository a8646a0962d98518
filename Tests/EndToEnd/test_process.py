"""The program among processes: as PID 1, as a reaper, with what it leaves behind."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
from pathlib import Path

import httpx
import pytest

from support.clients import until
from support.program import PROGRAM, health_status


def children(pid: int) -> dict[int, str]:
    """Child processes to their state letter, zombies included."""
    found = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                fields = Path(entry.path, "stat").read_text().rsplit(") ", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                found[int(entry.name)] = fields[0]
    return found


def no_zombies(pid: int) -> bool:
    return "Z" not in children(pid).values()


def may_unshare() -> bool:
    command = ["unshare", "--pid", "--fork", "--mount-proc", "true"]
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not may_unshare(), reason="needs a process-id namespace")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_as_pid_1_it_reaps_and_forwards(par, probe, number):
    command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    run = par(command=[*command, str(PROGRAM), "run", str(probe)])
    ready = run.ready()
    base = f"http://127.0.0.1:{ready['rest_port']}"
    inside = next(iter(children(run.pid)))
    assert run.lines[0]["pid"] == 1
    for _ in range(5):
        httpx.get(f"{base}/api/orphan")
    until(lambda: len(children(inside)) == 1, "the orphans are reaped")
    os.kill(inside, number)
    assert run.exit() == 0
    assert run.stopped["outcome"] == "clean"


def test_it_reaps_orphans_of_its_agent(par, probe):
    run = par(probe)
    run.ready()
    for _ in range(5):
        httpx.get(f"{run.base}/api/orphan")
    until(lambda: len(children(run.pid)) == 1 and no_zombies(run.pid), "the orphans are reaped")
    assert run.stop() == 0


def test_killed_itself_it_leaves_no_worker(par, probe):
    run = par(probe)
    run.ready()
    child = httpx.get(f"{run.base}/api/child").json()["pid"]
    worker = run.worker_pid
    run.process.kill()
    assert run.exit() == -signal.SIGKILL
    until(lambda: not os.path.exists(f"/proc/{worker}"), "the worker is gone", 2)
    # The agent's own children are beyond a killed program's reach; `clean_up` ends this one.
    os.kill(child, signal.SIGKILL)


def test_no_descriptor_leaks_into_the_agent(par, probe, tmp_path):
    with open(tmp_path / "held", "w") as held:
        os.set_inheritable(held.fileno(), True)
        run = par(probe)
        run.ready()
        targets = [
            os.readlink(one.path) for one in os.scandir(f"/proc/{run.worker_pid}/fd")
        ]
        assert str(tmp_path / "held") not in targets
        child = httpx.get(f"{run.base}/api/child").json()["pid"]
        # A program that has just begun has its libraries open for a moment.
        until(
            lambda: sorted(int(one.name) for one in os.scandir(f"/proc/{child}/fd")) == [0, 1, 2],
            "the agent's children hold none of the program's descriptors",
        )
    assert run.stop() == 0


def test_many_restarts_leak_nothing(par, probe):
    run = par(probe, WORKER_RESTARTS="100/3600")
    run.ready()

    def descriptors() -> int:
        return len(os.listdir(f"/proc/{run.pid}/fd"))

    os.kill(run.worker_pid, signal.SIGKILL)
    run.ready(count=2)
    httpx.get(f"{run.base}/api/hello")
    before = descriptors()
    for attempt in range(3, 6):
        os.kill(run.worker_pid, signal.SIGKILL)
        run.ready(count=attempt)
        httpx.get(f"{run.base}/api/hello")
    until(lambda: descriptors() <= before, f"back to {before} descriptors", 3)
    assert no_zombies(run.pid)
    assert run.stop() == 0


def limited(soft: int, hard: int):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def idle_clients(port: int, count: int) -> list[socket.socket]:
    return [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(count)]


def descriptor_limit_of(pid: int) -> int:
    rows = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return int(next(row for row in rows if row.startswith("Max open files")).split()[3])


def test_a_low_soft_limit_of_open_files_is_no_limit_of_clients(par, probe):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < 1024:
        pytest.skip("the hard limit is low too")
    run = par(probe, before_exec=limited(64, hard))
    port = run.ready()["rest_port"]
    assert descriptor_limit_of(run.worker_pid) == 64
    clients = idle_clients(port, 120)
    os.kill(run.worker_pid, signal.SIGKILL)
    run.ready(count=2)
    assert descriptor_limit_of(run.worker_pid) == 64, "a child has what the program was given"
    assert httpx.get(f"{run.base}/api/hello").status_code == 200
    for client in clients:
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: test\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 200"
        client.close()
    assert run.stop() == 0


def test_idle_clients_leave_descriptors_for_the_next_worker(par, probe):
    run = par(probe, before_exec=limited(64, 128))
    port = run.ready()["rest_port"]
    clients = idle_clients(port, 120)
    os.kill(run.worker_pid, signal.SIGKILL)
    run.wait("runtime_ready", count=2)
    for client in clients:
        client.close()

    def answers() -> bool:
        try:
            return health_status(port) == 200
        except OSError:
            return False  # one connection too many, until the others' end was seen

    until(answers, "/health answers again")
    assert httpx.get(f"{run.base}/api/hello").json()["pid"] == run.worker_pid
    assert run.stop() == 0


def test_the_folders_of_killed_runs_are_swept_by_the_next_run(par, probe, runtime):
    living = par(probe)
    living.ready()
    kept = set(runtime.glob("par-*"))
    killed = [par(probe) for _ in range(2)]
    for run in killed:
        run.ready()
        run.process.kill()
        run.exit()
    assert len(set(runtime.glob("par-*")) - kept) == 2
    run = par(probe)
    run.ready()
    own = set(runtime.glob(f"par-{run.lines[0]['run_id']}"))
    assert set(runtime.glob("par-*")) == kept | own
    assert run.stop(signal.SIGINT) == 0
    assert httpx.get(f"{living.base}/api/hello").status_code == 200
    assert living.stop(signal.SIGINT) == 0
    assert not list(runtime.glob("par-*"))
