"""Packages and environments by content: found again, shared, mended."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess

import httpx
import pytest

from support import packages
from support.clients import until

TAGGED = """
import tagged
def mount(app):
    @app.get("/api/hello")
    def hello(): return {"message": tagged.version}
"""


@pytest.fixture
def tagged(tmp_path):
    """A package whose one requirement comes from a wheelhouse."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    packages.wheel(wheels, "tagged", "1.5")
    files = packages.rest_files(TAGGED, extra={"requirements.txt": "tagged==1.5\n"})
    package = packages.archive(tmp_path / "tagged.apkg", files)
    return package, {"PAR_CACHE_DIR": tmp_path / "cache", "WHEELHOUSE_DIR": wheels}


def environments(cache) -> list[str]:
    folder = cache / "environments"
    return [x.name for x in folder.iterdir() if x.is_dir()] if folder.exists() else []


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_requirements_are_installed_once(par, tagged, installer):
    package, variables = tagged
    caches = []
    for _ in range(2):
        run = par(package, PAR_INSTALLER=installer, INSTALL_TIMEOUT_SEC=180, **variables)
        run.ready(deadline=180)
        assert httpx.get(f"{run.base}/api/hello").json() == {"message": "1.5"}
        install = run.events("install")[0]
        caches.append(install["environment"]["cache"])
        assert install["environment"]["key"]
        assert run.stop(signal.SIGINT) == 0
    assert caches == ["miss", "hit"]
    assert len(environments(variables["PAR_CACHE_DIR"])) == 1


def test_another_version_is_another_environment(par, tagged, tmp_path):
    package, variables = tagged
    packages.wheel(variables["WHEELHOUSE_DIR"], "tagged", "1.6")
    files = packages.rest_files(TAGGED, extra={"requirements.txt": "tagged==1.6\n"})
    newer = packages.archive(tmp_path / "newer.apkg", files)
    for one, version in ((package, "1.5"), (newer, "1.6"), (package, "1.5")):
        run = par(one, **variables)
        run.ready(deadline=120)
        assert httpx.get(f"{run.base}/api/hello").json() == {"message": version}
        assert run.stop(signal.SIGINT) == 0
    assert len(environments(variables["PAR_CACHE_DIR"])) == 2


def test_concurrent_boots_share_one_cache(par, tagged):
    package, variables = tagged
    runs = [par(package, INSTALL_TIMEOUT_SEC=180, **variables) for _ in range(4)]
    for run in runs:
        run.ready(deadline=180)
        assert httpx.get(f"{run.base}/api/hello").json() == {"message": "1.5"}
    for run in runs:
        run.send(signal.SIGINT)
    for run in runs:
        assert run.exit() == 0
    assert len(environments(variables["PAR_CACHE_DIR"])) == 1


def test_an_installation_killed_halfway_is_made_again(par, tagged):
    package, variables = tagged
    run = par(package, checked=False, **variables)
    run.wait("install")
    run.process.kill()
    run.exit()
    until(lambda: not run.clean_up(), "the killed run's processes are gone")
    run = par(package, **variables)
    run.ready(deadline=120)
    assert run.stop(signal.SIGINT) == 0


def test_a_damaged_unpacked_package_is_replaced(par, tmp_path):
    package = packages.probe(tmp_path / "p.apkg")
    cache = tmp_path / "cache"
    run = par(package, PAR_CACHE_DIR=cache)
    run.ready()
    assert run.stop(signal.SIGINT) == 0
    modules = list(cache.rglob("src/rest/index.py"))
    assert len(modules) == 1
    modules[0].write_text("raise RuntimeError('damaged')\n")
    (modules[0].parent / "added.py").write_text("")
    run = par(package, PAR_CACHE_DIR=cache)
    run.ready()
    assert httpx.get(f"{run.base}/api/hello").status_code == 200
    assert run.stop(signal.SIGINT) == 0
    assert not list(cache.rglob("added.py"))


def test_a_cache_may_vanish_between_two_runs(par, tmp_path):
    package = packages.probe(tmp_path / "p.apkg")
    for _ in range(2):
        run = par(package, PAR_CACHE_DIR=tmp_path / "cache")
        run.ready()
        assert run.stop(signal.SIGINT) == 0
        shutil.rmtree(tmp_path / "cache")


def may_mount() -> bool:
    return os.geteuid() == 0 and (
        subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0
    )


@pytest.mark.skipif(not may_mount(), reason="needs a mount namespace")
def test_a_full_disk_is_said_and_leaves_nothing(par, tmp_path):
    from support.program import PROGRAM

    files = packages.rest_files(packages.PROBE, extra={
        "src/meet.py": packages.MEET, **{f"src/blob{i}": os.urandom(1 << 20) for i in range(6)},
    })  # fmt: skip
    package = packages.archive(tmp_path / "p.apkg", files)
    cache = tmp_path / "small"
    cache.mkdir()
    # Mounted in the run's own namespace: nothing to unmount, whatever happens.
    script = 'mount -t tmpfs -o size=3m none "$1" && shift && exec "$@"'
    run = par(
        command=["unshare", "--mount", "sh", "-c", script, "sh", str(cache), str(PROGRAM), "run",
                 str(package)],
        PAR_CACHE_DIR=cache,
    )  # fmt: skip
    assert run.exit() == 1
    failed = run.events("boot_failed")[0]
    assert "free" in failed["error"] or "space" in failed["error"], failed
