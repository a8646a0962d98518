"""The package's page, on the REST port and on one of its own."""

from __future__ import annotations

import httpx
import pytest

from support import packages
from support.clients import Connection

PAGE = {
    "dist/ui/index.html": "<!doctype html><title>page</title>",
    "dist/ui/app.js": "export const a = 1;\n" * 100,
    "dist/ui/assets/app-0123abcd.css": "body { margin: 0 }",
    "dist/ui/logo.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
    "src/secret.txt": "do not serve me",
}
BASE = "/agents/probe"


@pytest.fixture(scope="session")
def with_page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.apkg"
    return packages.probe(path, ui={"path": "ui"}, extra=PAGE)


@pytest.fixture(scope="session")
def page_alone(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "alone.apkg"
    files = {
        "agent.yaml": packages.manifest(
            ui={"path": "ui"}, runtime="node20", entrypoint="src.absent:handler"
        ),
        "requirements.txt": "nobody-has-this==9.9\n",
        **PAGE,
    }
    return packages.archive(path, files)


def test_the_page_is_served_under_the_base_path(par, with_page):
    run = par(with_page)
    ready = run.ready()
    assert ready["ui_port"] in (None, ready["rest_port"])
    with httpx.Client(base_url=run.base + BASE) as client:
        page = client.get("/ui/")
        assert "page" in page.text and "no-cache" in page.headers["cache-control"]
        script = client.get("/ui/app.js")
        assert script.headers["content-type"].startswith("text/javascript")
        tag = script.headers["etag"]
        assert client.get("/ui/app.js", headers={"If-None-Match": tag}).status_code == 304
        part = client.get("/ui/app.js", headers={"Range": "bytes=0-5"})
        assert (part.status_code, part.text) == (206, "export")
        hashed = client.get("/ui/assets/app-0123abcd.css")
        assert "immutable" in hashed.headers["cache-control"]
        # A route of the page's own router is the page; a missing asset is not.
        assert client.get("/ui/settings/profile").text == page.text
        assert client.get("/ui/missing.js").status_code == 404
        assert client.get("/ui/health").json()["ok"] is True
        assert client.get("/ui-config.json").json() == {"apiBase": f"{BASE}/api"}
    assert run.stop() == 0


@pytest.mark.parametrize(
    "path",
    [
        "/ui/../src/secret.txt",
        "/ui/%2e%2e/src/secret.txt",
        "/ui/..%2fsrc/secret.txt",
        "/ui/..%2f..%2fsrc%2fsecret.txt",
        "/ui/....//src/secret.txt",
        "/ui//etc/passwd",
        "/ui/%5c..%5c..%5csrc%5csecret.txt",
        "/ui/%252e%252e/src/secret.txt",
        "/ui/assets/%2e%2e/%2e%2e/%2e%2e/src/secret.txt",
    ],
)
def test_nothing_outside_the_folder_is_read(par, with_page, path):
    run = par(with_page)
    run.ready()
    with Connection(run.port) as client:
        client.request(BASE + path)
        status, _, body = client.response()
        assert b"do not serve" not in body and b"root:" not in body
        assert status in (400, 404) or b"<title>page" in body
    assert run.stop() == 0


def test_a_port_of_its_own(par, with_page):
    run = par(with_page, MULTIPLEXED="false")
    ready = run.ready()
    assert ready["ui_port"] and ready["ui_port"] != ready["rest_port"]
    ui, rest = f"http://127.0.0.1:{ready['ui_port']}", f"http://127.0.0.1:{ready['rest_port']}"
    assert "page" in httpx.get(f"{ui}{BASE}/ui/").text
    assert httpx.get(f"{ui}{BASE}/ui-config.json").json() == {"apiBase": f"{BASE}/api"}
    assert httpx.get(f"{ui}{BASE}/api/hello").json()["message"] == "hello"
    assert httpx.get(f"{ui}/health").status_code == 200
    assert httpx.get(f"{rest}{BASE}/ui/").status_code == 404
    assert httpx.get(f"{rest}{BASE}/api/hello").status_code == 200
    assert run.stop() == 0


def test_a_package_with_nothing_but_a_page_starts_no_python(par, page_alone):
    run = par(page_alone)
    run.ready()
    assert httpx.get(f"{run.base}/health").json()["surfaces"] == {"ui": True}
    assert "page" in httpx.get(f"{run.base}{BASE}/ui/").text
    assert not run.events("worker_started")
    assert run.stop() == 0


@pytest.mark.parametrize("base, prefix", [("/", ""), ("deep/er/", "/deep/er")])
def test_another_base_path(par, with_page, base, prefix):
    run = par(with_page, BASE_PATH=base)
    run.ready()
    assert "page" in httpx.get(f"{run.base}{prefix}/ui/").text
    assert httpx.get(f"{run.base}{prefix}/ui-config.json").json() == {"apiBase": f"{prefix}/api"}
    assert httpx.get(f"{run.base}{prefix}/api/hello").status_code == 200
    assert httpx.get(f"{run.base}/agents/probe/health").status_code == 200
    assert run.stop() == 0
