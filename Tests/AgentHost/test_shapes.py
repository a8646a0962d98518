"""Every accepted shape of `rest.entry` and `http_server` answers requests."""

import pytest

MOUNT = (
    "def {name}(app):\n    @app.get('/api/hello')\n    def hello(): return {{'from': 'agent'}}\n"
)
FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n@app.get('/api/hello')\ndef hello(): return {'from': 'agent'}\n"
ROUTER = (
    "from fastapi import APIRouter\nrouter = APIRouter()\n"
    "@router.get('/api/hello')\ndef hello(): return {'from': 'agent'}\n"
)
BARE = (
    "import json\n"
    "async def bare(scope, receive, send):\n"
    "    assert scope['type'] == 'http'\n"
    "    route = scope['path'][len(scope['root_path']):]\n"
    "    status = 200 if route == '/api/hello' else 404\n"
    "    await send({'type': 'http.response.start', 'status': status,\n"
    "                'headers': [(b'content-type', b'application/json')]})\n"
    "    await send({'type': 'http.response.body', 'body': json.dumps({'from': 'agent'}).encode()})\n"
)
STARLETTE = (
    "from starlette.applications import Starlette\n"
    "from starlette.responses import JSONResponse\n"
    "from starlette.routing import Route\n"
    "async def hello(request): return JSONResponse({'from': 'agent'})\n"
    "app = Starlette(routes=[Route('/api/hello', hello)])\n"
)

REST_SHAPES = {
    "a function that takes the application": (
        "main:setup",
        {"main.py": MOUNT.format(name="setup")},
    ),
    "a module alone, which means mount": (
        "src.rest.index",
        {"src/rest/index.py": MOUNT.format(name="mount")},
    ),
    "an async function": ("main:mount", {"main.py": "async " + MOUNT.format(name="mount")}),
    "a function that returns its application": (
        "main:mount",
        {"main.py": MOUNT.format(name="mount") + "    return app\n"},
    ),
    "a function that returns an application of its own": (
        "main:mount",
        {"main.py": FASTAPI + "own = app\ndef mount(app): return own\n"},
    ),
    "a function that returns a bare ASGI application": (
        "main:mount",
        {"main.py": BARE + "def mount(app): return bare\n"},
    ),
    "a function that returns a router": (
        "main:mount",
        {"main.py": ROUTER + "def mount(app): return router\n"},
    ),
    "a function that includes a router and returns it too": (
        "main:mount",
        {
            "main.py": ROUTER
            + "def mount(app):\n    app.include_router(router)\n    return router\n"
        },
    ),
    "a function that mounts an application and returns it": (
        "main:mount",
        {
            "main.py": FASTAPI.replace("/api/hello", "/hello")
            + "own = app\ndef mount(app):\n    app.mount('/api', own)\n    return own\n"
        },
    ),
    "a factory without arguments": (
        "main:create",
        {"main.py": FASTAPI + "def create(): return app\n"},
    ),
    "an async factory": ("main:create", {"main.py": FASTAPI + "async def create(): return app\n"}),
    "a factory with an option": (
        "main:create",
        {"main.py": FASTAPI + "def create(settings=None): return app\n"},
    ),
    "a mount with a default": (
        "main:mount",
        {"main.py": MOUNT.format(name="mount").replace("(app)", "(app=None)")},
    ),
    "a factory that returns a router": (
        "main:create",
        {"main.py": ROUTER + "def create(): return router\n"},
    ),
    "a factory that returns a Starlette application": (
        "main:create",
        {"main.py": STARLETTE + "def create(): return app\n"},
    ),
    "an application": ("main:app", {"main.py": FASTAPI}),
    "a router": ("main:router", {"main.py": ROUTER}),
    "an object's method": (
        "main:agent.mount",
        {
            "main.py": "class Agent:\n    def mount(self, app):\n        app.get('/api/hello')(lambda: {'from': 'agent'})\nagent = Agent()\n"
        },
    ),
    "a package's __init__": ("api:mount", {"api/__init__.py": MOUNT.format(name="mount")}),
    "a package beneath src": (
        "my_agent.api:mount",
        {
            "src/my_agent/__init__.py": "",
            "src/my_agent/api.py": "from my_agent.words import word\n" + MOUNT.format(name="mount"),
            "src/my_agent/words.py": "word = 'x'\n",
        },
    ),
    "a module that the build moved to dist": (
        "rest.index",
        {"dist/rest/index.py": MOUNT.format(name="mount")},
    ),
    "a module that used asyncio.run": (
        "main:mount",
        {"main.py": "import asyncio\nasyncio.run(asyncio.sleep(0))\n" + MOUNT.format(name="mount")},
    ),
    "a function that starts a task": (
        "main:mount",
        {
            "main.py": "import asyncio\n"
            + MOUNT.format(name="mount")
            + "    asyncio.create_task(asyncio.sleep(3600))\n"
        },
    ),
}


@pytest.mark.parametrize("shape", REST_SHAPES)
def test_rest_entry_may_be(shape, package, host):
    entry, files = REST_SHAPES[shape]
    one = host(package(files), rest_entry=entry)
    assert one.ready() == {"rest": True}
    assert one.get("/api/hello").json() == {"from": "agent"}
    assert one.get("/nothing").status_code == 404
    assert one.stop() == 0


HTTP_SERVER_SHAPES = {
    "an application": ("main:app", {"main.py": FASTAPI}),
    "a module alone, which means app": ("main", {"main.py": FASTAPI}),
    "a factory": ("main:create", {"main.py": FASTAPI + "def create(): return app\n"}),
    "an async factory": ("main:create", {"main.py": FASTAPI + "async def create(): return app\n"}),
    "a bare ASGI application": ("main:bare", {"main.py": BARE}),
    "an object with an async __call__": (
        "main:bare",
        {
            "main.py": BARE.replace("async def bare(", "async def answer(")
            + "class Bare:\n    async def __call__(self, scope, receive, send): await answer(scope, receive, send)\nbare = Bare()\n"
        },
    ),
    "a class that is a factory": (
        "main:Bare",
        {
            "main.py": BARE.replace("async def bare(", "async def answer(")
            + "class Bare:\n    async def __call__(self, scope, receive, send): await answer(scope, receive, send)\n"
        },
    ),
    "a router": ("main:router", {"main.py": ROUTER}),
}


@pytest.mark.parametrize("shape", HTTP_SERVER_SHAPES)
def test_http_server_may_be(shape, package, host):
    entry, files = HTTP_SERVER_SHAPES[shape]
    one = host(package(files), http_server=entry)
    assert one.ready() == {"rest": True}
    assert one.get("/api/hello").json() == {"from": "agent"}
    assert one.get("/nothing").status_code == 404


def test_a_bare_name_that_is_no_module_is_a_function_of_the_entrypoints_module(package, host):
    root = package({"main.py": MOUNT.format(name="routes") + "def handler(data): return data\n"})
    one = host(root, rest_entry="routes", entrypoint="main:handler")
    assert one.ready() == {"rest": True, "entrypoint": True}
    assert one.get("/api/hello").json() == {"from": "agent"}


def test_a_bare_name_that_is_a_module_means_the_module(package, host):
    root = package(
        {"main.py": "def handler(data): return data\n", "routes.py": MOUNT.format(name="mount")}
    )
    one = host(root, rest_entry="routes", entrypoint="main:handler")
    one.ready()
    assert one.get("/api/hello").json() == {"from": "agent"}


TWO = (
    "from fastapi import FastAPI\n"
    "app = FastAPI()\n"
    "@app.get('/api/hello')\ndef hello(): return 'server'\n"
    "@app.get('/api/more/')\ndef more(): return 'server'\n"
    "@app.post('/api/item')\ndef item(): return 'server'\n"
    "@app.post('/invoke')\ndef invoke(): return 'server'\n"
)


class TestTogether:
    """`rest.entry` first, then `http_server`, then `/invoke`."""

    @pytest.fixture
    def both(self, package, host):
        root = package(
            {
                "main.py": TWO + "def mount(app):\n"
                "    app.get('/api/hello')(lambda: 'rest')\n"
                "    app.get('/api/item')(lambda: 'rest')\n"
                "def handler(data): return 'entrypoint'\n"
            }
        )
        one = host(root, rest_entry="main:mount", http_server="main:app", entrypoint="main:handler")
        one.ready()
        return one

    @pytest.mark.parametrize(
        "method, path, status, body",
        [
            ("GET", "/api/hello", 200, "rest"),
            ("GET", "/api/more/", 200, "server"),
            ("POST", "/api/item", 200, "server"),
            ("GET", "/api/item", 200, "rest"),
            ("DELETE", "/api/item", 405, None),
            ("POST", "/invoke", 200, "server"),
            ("GET", "/nothing", 404, None),
            ("GET", "/api/more", 307, None),
            ("GET", "/docs", 200, None),
        ],
    )
    def test_who_answers(self, both, method, path, status, body):
        with both.client() as client:
            response = client.request(method, path)
        assert response.status_code == status
        if body is not None:
            assert response.json() == body

    def test_an_application_that_cannot_be_asked_is_asked_by_the_request(self, package, host):
        files = {"main.py": BARE + "def mount(app): return bare\ndef handler(data): return data\n"}
        one = host(package(files), rest_entry="main:mount", entrypoint="main:handler")
        one.ready()
        assert one.get("/api/hello").json() == {"from": "agent"}
        assert one.get("/nothing").status_code == 404
        assert one.post("/invoke", json={"kept": True}).json() == {"kept": True}

    @pytest.mark.parametrize("megabytes, reader", [(9, "server"), (11, "rest")])
    def test_a_body_is_kept_for_the_next_application_up_to_a_limit(
        self, megabytes, reader, package, host
    ):
        reading = (
            "async def answer(scope, receive, send, status, name):\n"
            "    size, more = 0, True\n"
            "    while more:\n"
            "        message = await receive()\n"
            "        size, more = size + len(message.get('body', b'')), message.get('more_body')\n"
            "    await send({'type': 'http.response.start', 'status': status, 'headers': []})\n"
            "    await send({'type': 'http.response.body', 'body': b'%s %d' % (name, size)})\n"
            "async def rest(scope, receive, send): await answer(scope, receive, send, 404, b'rest')\n"
            "async def server(scope, receive, send): await answer(scope, receive, send, 200, b'server')\n"
        )
        one = host(package({"main.py": reading}), rest_entry="main:rest", http_server="main:server")
        one.ready()
        size = megabytes * 1024 * 1024
        assert one.post("/x", content=b"x" * size).text == "%s %d" % (reader, size)

    def test_static_files_at_the_root_leave_invoke_alone(self, package, host):
        root = package(
            {
                "www/index.html": "<p>page",
                "main.py": "from starlette.staticfiles import StaticFiles\n"
                "def mount(app): app.mount('/', StaticFiles(directory='www', html=True))\n"
                "def handler(data): return data\n",
            }
        )
        one = host(root, rest_entry="main:mount", entrypoint="main:handler")
        one.ready()
        assert one.get("/").text == "<p>page"
        assert one.post("/invoke", json=[1]).json() == [1]

    def test_a_target_named_twice_is_called_once(self, package, host):
        root = package(
            {"main.py": FASTAPI + "def create():\n    print('called')\n    return app\n"}
        )
        one = host(root, rest_entry="main:create", http_server="main:create")
        assert one.ready() == {"rest": True}
        assert one.get("/api/hello").json() == {"from": "agent"}
        assert one.stop() == 0
        one.close()
        assert one.everything()["stdout"].count("called") == 1

    def test_an_entrypoint_that_builds_the_rest_application_is_not_invoked(self, package, host):
        root = package({"main.py": MOUNT.format(name="mount")})
        one = host(root, rest_entry="main:mount", entrypoint="main:mount")
        assert one.ready() == {"rest": True, "entrypoint": True}
        assert [w["code"] for w in one.warnings()] == ["entrypoint_is_rest"]
        assert one.post("/invoke").status_code == 404

    def test_a_mount_that_adds_nothing_is_a_warning(self, package, host):
        one = host(package({"main.py": "def mount(app): pass\n"}), rest_entry="main:mount")
        one.ready()
        assert [w["code"] for w in one.warnings()] == ["rest_no_routes"]


def test_nothing_to_serve_is_ready_and_opens_no_socket(package, host):
    one = host(package({"x.txt": ""}), rest_socket=None)
    assert one.ready() == {}
    assert one.stop() == 0
