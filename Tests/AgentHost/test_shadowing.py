"""A package may hold files named like libraries without harming the host."""

import os

import pytest

from agent_messages import Caller

APP = (
    "from fastapi import FastAPI, UploadFile\n"
    "from fastapi.staticfiles import StaticFiles\n"
    "app = FastAPI()\napp.get('/api/hello')(lambda: 'rest')\n"
)
MOUNT = (
    "def mount(app):\n    app.get('/api/hello')(lambda: 'rest')\ndef handler(data): return data\n"
)
TRAP = "raise RuntimeError('the host imported the package\\'s ' + __name__)\n"

NAMES = """a2a server core app types http json logging asyncio email socket ssl signal selectors queue
fastapi starlette uvicorn uvloop httptools h11 anyio sniffio pydantic click websockets wsproto
concurrent inspect traceback typing_extensions secrets encodings start par_agent_host host notify control
python_multipart multipart exceptiongroup idna dotenv yaml zttp annotated_types
grpc google upb _upb protobuf uuid base64 datetime dispatch messages handlers probe servicers jsonrpc tasks
difflib contextvars functools collections threading time""".split()


@pytest.mark.parametrize("form", ["{}.py", "{}/__init__.py"])
@pytest.mark.parametrize("python_path", [None, "."])
def test_every_library_name_may_be_in_the_package(form, python_path, package, host):
    files = {form.format(name): TRAP for name in NAMES}
    # Python itself imports these before any of our code when PYTHONPATH names the package.
    if python_path:
        for name in (
            "types",
            "encodings",
            "signal",
            "selectors",
            "inspect",
            "traceback",
            "http",
            "json",
            "logging",
            "asyncio",
            "email",
            "socket",
            "ssl",
            "queue",
            "secrets",
            "concurrent",
            "base64",
            "collections",
            "contextvars",
            "datetime",
            "difflib",
            "functools",
            "threading",
            "uuid",
        ):
            del files[form.format(name)]
    files["main.py"] = MOUNT
    environment = {"PYTHONPATH": python_path} if python_path else {}
    one = host(package(files), environment, rest_entry="main:mount", entrypoint="main:handler")
    one.ready()
    assert one.get("/api/hello").json() == "rest"
    assert one.post("/invoke", json={"a": 1}).json() == {"a": 1}
    assert one.post("/nothing", content=b"{").status_code == 404
    assert one.stop() == 0
    one.close()
    assert one.everything() == {"stdout": "", "stderr": ""}


SERVICES = {
    "handlers": (
        "def act(parameters): return 'acted'\n"
        "def create_service(): return {'custom_handlers': {'act': act}}\n"
    ),
    "a server": (
        "import grpc, os\nfrom concurrent import futures\n"
        "def create_service():\n"
        "    server = grpc.server(futures.ThreadPoolExecutor(1))\n"
        "    server.add_insecure_port('127.0.0.1:' + os.environ['A2A_PORT'])\n"
        "    server.start()\n    server.wait_for_termination()\n"
    ),
}


@pytest.mark.parametrize("form", ["{}.py", "{}/__init__.py", "{}/other.py"])
@pytest.mark.parametrize("kind", SERVICES)
def test_an_a2a_service_finds_the_libraries_too(kind, form, package, host):
    files = {form.format(name): TRAP for name in NAMES}
    files["main.py"] = SERVICES[kind]
    one = host(package(files), a2a_service="main:create_service")
    assert (one.ready_a2a()["grpc"] == "unix") == (kind == "handlers")
    if kind == "handlers":
        caller = Caller("unix:" + one.a2a_socket_path)
        assert caller.invoke("act").result == "acted"
        assert caller.methods() == ["act"]
        caller.close()
    assert one.stop() == 0
    one.close()
    assert one.everything() == {"stdout": "", "stderr": ""}


def test_an_application_finds_the_libraries_too(package, host):
    files = {name + ".py": TRAP for name in NAMES}
    files["main.py"] = APP
    one = host(package(files), http_server="main:app")
    one.ready()
    assert one.get("/api/hello").json() == "rest"


@pytest.mark.parametrize(
    "name", ["main", "server", "a2a", "core", "app", "host", "start", "control"]
)
def test_a_target_may_have_any_of_these_names(name, package, host):
    one = host(
        package({name + ".py": MOUNT}), rest_entry=name + ":mount", entrypoint=name + ":handler"
    )
    one.ready()
    assert one.get("/api/hello").json() == "rest"


def test_the_import_path_is_the_package_then_pythonpath_then_the_interpreters(package, host):
    root = package(
        {
            "main.py": "import os, sys\ndef handler(data): return sys.path, os.getcwd(), sys.modules['__main__'].__file__\n",
            "lib/extra.py": "",
        }
    )
    one = host(root, {"PYTHONPATH": str(root / "lib")}, entrypoint="main:handler")
    one.ready()
    path, cwd, _ = one.post("/invoke").json()
    assert path[:2] == [str(root), str(root / "lib")]
    assert len(path) == len(set(path))
    assert not any("agent-host" in os.path.basename(entry) for entry in path)
    assert cwd == str(root)
