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


WRITES = """
import os
def mount(app):
    @app.get("/api/write")
    def write():
        open("written-by-the-agent", "w").write("mine")
        open("src/rest/late.py", "a").write("# changed\\n")
    @app.get("/api/read")
    def read():
        import src.rest.late
        return {"own": open("written-by-the-agent").read(), "late": src.rest.late.value}
    @app.get("/api/files")
    def files():
        return sorted(os.listdir("."))
"""


def test_an_agent_that_changed_its_package_keeps_its_files_when_another_boots(par, tmp_path):
    files = packages.rest_files(WRITES, extra={"src/rest/late.py": "value = 'late'\n"})
    package = packages.archive(tmp_path / "p.apkg", files)
    cache = tmp_path / "cache"
    first = par(package, PAR_CACHE_DIR=cache)
    first.ready()
    assert httpx.get(f"{first.base}/api/write").status_code == 200
    second, third = par(package, PAR_CACHE_DIR=cache), par(package, PAR_CACHE_DIR=cache)
    for run in (second, third):
        run.ready()
        assert "written-by-the-agent" not in httpx.get(f"{run.base}/api/files").json()
    # What it imports only now, and what it wrote itself, is where it was.
    assert httpx.get(f"{first.base}/api/read").json() == {"own": "mine", "late": "late"}
    for run in (second, third, first):
        assert run.stop(signal.SIGINT) == 0
    last = par(package, PAR_CACHE_DIR=cache)
    last.ready()
    assert last.stop(signal.SIGINT) == 0
    assert not list(cache.rglob("written-by-the-agent")), "what nobody runs in any more is removed"


def test_a_cache_whose_name_others_can_guess_must_be_the_user_s_own(par, probe, runtime, tmp_path):
    """Without a home the cache lies in $TMPDIR, where someone else may have been first."""
    package = shutil.copy(probe, runtime / "p.apkg")
    user = os.geteuid() or 65534
    cache = runtime / f"par-cache-{user}"
    cache.mkdir()
    cache.chmod(0o777)  # also when it is this user's own, others could put a package there

    def become() -> None:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)

    if os.geteuid() == 0:
        runtime.chmod(0o1777)
    run = par(
        package,
        before_exec=become,
        PAR_CACHE_DIR=None,
        **{name: None for name in ("HOME", "XDG_CACHE_HOME") if name in par.environment},
    )
    assert run.exit() == 1
    failed = run.events("boot_failed")[0]
    assert f"par-cache-{user}" in failed["error"] and "\n" not in failed["error"]
    assert "docs/errors.md#cache-folder" in failed["hint"]
    assert os.listdir(cache) == []
    cache.rmdir()
    os.unlink(package)
