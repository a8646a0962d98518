"""Packages that pixell-kit and pixell-sdk really built, with their Python surfaces."""

import json
import os
import pathlib
import subprocess
import zipfile

import pytest

from agent_messages import Caller
from conftest import PYTHON, REPOSITORY

FOLDER = next(
    (
        folder / "shared" / "packages"
        for folder in REPOSITORY.parents
        if (folder / "shared" / "packages").is_dir()
    ),
    pathlib.Path(os.environ.get("PAR_TEST_PACKAGES", "/nonexistent")),
)
#: One of each shape: the end-to-end tests boot them all.
SHAPES = ("-custom-", "-init-all", "-init-a2a-ui", "kit0412-init-rest-only")
PACKAGES = sorted(path for path in FOLDER.glob("*.apkg") if any(shape in path.stem for shape in SHAPES))


def _manifest(root):
    """The few keys needed, read as the producers write them: two-space indentation, plain scalars."""
    found, section = {}, ""
    for line in (root / "agent.yaml").read_text().splitlines():
        key, colon, value = line.strip().partition(":")
        if not colon or line.startswith(("#", "-")):
            continue
        if not line.startswith(" "):
            section = key
            found[key] = value.strip().strip("'\"")
        else:
            found[section + "." + key] = value.strip().strip("'\"")
    return found


def _is_importable(name):
    return subprocess.run([PYTHON, "-c", "import " + name], capture_output=True).returncode == 0


@pytest.mark.skipif(not PACKAGES, reason="no real packages beside the repository")
@pytest.mark.parametrize("archive", PACKAGES, ids=lambda path: path.stem)
def test_a_real_package_answers(archive, tmp_path, host):
    with zipfile.ZipFile(archive) as source:
        source.extractall(tmp_path)
    manifest = _manifest(tmp_path)
    configuration = {
        "rest_entry": manifest.get("rest.entry"),
        "http_server": manifest.get("http_server"),
        "entrypoint": manifest.get("entrypoint"),
        "a2a_service": manifest.get("a2a.service"),
        "a2a_entry": manifest.get("a2a.entry"),
        "a2a_http_server": manifest.get("a2a.http_server"),
    }
    if not any(configuration.values()):
        pytest.skip("no Python surface")
    requirements = tmp_path / "requirements.txt"
    for line in requirements.read_text().splitlines() if requirements.exists() else ():
        name = line.split(">=")[0].strip()
        module = {"pixell-sdk": "pixell.sdk"}.get(name, name)
        if name and name != "watchdog" and not _is_importable(module):
            pytest.skip("the interpreter under test has no " + name)
    one = host(tmp_path, **configuration)
    surfaces = one.ready()
    if configuration["rest_entry"]:
        assert surfaces["rest"]
        assert "message" in one.get("/api/hello").json() or "bench" in archive.stem
    if configuration["http_server"]:
        assert one.get("/.well-known/agent.json").status_code == 200
    if configuration["entrypoint"]:
        assert surfaces["entrypoint"]
        assert one.post("/invoke", json={"text": "hi"}).status_code == 200
    if any(configuration[name] for name in ("a2a_service", "a2a_entry", "a2a_http_server")):
        _check_a2a(one, surfaces, archive.stem)
    assert one.stop() == 0


def _check_a2a(one, surfaces, name):
    """What each kind of package does: the templates are stubs, the others give handlers."""
    assert surfaces["a2a"]
    told = json.loads(one.notifications[-1]["X_PAR_A2A"])
    is_stub = "-init-" in name
    assert told == {"grpc": "unix", "http": not is_stub}
    assert [warning["code"] for warning in one.warnings()] == (["a2a_stub"] if is_stub else [])
    caller = Caller("unix:" + one.a2a_socket_path)
    methods = caller.methods()
    answer = caller.invoke("echo", text="hi")
    caller.close()
    assert ("echo" in methods) is not is_stub
    assert (answer.result, answer.error) == (
        ("", "No handler found for action: echo") if is_stub else ("hi", "")
    )
