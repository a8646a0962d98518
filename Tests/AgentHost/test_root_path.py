"""The agent sees the path without the base path as its route, and the base path as root_path."""

import pytest

from conftest import BASE_PATH

APP = """
from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import RedirectResponse
from starlette.staticfiles import StaticFiles

def mount(app):
    @app.get("/api/scope", name="scope")
    def scope(request: Request):
        return {"path": request.scope["path"], "root_path": request.scope["root_path"],
                "raw_path": request.scope["raw_path"].decode(), "query": request.url.query,
                "url": str(request.url), "base_url": str(request.base_url),
                "url_for": str(request.url_for("item", number=3)), "client": request.client and request.client.host,
                "scheme": request.url.scheme, "static": str(request.url_for("files", path="/a.txt"))}
    @app.get("/api/item/{number}", name="item")
    def item(number: int): return number
    @app.get("/api/text/{text:path}")
    def text(text: str): return text
    @app.get("/api/slash/")
    def slash(): return 1
    app.mount("/files", StaticFiles(directory="files"), name="files")
    sub = FastAPI()
    @sub.get("/deep", name="deep")
    def deep(request: Request):
        return {"root_path": request.scope["root_path"], "url": str(request.url), "url_for": str(request.url_for("deep"))}
    app.mount("/sub", sub)
    @app.websocket("/api/ws")
    async def ws(socket: WebSocket):
        await socket.accept()
        await socket.send_text(socket.scope["root_path"] + " " + await socket.receive_text())
        await socket.close()
"""


@pytest.fixture
def one(package, host):
    started = host(package({"main.py": APP, "files/a.txt": "hello"}), rest_entry="main:mount")
    started.ready()
    return started


def test_the_scope(one):
    headers = {
        "host": "example.com",
        "x-forwarded-for": "203.0.113.9",
        "x-forwarded-proto": "https",
    }
    seen = one.get("/api/scope?a=1", headers=headers).json()
    base = "https://example.com" + BASE_PATH
    assert seen == {
        "path": BASE_PATH + "/api/scope",
        "root_path": BASE_PATH,
        "raw_path": BASE_PATH + "/api/scope",
        "query": "a=1",
        "url": base + "/api/scope?a=1",
        "base_url": base + "/",
        "url_for": base + "/api/item/3",
        "client": "203.0.113.9",
        "scheme": "https",
        "static": base + "/files/a.txt",
    }


def test_a_mounted_application(one):
    seen = one.get("/sub/deep", headers={"host": "example.com"}).json()
    base = "http://example.com" + BASE_PATH + "/sub"
    assert seen["root_path"] == BASE_PATH + "/sub"
    assert seen["url"] == base + "/deep"


def test_static_files(one):
    assert one.get("/files/a.txt").text == "hello"
    assert one.get("/files/b.txt").status_code == 404


def test_a_redirect_for_a_missing_slash_keeps_the_base_path(one):
    response = one.get("/api/slash", headers={"host": "example.com"})
    assert response.status_code == 307
    assert response.headers["location"] == "http://example.com" + BASE_PATH + "/api/slash/"


def test_the_documentation_names_the_base_path(one):
    assert one.get("/openapi.json").json()["servers"] == [{"url": BASE_PATH}]
    assert one.get("/openapi.json").json()["info"]["version"] == "1.2.3"
    assert BASE_PATH + "/openapi.json" in one.get("/docs").text


@pytest.mark.parametrize("path", ["/agents/tester/x", "a%20b", "a/b", "%ED%95%9C"])
def test_paths_are_passed_on_as_they_are(one, path):
    from urllib.parse import unquote

    assert one.get("/api/text/" + path).json() == unquote(path)


def test_a_route_like_the_base_path_is_no_base_path(one):
    """The socket never carries the base path, so a path that begins like it is the agent's own."""
    assert one.get(BASE_PATH + "/api/item/1").status_code == 404


def test_without_a_base_path(package, host):
    started = host(
        package({"main.py": APP, "files/a.txt": "hello"}), rest_entry="main:mount", base_path=""
    )
    started.ready()
    assert started.get("/api/scope").json()["path"] == "/api/scope"


def test_a_websocket(one):
    websockets = pytest.importorskip("websockets.sync.client")
    import subprocess

    from conftest import PYTHON

    if subprocess.run([PYTHON, "-c", "import websockets"], capture_output=True).returncode:
        pytest.skip("the interpreter under test has no websockets")
    with websockets.unix_connect(one.socket_path, "ws://agent.test/api/ws") as socket:
        socket.send("hi")
        assert socket.recv() == BASE_PATH + " hi"
