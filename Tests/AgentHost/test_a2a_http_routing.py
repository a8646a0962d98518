"""Where an A2A application answers, beside REST, `/invoke` and itself."""

import json

import pytest

from conftest import BASE_PATH, PYTHON, WAIT_SEC

ECHO = """
import json
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route, WebSocketRoute

def seen(name):
    async def answer(request):
        return JSONResponse({"app": name, "root_path": request.scope["root_path"],
                             "path": request.scope["path"], "body": (await request.body()).decode(),
                             "draining": request.state.draining.is_set()})
    return answer

def application(name, *paths, methods=("GET", "POST")):
    return Starlette(routes=[Route(path, seen(name), methods=list(methods)) for path in paths])

def opaque(app):
    async def middleware(scope, receive, send):
        await app(scope, receive, send)
    return middleware
"""


@pytest.fixture
def served(package, host):
    def start(code, **configuration):
        one = host(
            package({"echo.py": ECHO, "main.py": "from echo import *\n" + code}), **configuration
        )
        one.ready()
        return one

    return start


def app_of(response):
    return response.json().get("app") if response.status_code == 200 else response.status_code


@pytest.mark.parametrize("wrapped", ["app", "opaque(app)"])
def test_below_a2a_is_the_application_itself(served, wrapped):
    one = served(
        "app = application('a2a', '/', '/stream', '/.well-known/agent-card.json')\nserved = %s\n"
        % wrapped,
        a2a_http_server="main:served",
    )
    for path, root, full in (
        ("/a2a", BASE_PATH + "/a2a", BASE_PATH + "/a2a/"),
        ("/a2a/", BASE_PATH + "/a2a", BASE_PATH + "/a2a/"),
        ("/a2a/stream", BASE_PATH + "/a2a", BASE_PATH + "/a2a/stream"),
        ("/stream", BASE_PATH, BASE_PATH + "/stream"),
        ("/", BASE_PATH, BASE_PATH + "/"),
    ):
        seen = one.post(path, content=b"hello").json()
        assert (seen["root_path"], seen["path"], seen["body"]) == (root, full, "hello")
        assert seen["draining"] is False
    assert one.post("/a2a/none").status_code == 404
    assert one.post("/none").status_code == 404


def test_without_a_base_path(served):
    one = served("app = application('a2a', '/')\n", a2a_http_server="main:app", base_path="")
    seen = one.post("/a2a").json()
    assert (seen["root_path"], seen["path"]) == ("/a2a", "/a2a/")


@pytest.mark.parametrize("wrapped", ["app", "opaque(app)"])
def test_an_application_with_routes_below_a2a_of_its_own(served, wrapped):
    one = served(
        "app = application('a2a', '/a2a', '/a2a/stream')\nserved = %s\n" % wrapped,
        a2a_http_server="main:served",
    )
    for path in ("/a2a", "/a2a/stream"):
        seen = one.post(path, content=b"hello").json()
        assert (seen["root_path"], seen["path"]) == (BASE_PATH, BASE_PATH + path)
        assert seen["body"] == "hello"


@pytest.mark.parametrize("wrapped", ["app", "opaque(app)"])
@pytest.mark.parametrize("known", ["agent-card.json", "agent.json"])
def test_either_name_of_the_card_finds_the_one_there_is(served, wrapped, known):
    one = served(
        "app = application('a2a', '/', '/.well-known/%s')\nserved = %s\n" % (known, wrapped),
        a2a_http_server="main:served",
    )
    for asked in ("agent-card.json", "agent.json"):
        assert one.get("/.well-known/" + asked).json()["path"].endswith(known)
    assert one.get("/a2a/.well-known/" + known).json()["root_path"] == BASE_PATH + "/a2a"


@pytest.mark.parametrize("size, stands", [(65536, True), (65537, False)])
def test_a_404_of_the_applications_own_stands(served, size, stands):
    """Its answer to the path without `/a2a`, though it was asked for that with it, too."""
    one = served(
        """
async def missing(request):
    return PlainTextResponse("m" * %d, status_code=404 if request.scope["root_path"].endswith("/a2a") else 200)
async def other(request):
    return JSONResponse({"app": "unmounted"})
app = opaque(Starlette(routes=[Route("/task", missing), Route("/a2a/other", other)]))
"""
        % size,
        a2a_http_server="main:app",
    )
    response = one.get("/a2a/task")
    assert response.status_code == 404
    # Too long to be kept: the answer to the second way stands.
    assert response.text == ("m" * size if stands else "Not Found")
    assert app_of(one.get("/a2a/other")) == "unmounted"


BESIDE = """
rest = application('rest', '/', '/api', '/a2a/rest', '/.well-known/other')
a2a = application('a2a', '/', '/api', '/only', '/.well-known/agent-card.json', '/.well-known/other')
a2a_opaque = opaque(a2a)
rest_opaque = opaque(rest)
def handler(data): return {"app": "invoke"}
"""


@pytest.mark.parametrize("a2a", ["a2a", "a2a_opaque"])
@pytest.mark.parametrize("rest", ["rest", "rest_opaque"])
def test_rest_has_its_routes_and_a2a_the_others(served, a2a, rest):
    one = served(
        BESIDE,
        a2a_http_server="main:" + a2a,
        http_server="main:" + rest,
        entrypoint="main:handler",
    )
    for path, answers in (
        ("/a2a", "a2a"),
        ("/a2a/only", "a2a"),
        ("/a2a/rest", "rest"),
        ("/a2a/none", 404),
        ("/.well-known/agent-card.json", "a2a"),
        ("/.well-known/agent.json", "a2a"),
        ("/.well-known/other", "rest"),
        ("/", "rest"),
        ("/api", "rest"),
        ("/only", "a2a"),
        ("/none", 404),
        ("/a2ab", 404),
    ):
        assert app_of(one.get(path)) == answers, path
    assert app_of(one.post("/invoke", json={})) == "invoke"


def test_invoke_comes_before_an_application_that_takes_everything(served):
    one = served(
        "a2a = application('a2a', '/{rest:path}')\ndef handler(data): return {'app': 'invoke'}\n",
        a2a_http_server="main:a2a",
        entrypoint="main:handler",
    )
    assert app_of(one.post("/invoke", json={})) == "invoke"
    assert app_of(one.post("/other")) == "a2a"


def test_handlers_beside_rest(served):
    one = served(
        "rest = application('rest', '/', '/api')\n"
        "def service(): return {'custom_handlers': {'f': lambda p: 'x'}}\n",
        a2a_service="main:service",
        http_server="main:rest",
    )
    assert app_of(one.get("/")) == "rest" and app_of(one.get("/api")) == "rest"
    assert one.get("/a2a").status_code == 405
    assert one.get("/.well-known/agent.json").json()["name"] == "tester"
    call = {"jsonrpc": "2.0", "id": 1, "method": "tasks/get", "params": {"id": "x"}}
    assert one.post("/a2a", json=call).json()["error"]["code"] == -32001
    # The REST application's own root is not a call's place.
    assert app_of(one.post("/", json=call)) == "rest"


def test_one_application_for_both(served):
    one = served(
        "app = application('both', '/', '/api')\n",
        a2a_http_server="main:app",
        http_server="main:app",
    )
    assert one.get("/a2a").json()["root_path"] == BASE_PATH + "/a2a"
    assert one.get("/api").json()["root_path"] == BASE_PATH


def test_the_lifespan_of_the_application_runs(served):
    one = served(
        """
import contextlib

@contextlib.asynccontextmanager
async def lifespan(app):
    print("up", flush=True)
    yield {"word": "hello"}
    print("down", flush=True)

async def word(request): return PlainTextResponse(request.state.word)
app = Starlette(routes=[Route("/", word)], lifespan=lifespan)
""",
        a2a_http_server="main:app",
    )
    assert one.get("/a2a").text == "hello"
    assert one.stop() == 0
    one.until_stdout("down")
    assert one.everything()["stdout"].split() == ["up", "down"]


def test_a_websocket_below_a2a(served):
    websockets = pytest.importorskip("websockets.sync.client")
    import subprocess

    if subprocess.run([PYTHON, "-c", "import websockets"], capture_output=True).returncode:
        pytest.skip("the interpreter under test has no websockets")
    one = served(
        """
async def talk(socket):
    await socket.accept()
    await socket.send_text(json.dumps([socket.scope["root_path"], await socket.receive_text()]))
    await socket.close()
app = Starlette(routes=[WebSocketRoute("/ws", talk)])
""",
        a2a_http_server="main:app",
    )
    with websockets.unix_connect(one.socket_path, "ws://agent.test/a2a/ws") as socket:
        socket.send("hi")
        assert json.loads(socket.recv(timeout=WAIT_SEC)) == [BASE_PATH + "/a2a", "hi"]
