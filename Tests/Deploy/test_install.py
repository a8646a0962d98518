"""`make install`'s script: complete, for services to read, and without a trace of DESTDIR."""

from __future__ import annotations

import fcntl
import os
import subprocess

import pytest


@pytest.fixture(scope="session")
def installed(tmp_path_factory, repository, program):
    """Installed once, also when the tests run side by side: processes share the folder above their own."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    destination = shared / "destination"
    with open(shared / "destination.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not destination.exists():
            install(repository, program, shared / "destination.part")
            # Its last name: nothing that is installed names the folder.
            (shared / "destination.part").rename(destination)
    return destination


def install(repository, program, destination):
    done = subprocess.run(
        [str(repository / "scripts/install-par"), str(program.path)],
        env={**os.environ, "DESTDIR": str(destination), "PREFIX": "/opt/par"},
        capture_output=True, text=True, timeout=180,
    )
    if "no Python 3.9 or newer with venv outside" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr


def test_nothing_names_where_it_was_put_together(installed):
    done = subprocess.run(["grep", "-rlF", f"{installed}.part", str(installed)], capture_output=True, text=True)
    assert done.stdout == ""


def test_units_name_the_prefix(installed):
    units = sorted((installed / "opt/par/lib/systemd/system").iterdir())
    assert [one.name for one in units] == ["par-supervisor.service", "par@.service", "par@.socket"]
    for unit in units:
        assert "/usr/local" not in unit.read_text()
    assert "ExecStart=/opt/par/bin/par-lifecycle run\n" in units[1].read_text()


def test_everyone_may_read_it_and_only_the_owner_write(installed):
    for folder, _, files in os.walk(installed / "opt/par/share"):
        for name in [folder, *(os.path.join(folder, one) for one in files)]:
            if not os.path.islink(name):
                mode = os.stat(name).st_mode
                assert mode & 0o444 == 0o444 and not mode & 0o022, name


def test_the_host_starts_from_there(installed):
    host = installed / "opt/par/share/par/agent-host"
    done = subprocess.run(
        [str(host / ".venv/bin/python"), "-c", "import fastapi, uvicorn, uvloop, httptools, websockets"],
        capture_output=True, text=True, timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert (host / ".venv/bin/uv").exists() and not (host / ".venv/bin/pip").exists()


@pytest.mark.parametrize("prefix", ["relative", ""])
def test_a_prefix_that_is_no_place_is_refused(tmp_path, repository, program, prefix):
    environment = {**os.environ, "DESTDIR": str(tmp_path), "PREFIX": prefix or "usr"}
    done = subprocess.run(
        [str(repository / "scripts/install-par"), str(program.path)], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1 and "PREFIX" in done.stderr
    assert not list(tmp_path.iterdir())
