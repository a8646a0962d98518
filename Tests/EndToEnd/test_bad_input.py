"""Whatever is wrong: one clear sentence, a hint, exit code 1, an orderly end, nothing left."""

from __future__ import annotations

import os
import re
import socket
import stat
import struct
import zipfile

import pytest

from support import packages
from support.program import Run

HELLO = "def mount(app):\n    @app.get('/api/hello')\n    def hello(): return {'message': 'hello'}\n"


def check_failed_boot(run: Run, phase: str | None, error: str) -> dict:
    """The end that every mistake has; the error's text is matched as a regular expression."""
    code = run.exit(60)
    assert code == 1, run.report()
    failures = run.events("boot_failed")
    assert len(failures) == 1, run.report()
    failed = failures[0]
    if phase:
        assert failed["phase"] == phase, failed
    assert re.search(error, failed["error"]), failed
    sentence = failed["error"]
    assert "\n" not in sentence and len(sentence) < 600, sentence
    assert "docs/errors.md#" in failed["hint"], failed
    drain = run.events("drain")
    assert len(drain) == 1 and drain[0]["level"] == "error"
    stopped = run.events("stopped")[0]
    assert (stopped["outcome"], stopped["exit_code"]) == ("failed", 1)
    assert not run.events("runtime_ready")
    return failed


# --- configuration ---

MISTAKES = [
    ({"AGENT_APP_ID": None}, "AGENT_APP_ID", "AGENT_APP_ID missing or empty"),
    ({"AGENT_APP_ID": ""}, "AGENT_APP_ID", "AGENT_APP_ID missing or empty"),
    ({"AGENT_APP_ID": "-x"}, "AGENT_APP_ID", "AGENT_APP_ID"),
    ({"AGENT_APP_ID": "a/b"}, "AGENT_APP_ID", "AGENT_APP_ID"),
    ({"AGENT_APP_ID": "a" * 129}, "AGENT_APP_ID", "AGENT_APP_ID"),
    ({"REST_PORT": "65536"}, "REST_PORT", "65536"),
    ({"REST_PORT": "-1"}, "REST_PORT", "-1"),
    ({"REST_PORT": "http"}, "REST_PORT", "http"),
    ({"REST_PORT": "18080", "A2A_PORT": "18080"}, None, "18080"),
    ({"REST_PORT": "18080", "UI_PORT": "18080", "MULTIPLEXED": "false"}, None, "18080"),
    ({"BASE_PATH": "/a//b"}, "BASE_PATH", "BASE_PATH"),
    ({"BASE_PATH": "/a/../b"}, "BASE_PATH", "BASE_PATH"),
    ({"BASE_PATH": "/a b"}, "BASE_PATH", "BASE_PATH"),
    ({"BIND_ADDRESS": "localhost:80"}, "BIND_ADDRESS", "BIND_ADDRESS"),
    ({"MULTIPLEXED": "maybe"}, "MULTIPLEXED", "maybe"),
    ({"PACKAGE_SHA256": "abc"}, "PACKAGE_SHA256", "64"),
    ({"DEPLOYMENT_ID": "a\nb"}, "DEPLOYMENT_ID", "DEPLOYMENT_ID"),
    ({"MAX_PACKAGE_SIZE_MB": "0"}, "MAX_PACKAGE_SIZE_MB", "MAX_PACKAGE_SIZE_MB"),
    ({"FETCH_TIMEOUT_SEC": "soon"}, "FETCH_TIMEOUT_SEC", "soon"),
    ({"INSTALL_TIMEOUT_SEC": "-5"}, "INSTALL_TIMEOUT_SEC", "-5"),
    ({"LOAD_TIMEOUT_SEC": "nan"}, "LOAD_TIMEOUT_SEC", "nan"),
    ({"BOOT_BUDGET_MS": "0"}, "BOOT_BUDGET_MS", "BOOT_BUDGET_MS"),
    ({"BOOT_HARD_LIMIT_MULTIPLIER": "0.5"}, "BOOT_HARD_LIMIT_MULTIPLIER", "0.5"),
    ({"GRACEFUL_SHUTDOWN_TIMEOUT_SEC": "inf"}, "GRACEFUL_SHUTDOWN_TIMEOUT_SEC", "inf"),
    ({"GRACEFUL_SHUTDOWN_TIMEOUT_SEC": "5", "DRAIN_MIN_SEC": "5"}, "DRAIN_MIN_SEC", "DRAIN_MIN"),
    ({"WORKER_RESTARTS": "many"}, "WORKER_RESTARTS", "many"),
    ({"PAR_INSTALLER": "conda"}, "PAR_INSTALLER", "conda"),
    ({"TRUSTED_PROXIES": "10.0.0.0/99"}, "TRUSTED_PROXIES", "10.0.0.0/99"),
    ({"LOG_LEVEL": "loud"}, "LOG_LEVEL", "loud"),
    ({"PAR_MODE": "both"}, "PAR_MODE", "both"),
]


def name_of_mistake(value) -> str | None:
    if isinstance(value, dict):
        return ",".join(f"{k}={'(unset)' if v is None else v[:12]}" for k, v in value.items())
    return ""


@pytest.mark.parametrize("variables, variable, error", MISTAKES, ids=name_of_mistake)
def test_a_configuration_mistake_is_named(par, probe, variables, variable, error):
    run = par(probe, **variables)
    assert run.exit() == 1
    problems = run.events("config_error")
    assert problems, run.report()
    assert any(
        error in one["error"] and variable in (None, one["variable"]) for one in problems
    ), problems
    check_failed_boot(run, None, ".")
    drain = run.events("drain")[0]
    assert (drain["from"], drain["cause"]) == ("fetching", "configuration")
    assert not run.events("fetch")


def test_all_configuration_mistakes_are_reported_at_once(par, probe):
    run = par(probe, AGENT_APP_ID="", REST_PORT="x", BOOT_BUDGET_MS="-1", LOG_LEVEL="loud")
    assert run.exit() == 1
    named = [one["variable"] for one in run.events("config_error")]
    assert set(named) == {"AGENT_APP_ID", "REST_PORT", "BOOT_BUDGET_MS", "LOG_LEVEL"}
    assert len(named) == 4


@pytest.mark.parametrize(
    "url, error",
    [
        ("file:///tmp/a.apkg", "file:// URLs are not allowed"),
        ("ftp://example.invalid/a.apkg", "ftp"),
        ("no url", "PACKAGE_URL"),
    ],
)
def test_a_package_url_that_is_refused(par, url, error):
    run = par(PACKAGE_URL=url)
    assert run.exit() == 1
    assert any(error in one["error"] for one in run.events("config_error")), run.report()


def test_no_package_at_all(par):
    run = par()
    assert run.exit() == 1
    problems = run.events("config_error")
    assert len(problems) == 1 and "PACKAGE" in problems[0]["error"], problems


def test_a_download_is_one_clear_error_for_now(par):
    run = par(PACKAGE_URL="s3://pixell-agent-packages/a.apkg")
    check_failed_boot(run, None, "PACKAGE_URL|[Dd]ownload")


# --- packages ---


def cut(path):
    return packages.probe(path).read_bytes()


def repacked(path, edit) -> bytes:
    content = bytearray(packages.probe(path).read_bytes())
    edit(content)
    return bytes(content)


def zip_of(path, *entries) -> bytes:
    """An archive with odd members on top of a good package: (name or ZipInfo, content)."""
    packages.probe(path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as out:
        for name, content in entries:
            out.writestr(name, content)
    return path.read_bytes()


def link(name, target, mode=stat.S_IFLNK | 0o777):
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = mode << 16
    return info, target


def damage_crc(content: bytearray) -> None:
    # The stored CRC of the first real member, in the central directory.
    at = content.index(b"PK\x01\x02")
    while struct.unpack_from("<I", content, at + 20)[0] < 10:
        at = content.index(b"PK\x01\x02", at + 4)
    content[at + 16] ^= 0xFF


HOSTILE = {
    "empty file": (lambda p: b"", "."),
    "not a zip": (lambda p: b"hello, world\n" * 50, "."),
    "truncated": (lambda p: cut(p)[:-300], "."),
    "first half": (lambda p: cut(p)[: len(cut(p)) // 2], "."),
    "bytes before": (lambda p: b"#!/bin/sh\n" + cut(p), "."),
    "bytes after": (lambda p: cut(p) + b"trailing", "."),
    "wrong checksum": (lambda p: repacked(p, damage_crc), "."),
    "climbing name": (lambda p: zip_of(p, ("../evil.py", "x")), r"\.\./evil\.py"),
    "absolute name": (lambda p: zip_of(p, ("/etc/evil", "x")), "etc/evil"),
    "backslash": (lambda p: zip_of(p, ("src\\evil.py", "x")), "evil"),
    "dot part": (lambda p: zip_of(p, ("src/./evil.py", "x")), "evil"),
    "control character": (lambda p: zip_of(p, ("src/e\nvil.py", "x")), "."),
    "symbolic link": (lambda p: zip_of(p, link("src/passwd", "/etc/passwd")), "src/passwd"),
    "device": (lambda p: zip_of(p, link("src/null", "", stat.S_IFCHR | 0o666)), "src/null"),
    "setuid": (lambda p: zip_of(p, link("src/su", "x", stat.S_IFREG | 0o4755)), "src/su"),
    "same name in another case": (lambda p: zip_of(p, ("src/REST/INDEX.py", "x")), "(?i)index"),
    "the same name again": (lambda p: zip_of(p, ("src/rest/index.py", "x")), "index.py"),
    "file and folder": (lambda p: zip_of(p, ("src/rest/index.py/x", "x")), "index.py"),
    "long name": (lambda p: zip_of(p, ("src/" + "n" * 256, "x")), "."),
    "deep name": (lambda p: zip_of(p, ("d/" * 65 + "f", "x")), "."),
    "bomb": (lambda p: zip_of(p, ("big", b"\0" * (64 << 20))), "MAX_UNPACKED_SIZE_MB|unpacked"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_or_broken_archive_is_refused_and_leaves_nothing(par, tmp_path, kind):
    build, error = HOSTILE[kind]
    content = build(tmp_path / "seed.apkg")
    package = tmp_path / "bad.apkg"
    package.write_bytes(content)
    cache = tmp_path / "cache"
    run = par(package, PAR_CACHE_DIR=cache, MAX_UNPACKED_SIZE_MB=32)
    check_failed_boot(run, "verify", error)
    assert packages.file_tree(cache) == []
    assert not (tmp_path / "evil.py").exists()


def test_too_many_files(par, tmp_path):
    package = packages.probe(tmp_path / "p.apkg")
    run = par(package, PAR_CACHE_DIR=tmp_path / "cache", MAX_PACKAGE_FILES=3)
    check_failed_boot(run, "verify", "MAX_PACKAGE_FILES|files")
    assert packages.file_tree(tmp_path / "cache") == []


def test_a_wrong_hash(par, probe, tmp_path):
    cache = tmp_path / "cache"
    run = par(probe, PACKAGE_SHA256="ab" * 32, PAR_CACHE_DIR=cache)
    check_failed_boot(run, "verify", "SHA256 mismatch")
    assert packages.file_tree(cache) == []


def test_a_package_that_is_absent(par, tmp_path):
    run = par(tmp_path / "absent.apkg", PAR_CACHE_DIR=tmp_path / "cache")
    check_failed_boot(run, None, "absent.apkg")


def test_a_package_that_is_no_regular_file_is_not_waited_for(par, tmp_path):
    os.mkfifo(tmp_path / "pipe.apkg")
    run = par(tmp_path / "pipe.apkg", PAR_CACHE_DIR=tmp_path / "cache")
    check_failed_boot(run, None, "pipe.apkg")


MANIFESTS = {
    "no manifest": (None, "agent.yaml"),
    "not YAML": ("name: [unclosed\n  - x: }", "agent.yaml"),
    "a list": ("- a\n- b\n", "agent.yaml"),
    "empty": ("", "agent.yaml"),
    "no name": (packages.manifest(name=None, **packages.REST), "name"),
    "bad name": (packages.manifest(name="../x", **packages.REST), "name"),
    "nothing to serve": (packages.manifest(), "surface|entrypoint|serve"),
    "another language": (packages.manifest(runtime="node20", **packages.REST), "node20"),
    "an impossible Python": (packages.manifest(runtime="python3.99", **packages.REST), "3.99"),
    "a page that is absent": (packages.manifest(ui={"path": "pages"}), "pages"),
    "a page outside": (packages.manifest(ui={"path": "../.."}), "ui.path|leaves|outside"),
    "too many aliases": ("a: &a [x]\nb: [" + ", ".join(["*a"] * 70) + "]\nname: x\n", "alias"),
    "not UTF-8": (b"name: caf\xe9\n", "agent.yaml"),
    "too large": ("name: x\n#" + "x" * (1 << 20), "agent.yaml"),
}


@pytest.mark.parametrize("kind", MANIFESTS)
def test_a_manifest_that_cannot_be_used(par, tmp_path, kind):
    text, error = MANIFESTS[kind]
    files = packages.rest_files(HELLO)
    if text is None:
        del files["agent.yaml"]
    else:
        files["agent.yaml"] = text
    run = par(packages.archive(tmp_path / "p.apkg", files), PAR_CACHE_DIR=tmp_path / "cache")
    check_failed_boot(run, None, error)


CODE = {
    "module absent": ({"rest": {"entry": "src.nowhere:mount"}}, HELLO, "src.nowhere", None),
    "module raises": ({}, "raise RuntimeError('no database')\n", "no database", "no database"),
    "syntax error": ({}, "def mount(app:\n", "not valid Python", "index.py"),
    "import absent": ({}, "import absent_library\n" + HELLO, "absent_library", "absent_library"),
    "mount absent": ({}, "def mounts(app): pass\n", "mount", None),
    "mount is no function": ({}, "mount = 3\n", "mount", None),
    "mount raises": ({}, "def mount(app):\n    raise ValueError('bad key')\n", "bad key", "bad key"),
    "exits at import": ({}, "import os\nos._exit(3)\n", "3", None),
    "exits cleanly at import": ({}, "import os\nos._exit(0)\n", ".", None),
    "killed at import": ({}, "import os, signal\nos.kill(os.getpid(), 9)\n", "SIGKILL|9", None),
    "SystemExit at import": ({}, "raise SystemExit('usage: agent')\n", "SystemExit|exit", None),
    "entrypoint absent": ({"entrypoint": "src.rest.index:handler"}, HELLO, "handler", None),
    "start-up raises": (
        {},
        "from contextlib import asynccontextmanager\nfrom fastapi import FastAPI\n"
        "@asynccontextmanager\nasync def life(app):\n    raise OSError('no queue')\n    yield\n"
        "def mount(app): return FastAPI(lifespan=life)\n",
        "no queue",
        "no queue",
    ),
}


@pytest.mark.parametrize("kind", CODE)
def test_agent_code_that_does_not_load(par, tmp_path, kind):
    fields, module, error, detail = CODE[kind]
    package = packages.archive(tmp_path / "p.apkg", packages.rest_files(module, **fields))
    failed = check_failed_boot(par(package), "load", error)
    if detail:
        assert detail in failed["detail"]
        assert failed["detail"].strip()


def test_an_import_that_hangs_is_cut_off_with_its_stack(par, gate, tmp_path):
    package = packages.blocking_import(tmp_path / "p.apkg")
    run = par(
        package,
        BOOT_BUDGET_MS=2000,
        BOOT_HARD_LIMIT_MULTIPLIER=2,
        **gate.environment,
    )
    passage = gate.visitor()
    failed = check_failed_boot(run, "load", "hard limit|4000|import")
    assert "index.py" in failed["detail"], failed
    assert run.events("drain")[0]["cause"] == "hard_limit"
    cut_off = run.events("Boot time exceeded hard limit")[0]
    assert cut_off["hard_limit_ms"] == 4000 and cut_off["counted_ms"] >= 4000
    assert run.events("Boot time exceeded budget")
    assert passage.gone()


def test_an_import_that_hangs_meets_the_load_timeout(par, gate, tmp_path):
    package = packages.blocking_import(tmp_path / "p.apkg")
    run = par(package, LOAD_TIMEOUT_SEC=4, **gate.environment)
    gate.visitor()
    failed = check_failed_boot(run, "load", "LOAD_TIMEOUT_SEC|4 s|import")
    assert "index.py" in failed["detail"], failed


# --- requirements ---


def with_requirements(path, text):
    files = packages.rest_files(HELLO, extra={"requirements.txt": text})
    return packages.archive(path, files)


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_requirements_that_do_not_resolve_are_named(par, tmp_path, installer):
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    packages.wheel(wheels, "lefty", "1.0", ("common==1.0",))
    packages.wheel(wheels, "righty", "1.0", ("common==2.0",))
    packages.wheel(wheels, "common", "1.0")
    packages.wheel(wheels, "common", "2.0")
    package = with_requirements(tmp_path / "p.apkg", "lefty==1.0\nrighty==1.0\n")
    cache = tmp_path / "cache"
    run = par(package, PAR_CACHE_DIR=cache, WHEELHOUSE_DIR=wheels, PAR_INSTALLER=installer)
    failed = check_failed_boot(run, "install", "lefty|righty|common")
    assert "common" in failed["detail"]
    assert not [one for one in packages.file_tree(cache) if one.startswith("environments/")]


def test_a_requirement_that_nobody_has(par, tmp_path):
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    package = with_requirements(tmp_path / "p.apkg", "nobody-has-this==9.9\n")
    run = par(
        package,
        PAR_CACHE_DIR=tmp_path / "cache",
        WHEELHOUSE_DIR=wheels,
        WHEELHOUSE_ONLY="true",
    )
    check_failed_boot(run, "install", "nobody-has-this")


def test_a_requirements_line_that_is_none(par, tmp_path):
    package = with_requirements(tmp_path / "p.apkg", "this is ( not a requirement\n")
    run = par(package, PAR_CACHE_DIR=tmp_path / "cache")
    check_failed_boot(run, None, "this is|requirement")


# --- the machine around it ---


def test_a_port_in_use(par, probe):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        check_failed_boot(par(probe, REST_PORT=port), None, str(port))


def test_a_ui_port_in_use(par, probe):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = par(probe, UI_PORT=port, MULTIPLEXED="false")
        check_failed_boot(run, None, str(port))


def test_a_cache_folder_that_cannot_be_made(par, probe, tmp_path):
    (tmp_path / "file").write_text("")
    run = par(probe, PAR_CACHE_DIR=tmp_path / "file" / "cache")
    check_failed_boot(run, None, "cache")
