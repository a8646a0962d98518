"""Each mistake in an agent is one sentence, a traceback of the agent's frames, and a hint."""

import pytest

REST = {"rest_entry": "src.rest.index:mount"}
INDEX = "src/rest/index.py"

FAILURES = {
    "a module that is not there": (
        {"src/rest/idnex.py": ""},
        REST,
        ["rest.entry", "src.rest.index", "src.rest.idnex"],
        None,
        "module-missing",
    ),
    "a package that is not there": (
        {"main.py": ""},
        REST,
        ["src.rest.index"],
        None,
        "module-missing",
    ),
    "a module that raises": (
        {INDEX: "def boom():\n    raise ValueError('no key')\nboom()\n"},
        REST,
        ["src.rest.index", "ValueError: no key", "src/rest/index.py line 2"],
        "in boom",
        "import-failed",
    ),
    "a module that imports what is not installed": (
        {INDEX: "import left_pad_for_python\n"},
        REST,
        ["src.rest.index", "left_pad_for_python", "src/rest/index.py line 1"],
        "import left_pad_for_python",
        "dependency-missing",
    ),
    "a module that asks another for what it lacks": (
        {INDEX: "from json import nothing_like_it\n"},
        REST,
        ["src.rest.index", "nothing_like_it"],
        "ImportError",
        "import-failed",
    ),
    "a module that is not Python": (
        {INDEX: "def mount(app:\n"},
        REST,
        ["src/rest/index.py line 1", "not valid Python"],
        "SyntaxError",
        "syntax-error",
    ),
    "a module that exits": (
        {INDEX: "import sys\nprint('bye')\nsys.exit(3)\n"},
        REST,
        ["src.rest.index", "exit status 3"],
        "sys.exit(3)",
        "exit-at-import",
    ),
    "a missing function": (
        {INDEX: "def mnt(app): pass\ndef other(): pass\n"},
        REST,
        ["rest.entry", "mount", "src.rest.index", "mnt"],
        None,
        "function-missing",
    ),
    "a function that is a number": (
        {INDEX: "mount = 3\n"},
        REST,
        ["an int", "cannot be called"],
        None,
        "not-callable",
    ),
    "a function that raises": (
        {INDEX: "def mount(app):\n    raise KeyError('settings')\n"},
        REST,
        ["mount", "KeyError: 'settings'", "src/rest/index.py line 2"],
        "in mount",
        "function-raised",
    ),
    "a function that exits": (
        {INDEX: "def mount(app):\n    raise SystemExit(4)\n"},
        REST,
        ["mount", "SystemExit: 4"],
        "in mount",
        "function-raised",
    ),
    "a function with too many arguments": (
        {INDEX: "def mount(app, config): pass\n"},
        REST,
        ["mount", "2 arguments"],
        None,
        "function-arguments",
    ),
    "a function that returns something else": (
        {INDEX: "def mount(app): return {'routes': []}\n"},
        REST,
        ["a dict", "no ASGI application"],
        None,
        "no-application",
    ),
    "a factory that returns nothing": (
        {"main.py": "def create(): pass\n"},
        {"http_server": "main:create"},
        ["main:create", "None"],
        None,
        "no-application",
    ),
    "a WSGI application": (
        {"main.py": "def wsgi(environ, start_response): return []\ndef create(): return wsgi\n"},
        {"http_server": "main:create"},
        ["no ASGI application"],
        None,
        "no-application",
    ),
    "a name without a function after its colon": (
        {"main.py": ""},
        {"rest_entry": "main:"},
        ["rest.entry", "main:"],
        None,
        "target-form",
    ),
    "a path instead of a module": (
        {"src/main.py": ""},
        {"rest_entry": "src/main.py:mount"},
        ["rest.entry", "src/main.py:mount"],
        None,
        "target-form",
    ),
    "an entrypoint that is not there": (
        {"main.py": "def handle(data): pass\n"},
        {"entrypoint": "main:handler"},
        ["entrypoint", "handler", "handle"],
        None,
        "function-missing",
    ),
    "an entrypoint that cannot be called": (
        {"main.py": "handler = 'x'\n"},
        {"entrypoint": "main:handler"},
        ["entrypoint", "a str"],
        None,
        "not-callable",
    ),
    "a folder that an installed package hides": (
        {"json/tool/extra.py": "def mount(app): pass\n"},
        {"rest_entry": "json.tool.extra:mount"},
        ["module json is hidden"],
        None,
        "module-hidden",
    ),
    "a mount that runs an event loop of its own": (
        {INDEX: "import asyncio\ndef mount(app):\n    asyncio.run(asyncio.sleep(0))\n"},
        REST,
        ["mount", "RuntimeError"],
        "in mount",
        "function-raised",
    ),
    "a name that Python's own module hides": (
        {"http.py": "def mount(app): pass\n"},
        {"rest_entry": "http:mount"},
        ["module http is hidden"],
        None,
        "module-hidden",
    ),
    "a start-up that fails": (
        {
            "main.py": "import contextlib\nfrom fastapi import FastAPI\n"
            "@contextlib.asynccontextmanager\nasync def lifespan(app):\n    raise OSError('no database')\n    yield\n"
            "app = FastAPI(lifespan=lifespan)\n"
        },
        {"http_server": "main:app"},
        ["start-up", "main:app", "OSError: no database"],
        "in lifespan",
        "startup-failed",
    ),
    "a start-up that exits": (
        {
            "main.py": "import contextlib\nfrom fastapi import FastAPI\n"
            "@contextlib.asynccontextmanager\nasync def lifespan(app):\n    raise SystemExit(5)\n    yield\n"
            "app = FastAPI(lifespan=lifespan)\n"
        },
        {"http_server": "main:app"},
        ["sys.exit(5)"],
        "in lifespan",
        "exit-at-start",
    ),
    "a start-up that says no": (
        {
            "main.py": "async def app(scope, receive, send):\n"
            "    await receive()\n"
            "    await send({'type': 'lifespan.startup.failed', 'message': 'not today'})\n"
        },
        {"http_server": "main:app"},
        ["not today"],
        "not today",
        "startup-failed",
    ),
}


@pytest.mark.parametrize("mistake", FAILURES)
def test_a_clear_failure_for(mistake, package, host):
    files, configuration, sentence, detail, anchor = FAILURES[mistake]
    one = host(package(files), **configuration)
    failure = one.failure()
    for part in sentence:
        assert part in failure["error"]
    assert "\n" not in failure["error"] and failure["error"].endswith(".")
    assert failure["hint"].endswith("; docs/errors.md#%s" % anchor)
    if detail is None:
        assert failure["detail"] is None
    else:
        assert detail in failure["detail"]
        assert "par_agent_host" not in failure["detail"] and "importlib" not in failure["detail"]


def test_a_traceback_begins_with_the_agents_frames_and_keeps_its_causes(package, host):
    root = package(
        {
            "main.py": "import helper\n",
            "helper.py": "try:\n    {}['x']\nexcept KeyError as error:\n    raise RuntimeError('lost') from error\n",
        }
    )
    detail = host(root, entrypoint="main:handler").failure()["detail"]
    assert "KeyError: 'x'" in detail and "RuntimeError: lost" in detail
    assert "direct cause" in detail
    assert detail.index("helper.py") < detail.index("main.py") < detail.index("RuntimeError: lost")


def test_a_huge_traceback_still_fits_a_datagram(package, host):
    root = package({"main.py": "raise ValueError('begin ' + 'x' * 200000 + ' end')\n"})
    failure = host(root, entrypoint="main:handler").failure()
    assert len(failure["error"]) < 500
    assert failure["detail"].startswith("Traceback") and failure["detail"].endswith(" end")


def test_a_socket_path_that_is_too_long_is_a_failure(package, host):
    one = host(
        package({"main.py": "def handler(data): pass\n"}),
        entrypoint="main:handler",
        rest_socket="/tmp/" + "x" * 120,
    )
    failure = one.failure()
    assert "socket" in failure["error"] and failure["hint"].endswith("#socket")


def test_what_a_module_prints_reaches_stdout(package, host):
    one = host(
        package({"main.py": "print('hello from import')\ndef handler(data): pass\n"}),
        entrypoint="main:handler",
    )
    one.ready()
    assert one.stop() == 0
    one.close()
    assert one.everything()["stdout"] == "hello from import\n"
