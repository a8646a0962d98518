"""The units of deploy/systemd under a real systemd: a Debian booted by systemd-nspawn."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Iterator

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from namespaces import DEADLINE, PROGRAM, REPOSITORY, Machine, base, install, missing, wait_for  # noqa: E402

reason = missing("debootstrap", "systemd-nspawn", "nsenter", "unshare")
pytestmark = pytest.mark.skipif(bool(reason), reason=reason)

PACKAGES = [
    "systemd", "systemd-sysv", "dbus", "python3", "python3-venv", "ca-certificates", "libyaml-0-2", "libnghttp2-14",
    "zlib1g", "libssl3", "libstdc++6", "libcurl4",
]
UNIT = "par@demo.service"
SOCKET = "par@demo.socket"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = Path(tempfile.mkdtemp(prefix="par-machine-"))
    root = folder / "root"
    subprocess.run(["cp", "-a", str(base("systemd-root", *PACKAGES)), str(root)], check=True)
    install(root)
    (root / "srv").mkdir(exist_ok=True)
    for name in ["hello", "streaming"]:
        package = REPOSITORY / f"examples/{name}.apkg"
        if package.exists():
            subprocess.run(["cp", str(package), str(root / "srv")], check=True)
    (root / "etc/par").mkdir()
    (root / "etc/par/demo.env").write_text("AGENT_PACKAGE_PATH=/srv/hello.apkg\nBIND_ADDRESS=127.0.0.1\n")
    (root / "etc/par/demo.env").chmod(0o600)
    (root / "etc/machine-id").write_text("")
    machine = Machine(root, folder / "console.log")
    yield machine
    machine.close()
    subprocess.run(["rm", "-rf", str(folder)], check=True)


class Load:
    """Requests to the agent while something is done to its unit."""

    def __init__(self, machine: Machine, clients: int = 8, path: str = "/agents/demo/api/hello?name=Ada") -> None:
        self.process = subprocess.Popen(
            machine.inside(
                sys.executable, str(Path(__file__).with_name("load.py")), "127.0.0.1", "8080", path, str(clients)
            ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout and self.process.stdout.readline() == "started\n"

    def end(self) -> dict[str, Any]:
        output, _ = self.process.communicate(timeout=DEADLINE)
        return json.loads(output)


def show(machine: Machine, *properties: str) -> dict[str, str]:
    text = machine.run("systemctl", "show", UNIT, "-p", ",".join(properties)).stdout
    return dict(line.split("=", 1) for line in text.splitlines())


def journal(machine: Machine, since: str) -> str:
    """The unit's lines since then, as the program wrote them, without the manager's own."""
    machine.run("journalctl", "--sync", check=False)
    return machine.run("journalctl", "-o", "cat", f"_SYSTEMD_UNIT={UNIT}", "--since", since).stdout


def now() -> str:
    """A time for journalctl. Not a cursor: with a match it passes over the first line as well."""
    return f"@{time.time():.6f}"


@pytest.fixture
def stopped(machine: Machine) -> Iterator[str]:
    """Begins and ends with the units stopped; the time of its beginning."""
    def stop() -> None:
        machine.run("systemctl", "stop", SOCKET, UNIT, check=False)
        machine.run("systemctl", "reset-failed", UNIT, SOCKET, check=False)
        machine.run("rm", "-rf", f"/run/systemd/system/{UNIT}.d", "/run/systemd/system/par@demo.service.d")
        machine.run("systemctl", "daemon-reload")
    stop()
    yield now()
    stop()


def drop_in(machine: Machine, text: str) -> None:
    machine.run("mkdir", "-p", f"/run/systemd/system/{UNIT}.d")
    machine.run("tee", f"/run/systemd/system/{UNIT}.d/test.conf", input=text)
    machine.run("systemctl", "daemon-reload")


def conforms(log: str) -> list[str]:
    done = subprocess.run(
        [str(PROGRAM), "trace", "--strict"], input=log, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr + log[-3000:]
    return re.findall(r"^(conforms|incomplete)\b", done.stdout, re.MULTILINE)


def test_it_starts_and_says_what_it_does(machine: Machine, stopped: str) -> None:
    machine.run("systemctl", "start", UNIT)
    status = machine.run("systemctl", "status", UNIT).stdout
    print(status)
    assert "active (running)" in status
    assert re.search(r"Status: \"[^\"]*[Rr]eady", status), status
    answer = machine.run("python3", "-c", "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8080/agents/demo/api/hello?name=Ada').read().decode())")
    assert "Ada" in answer.stdout
    # As another user than root, without a capability, and it writes where it may.
    pid = show(machine, "MainPID")["MainPID"]
    lines = dict(one.split(":\t", 1) for one in machine.run("cat", f"/proc/{pid}/status").stdout.splitlines() if ":\t" in one)
    assert int(lines["Uid"].split()[0]) > 1000
    assert int(lines["CapEff"], 16) == 0 and lines["NoNewPrivs"] == "1"
    assert machine.run("ls", "/var/cache/private/par/demo").stdout.split()
    machine.run("systemctl", "stop", UNIT)
    assert show(machine, "Result", "ExecMainStatus") == {"Result": "success", "ExecMainStatus": "0"}
    assert conforms(journal(machine, stopped)) == ["conforms"]
    assert machine.run("ls", "/run/par/demo", check=False).returncode != 0


def test_the_journal_with_the_managers_lines_conforms(machine: Machine, stopped: str) -> None:
    machine.run("systemctl", "start", UNIT)
    machine.run("systemctl", "stop", UNIT)
    machine.run("journalctl", "--sync", check=False)
    log = machine.run("journalctl", "-o", "cat", "-u", UNIT, "--since", stopped).stdout
    assert "Stopped par@demo.service" in log
    assert conforms(log) == ["conforms"]


def test_a_failed_boot_fails_the_unit_with_its_reason(machine: Machine, stopped: str) -> None:
    drop_in(machine, "[Service]\nEnvironment=PACKAGE_SHA256=" + "0" * 64 + "\nRestart=no\n")
    done = machine.run("systemctl", "start", UNIT, check=False)
    assert done.returncode != 0
    assert show(machine, "Result", "ExecMainStatus") == {"Result": "exit-code", "ExecMainStatus": "1"}
    log = journal(machine, stopped)
    assert "SHA256 mismatch" in log
    assert conforms(log) == ["conforms"]
    print(machine.run("systemctl", "status", UNIT, check=False).stdout)


def test_restarts_under_load_lose_nothing_with_the_socket(machine: Machine, stopped: str) -> None:
    machine.run("systemctl", "start", SOCKET)
    load = Load(machine)
    wait_for("the start by the socket", lambda: show(machine, "ActiveState")["ActiveState"] == "active")
    for _ in range(3):
        machine.run("systemctl", "restart", UNIT)
    result = load.end()
    print("restart x 3 with the socket:", result)
    assert result["lost"] == {}
    assert result["answered"] > 100
    machine.run("systemctl", "stop", SOCKET, UNIT)
    assert conforms(journal(machine, stopped)) == ["conforms"] * 4


def test_reloads_under_load_lose_nothing(machine: Machine, stopped: str) -> None:
    machine.run("systemctl", "start", UNIT)
    pid = show(machine, "MainPID")["MainPID"]
    load = Load(machine)
    for count in range(1, 4):
        machine.run("systemctl", "reload", UNIT)
        wait_for("the reload", lambda: journal(machine, stopped).count('"event":"reload_finished"') == count)
        wait_for("the word of its end", lambda: show(machine, "ActiveState", "SubState") == {
            "ActiveState": "active", "SubState": "running",
        })
    result = load.end()
    print("reload x 3:", result)
    assert result["lost"] == {}
    assert result["answered"] > 100
    assert show(machine, "MainPID", "NRestarts") == {"MainPID": pid, "NRestarts": "0"}
    assert "reload_failed" not in journal(machine, stopped)
    machine.run("systemctl", "stop", UNIT)
    assert conforms(journal(machine, stopped)) == ["conforms"]


@pytest.mark.parametrize("mode", ["mixed", "control-group"])
def test_a_stop_under_load_answers_what_had_begun(machine: Machine, stopped: str, mode: str) -> None:
    drop_in(machine, f"[Service]\nKillMode={mode}\n")
    machine.run("systemctl", "start", UNIT)
    load = Load(machine)
    wait_for("load", lambda: "request" and time.sleep(1) is None)
    begun = time.monotonic()
    machine.run("systemctl", "stop", UNIT)
    took = time.monotonic() - begun
    result = load.end()
    print(f"stop with KillMode={mode}: {took:.2f} s,", result)
    # 503 is the answer of a drain. What connects when nothing is in flight any more is not accepted:
    # the end of the program resets it, and then nobody listens.
    gone = {"ConnectionRefusedError", "ConnectionResetError", "RemoteDisconnected"}
    assert set(result["lost"]) <= gone | {"503"}, result
    assert took < 10
    assert show(machine, "Result", "ExecMainStatus") == {"Result": "success", "ExecMainStatus": "0"}
    log = journal(machine, stopped)
    assert conforms(log) == ["conforms"]
    last = json.loads(log.splitlines()[-1])
    assert (last["event"], last["outcome"], last["aborted"]) == ("stopped", "clean", 0)


def test_the_watchdog_ends_a_stopped_process_and_it_comes_back(machine: Machine, stopped: str) -> None:
    drop_in(machine, "[Service]\nWatchdogSec=4\n")
    machine.run("systemctl", "start", UNIT)
    pid = show(machine, "MainPID")["MainPID"]
    machine.run("systemctl", "kill", "--signal=STOP", "--kill-whom=main", UNIT)
    wait_for(
        "the restart by the watchdog",
        lambda: show(machine, "NRestarts", "ActiveState") == {"NRestarts": "1", "ActiveState": "active"},
        20,
    )
    assert show(machine, "MainPID")["MainPID"] != pid
    text = machine.run("journalctl", "-u", UNIT, "--since", stopped).stdout
    assert "Watchdog timeout" in text
    # Nothing of the run before is left in the unit.
    group = show(machine, "ControlGroup")["ControlGroup"]
    pids = machine.run("systemctl", "show", UNIT, "-p", "TasksCurrent").stdout
    assert group and pids


def test_the_agent_has_its_secrets_and_not_the_managers_words(machine: Machine, stopped: str) -> None:
    machine.run("tee", "/etc/par/demo.secrets", input="very secret\n")
    try:
        machine.run("systemctl", "start", UNIT)
        pid = show(machine, "MainPID")["MainPID"]
        children = machine.run("cat", f"/proc/{pid}/task/{pid}/children").stdout.split()
        assert children
        environment = machine.run("cat", f"/proc/{children[0]}/environ").stdout.split("\0")
        names = {one.split("=")[0] for one in environment}
        assert not names & {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS"}
        folder = next(one for one in environment if one.startswith("CREDENTIALS_DIRECTORY=")).split("=")[1]
        assert machine.run("cat", f"{folder}/secrets").stdout == "very secret\n"
    finally:
        machine.run("rm", "-f", "/etc/par/demo.secrets")


SUPERVISOR = "par-supervisor.service"


def test_a_supervisor_hosts_what_its_config_names(machine: Machine, stopped: str) -> None:
    """Ready, another agent by a reload, one that is killed, the drain: as a user of its own, with control groups."""
    machine.run("tee", "/etc/par/supervisor.env", input="SUPERVISOR_CONFIG=/etc/par/agents.yaml\nBIND_ADDRESS=127.0.0.1\n")
    machine.run("tee", "/etc/par/supervisor-token", input="the-token-of-the-unit\n")
    entry = "- agent_app_id: {0}\n  package_path: /srv/{0}.apkg\n"
    machine.run("tee", "/etc/par/agents.yaml", input=entry.format("hello"))
    machine.run("chmod", "644", "/etc/par/agents.yaml")

    def lines(event: str) -> list[dict[str, Any]]:
        machine.run("journalctl", "--sync", check=False)
        text = machine.run("journalctl", "-o", "cat", f"_SYSTEMD_UNIT={SUPERVISOR}", "--since", stopped).stdout
        return [one for one in map(json.loads, text.splitlines()) if one["event"] == event]

    def ask(path: str) -> str:
        return machine.run(
            "python3", "-c", f"import urllib.request as u; print(u.urlopen('http://127.0.0.1{path}').read().decode())"
        ).stdout

    try:
        machine.run("systemctl", "start", SUPERVISOR)
        wait_for("the first agent", lambda: lines("supervisor_ready"))
        assert "Ada" in ask("/agents/hello/api/hello?name=Ada")
        status = json.loads(ask("/supervisor/status"))
        print(json.dumps(status["supervisor"]))
        print(machine.run("systemctl", "status", SUPERVISOR).stdout)
        # By the hang-up the config is read again.
        machine.run("tee", "/etc/par/agents.yaml", input=entry.format("hello") + entry.format("streaming"))
        machine.run("systemctl", "reload", SUPERVISOR)
        wait_for("the second agent", lambda: [x for x in lines("agent_traffic") if x["agent"] == "streaming"])
        pid = json.loads(ask("/supervisor/processes"))["processes"][0]["pid"]
        machine.run("kill", "-KILL", str(pid))
        wait_for("its successor", lambda: len([x for x in lines("agent_traffic") if x["agent"] == "hello" and x["to_worker"]]) == 2)
        assert "Ada" in ask("/agents/hello/api/hello?name=Ada")
        machine.run("systemctl", "stop", SUPERVISOR)
        text = machine.run("systemctl", "show", SUPERVISOR, "-p", "Result,ExecMainStatus,NRestarts").stdout
        assert set(text.split()) == {"Result=success", "ExecMainStatus=0", "NRestarts=0"}
        machine.run("journalctl", "--sync", check=False)
        log = machine.run("journalctl", "-o", "cat", f"_SYSTEMD_UNIT={SUPERVISOR}", "--since", stopped).stdout
        assert "the-token-of-the-unit" not in log
        conforms(log)
    finally:
        machine.run("systemctl", "stop", SUPERVISOR, check=False)


@pytest.mark.parametrize(("unit", "most"), [("par@demo.service", 3.0), ("par-supervisor.service", 3.0)])
def test_what_a_unit_may_do_is_little(machine: Machine, unit: str, most: float) -> None:
    text = machine.run("systemd-analyze", "security", unit, check=False).stdout
    print(text)
    score = float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", text)[1])
    assert score <= most


def test_the_units_are_well_formed(machine: Machine) -> None:
    done = machine.run(
        "systemd-analyze", "verify", "--man=no",
        *(f"/usr/local/lib/systemd/system/{one}" for one in ["par@demo.service", "par@demo.socket", "par-supervisor.service"]),
        check=False,
    )
    assert done.returncode == 0 and not done.stderr.strip(), done.stderr
