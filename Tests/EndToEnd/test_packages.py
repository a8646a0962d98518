"""Packages by the real kits boot and answer on every surface they have."""

from __future__ import annotations

import os
from pathlib import Path

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from support import packages
from support.program import REPOSITORY, Run

SAMPLES = Path(os.environ.get("PAR_SAMPLES", REPOSITORY.parent / "shared/packages"))
samples = sorted(SAMPLES.glob("*.apkg"))


def check_surfaces(run: Run, package: Path) -> None:
    """Every surface of the manifest answers, and only those are reported."""
    manifest = packages.manifest_of(package)
    ready = run.ready(deadline=120)
    base = f"http://127.0.0.1:{ready['rest_port']}"
    prefix = "/agents/probe"
    with grpc.insecure_channel(f"127.0.0.1:{ready['a2a_port']}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        answer = health.Check(health_pb2.HealthCheckRequest(), timeout=20)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING

    with httpx.Client(base_url=base, timeout=20) as client:
        health = client.get("/health")
        assert health.status_code == 200
        body = health.json()
        assert body["ok"] is True and body["state"] == "ready"
        has_ui, has_rest = "ui" in manifest, "rest" in manifest or "http_server" in manifest
        assert ("a2a" in body["surfaces"]) == ("a2a" in manifest)
        a2a = client.get(f"{prefix}/a2a/health")
        assert a2a.status_code == (200 if "a2a" in manifest else 404)
        assert ("ui" in body["surfaces"]) == has_ui
        assert ("rest" in body["surfaces"]) == has_rest
        for path in (f"{prefix}/health", "/livez", "/metrics"):
            assert client.get(path).status_code == 200
        assert client.get("/agents/another/health").status_code == 404

        meta = client.get(f"{prefix}/meta").json()
        assert meta["name"] == manifest["name"]
        assert meta["version"] == str(manifest["metadata"]["version"])
        assert meta["boot"]["total_ms"] > 0

        if has_rest:
            for path in (f"{prefix}/api/hello", "/api/hello"):
                answer = client.get(path)
                assert answer.status_code == 200, answer.text
                assert answer.json()["message"]
        else:
            assert client.get(f"{prefix}/api/hello").status_code == 404
        if has_ui:
            page = client.get(f"{prefix}/ui/")
            assert page.status_code == 200
            assert page.headers["content-type"].startswith("text/html")
            assert client.get(f"{prefix}/ui-config.json").json() == {"apiBase": f"{prefix}/api"}
            redirect = client.get(f"{prefix}/ui")
            assert redirect.is_redirect and redirect.headers["location"].endswith(f"{prefix}/ui/")
        else:
            assert client.get(f"{prefix}/ui/health").status_code == 404

        ui_alone = has_ui and not has_rest and "a2a" not in manifest
        if ui_alone:
            assert not run.events("worker_started")
            assert not run.events("install", installer="uv")
        elif "entrypoint" in manifest:
            answer = client.post(f"{prefix}/invoke", json={"text": "hello"})
            assert answer.status_code == 200, answer.text
            assert "hello" in answer.text
        if "init" in package.stem:
            # The templates' function is a stub that opens nothing.
            assert bool(run.events("warning", code="a2a_stub")) == ("a2a" in manifest)


@pytest.mark.skipif(not samples, reason="no sample packages: PAR_SAMPLES names their folder")
@pytest.mark.parametrize("package", samples, ids=lambda path: path.stem)
def test_a_package_built_by_the_kits_boots_and_answers(par, package):
    run = par(package, INSTALL_TIMEOUT_SEC=120)
    check_surfaces(run, package)
    assert run.stop() == 0
    assert run.stopped["outcome"] == "clean"


@pytest.mark.parametrize("surfaces", [(), ("rest",), ("ui",), ("a2a", "rest")], ids="-".join)
def test_a_fresh_pixell_kit_template_boots_and_answers(par, kit_template, surfaces):
    package = kit_template(*surfaces)
    run = par(package, INSTALL_TIMEOUT_SEC=120)
    check_surfaces(run, package)
    assert run.stop() == 0


@pytest.fixture(params=["hello", "handlers", "streaming"])
def example(request) -> Path:
    package = REPOSITORY / f"examples/{request.param}.apkg"
    if not package.exists():
        pytest.fail(f"{package} is not there: make examples")
    return package


def test_an_example_boots(par, example):
    run = par(example)
    ready = run.ready()
    install = run.events("install")[0]
    # A newcomer's first boot must not wait for an installer.
    assert install["environment"]["cache"] == "none"
    base = f"http://127.0.0.1:{ready['rest_port']}/agents/probe"
    if example.stem == "hello":
        assert httpx.get(f"{base}/api/hello?name=Ada").json()["message"] == "Hello, Ada!"
        answer = httpx.post(f"{base}/api/hello", json={"name": "Grace"})
        assert answer.json()["message"] == "Hello, Grace!"
        assert "app.js" in httpx.get(f"{base}/ui/").text
        assert httpx.get(f"{base}/ui/app.js").headers["content-type"].startswith("text/javascript")
    elif example.stem == "handlers":
        request = {"action": "count_words", "parameters": {"text": "to be or not to be"}}
        assert httpx.post(f"{base}/invoke", json=request).json()["result"]["words"] == 6
        refused = httpx.post(f"{base}/invoke", json={"action": "dance"})
        assert refused.status_code == 500
        assert "Traceback" not in refused.text
    else:
        with httpx.stream("GET", f"{base}/api/answer?text=a+b&pause=0") as answer:
            lines = [line for line in answer.iter_lines() if line.startswith("data")]
        assert lines == ['data: {"word": "a"}', 'data: {"word": "b"}', "data: {}"]
    assert run.stop() == 0


def test_an_unpacked_folder_is_a_package_too(par, probe, tmp_path):
    folder = packages.folder(tmp_path / "unpacked", {
        name: content for name, content in packages.members(probe).items() if not name.endswith("/")
    })  # fmt: skip
    run = par(folder)
    run.ready()
    assert httpx.get(f"{run.base}/api/hello").status_code == 200
    assert run.events("install")[0]["package"]["sha256"] is None
    assert run.stop() == 0


def test_the_argument_wins_over_the_package_path(par, probe, tmp_path):
    run = par(probe, AGENT_PACKAGE_PATH=tmp_path / "absent.apkg")
    run.ready()
    assert run.stop() == 0


def test_the_package_path_names_the_package(par, probe):
    run = par(AGENT_PACKAGE_PATH=probe)
    run.ready()
    assert run.stop() == 0


def test_no_command_means_run(par, probe):
    from support.program import PROGRAM

    run = par(command=[str(PROGRAM)], AGENT_PACKAGE_PATH=probe)
    run.ready()
    assert run.stop() == 0


def test_a_right_hash_is_accepted_in_either_case(par, probe):
    import hashlib

    digest = hashlib.sha256(probe.read_bytes()).hexdigest()
    run = par(probe, PACKAGE_SHA256=digest.upper())
    run.ready()
    assert run.events("install")[0]["package"]["sha256"] == digest
    assert httpx.get(f"{run.base}/agents/probe/meta").json()["sha256"] == digest
    assert run.stop() == 0
