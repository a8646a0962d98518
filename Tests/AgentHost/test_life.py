"""Readiness, commands, signals, descriptors and the end."""

import json
import os
import signal
import stat
import subprocess
import threading

import pytest

from conftest import PYTHON, START

ECHO = "def handler(data): return data\n"
SLOW = (
    "import asyncio\n"
    "def mount(app):\n"
    "    @app.get('/api/slow')\n"
    "    async def slow():\n"
    "        print('begun')\n"
    "        await app.state.draining.wait()\n"
    "        return 'done'\n"
)


def test_status_says_what_is_imported(package, host):
    one = host(
        package({"src/rest/index.py": "def mount(app): app.get('/')(lambda: 1)\n"}),
        rest_entry="src.rest.index",
    )
    one.ready()
    assert "importing src.rest.index" in [n.get("STATUS") for n in one.notifications]


def test_the_socket_is_for_its_user_alone(package, host):
    one = host(package({"main.py": ECHO}), entrypoint="main:handler")
    one.ready()
    mode = os.stat(one.socket_path).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600


def test_a_socket_file_left_behind_is_replaced(package, host):
    root = package({"main.py": ECHO})
    path = str(root / "left.sock")
    open(path, "w").close()
    one = host(root, entrypoint="main:handler", rest_socket=path)
    one.socket_path = path
    one.ready()
    assert one.post("/invoke", json=1).json() == 1


def test_stop_finishes_what_is_in_flight_and_then_stops_the_application(package, host):
    code = (
        "import asyncio, contextlib\n"
        "from fastapi import FastAPI\n"
        "@contextlib.asynccontextmanager\n"
        "async def lifespan(app):\n"
        "    print('started')\n"
        "    yield\n"
        "    print('stopped')\n"
        "app = FastAPI(lifespan=lifespan)\n"
        "@app.get('/api/slow')\n"
        "async def slow():\n"
        "    print('begun')\n"
        "    await app.state.draining.wait()\n"
        "    print('answered')\n"
        "    return 'done'\n"
    )
    one = host(package({"main.py": code}), http_server="main:app")
    one.ready()
    with one.client() as client, _request(client, "/api/slow") as answer:
        one.tell("ignored")
        one.until_stdout("begun")
        one.tell("stop")
        assert answer() == "done"
    assert one.wait() == 0
    one.until("X_PAR_DRAINED")
    one.close()
    assert one.everything()["stdout"].split() == ["started", "begun", "answered", "stopped"]


class _request:
    """A GET that runs in a thread, once the connection is there."""

    def __init__(self, client, path):
        self._result = []
        self._thread = threading.Thread(target=lambda: self._result.append(client.get(path)))

    def __enter__(self):
        self._thread.start()
        return self._answer

    def _answer(self):
        self._thread.join()
        return self._result[0].json()

    def __exit__(self, *unused):
        self._thread.join()


def test_drain_is_made_known_to_the_application(package, host):
    one = host(package({"main.py": SLOW}), rest_entry="main:mount")
    one.ready()
    with one.client() as client, _request(client, "/api/slow") as answer:
        one.tell("drain")
        assert answer() == "done"
    assert one.get("/api/slow").json() == "done"
    assert one.stop() == 0


def test_a_request_finds_draining_in_its_state(package, host):
    code = (
        "from starlette.responses import JSONResponse\n"
        "async def app(scope, receive, send):\n"
        "    await JSONResponse(scope['state']['draining'].is_set())(scope, receive, send)\n"
    )
    one = host(package({"main.py": code}), http_server="main:app")
    one.ready()
    assert one.get("/").json() is False


def test_stop_while_importing_ends_at_once(package, host):
    one = host(
        package({"main.py": "import threading\nthreading.Event().wait()\n"}),
        entrypoint="main:handler",
    )
    one.until("STATUS")
    assert one.stop() == 0


def test_end_of_control_ends_the_host_while_the_agent_blocks_the_event_loop(package, host):
    code = "async def handler(data):\n    print('blocking')\n    while True: pass\n"
    one = host(package({"main.py": code}), entrypoint="main:handler")
    one.ready()
    request = threading.Thread(target=_ignore_errors, args=(lambda: one.post("/invoke"),))
    request.start()
    one.until_stdout("blocking")
    one.end_control()
    assert one.wait() == 0
    request.join()


def test_end_of_control_ends_the_host_while_it_imports(package, host):
    one = host(
        package({"main.py": "import threading\nthreading.Event().wait()\n"}),
        entrypoint="main:handler",
    )
    one.until("STATUS")
    one.end_control()
    assert one.wait() == 0


def _ignore_errors(call):
    try:
        call()
    except Exception:
        pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_to_stop_are_ignored(number, package, host):
    one = host(package({"main.py": ECHO}), entrypoint="main:handler")
    one.ready()
    for _ in range(3):
        one.process.send_signal(number)
        assert one.post("/invoke", json=1).json() == 1
    assert one.stop() == 0


def test_signals_to_stop_are_ignored_while_importing(package, host):
    code = "import threading\nprint('waiting')\nopen('go').read()\n" + ECHO
    root = package({"main.py": code})
    os.mkfifo(root / "go")
    one = host(root, entrypoint="main:handler")
    one.until("STATUS")
    one.process.send_signal(signal.SIGTERM)
    one.process.send_signal(signal.SIGINT)
    with open(root / "go", "w"):
        pass
    one.ready()


def test_a_hanging_import_shows_its_stack_on_sigusr2(package, host):
    code = "import threading\ndef hang():\n    print('hanging')\n    threading.Event().wait()\nhang()\n"
    one = host(package({"src/rest/index.py": code}), rest_entry="src.rest.index:mount")
    assert one.until("STATUS") == "importing src.rest.index"
    one.until_stdout("hanging")
    one.process.send_signal(signal.SIGUSR2)
    stacks = one.read_stacks()
    assert "in hang" in stacks and "src/rest/index.py" in stacks


LEAKS = """
import mmap, os, signal, subprocess, sys
LOOK = '''
import os, signal
def name(fd):
    try: return os.readlink("/proc/self/fd/%s" % fd)
    except OSError: return ""
names = [name(fd) for fd in os.listdir("/proc/self/fd")]
ours = [one for one in names if "par-worker" in one]
ours += [fd for fd in (3, 4, 5, 6) if "pipe" in name(fd) or "socket" in name(fd)]
maps = [line for line in open("/proc/self/maps") if "par-worker" in line]
print(ours, maps, signal.getsignal(signal.SIGTERM) == signal.SIG_DFL, end="")
'''
def handler(data):
    run = subprocess.run([sys.executable, "-c", LOOK], close_fds=False, capture_output=True, text=True)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        sys.stdout = open(writing, "w")
        exec(LOOK, {})
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(pid, 0)
    return [run.stdout, os.read(reading, 65536).decode()]
"""


def test_subprocesses_of_the_agent_get_none_of_our_descriptors_and_ordinary_signals(package, host):
    one = host(package({"main.py": LEAKS}), entrypoint="main:handler")
    one.ready()
    assert one.post("/invoke").json() == ["[] [] True"] * 2


@pytest.mark.parametrize(
    "code",
    [
        "import threading\nthreading.Thread(target=threading.Event().wait).start()\n",
        "import concurrent.futures, threading\n"
        "pool = concurrent.futures.ThreadPoolExecutor()\npool.submit(threading.Event().wait)\n",
        "import subprocess\nchild = subprocess.Popen(['sleep', '1000'])\n",
        "import atexit, threading\natexit.register(threading.Event().wait)\n",
        "import multiprocessing, threading\n"
        "child = multiprocessing.get_context('fork').Process(target=threading.Event().wait)\nchild.start()\n",
    ],
    ids=["a thread", "a pool", "a child", "an exit function", "a process"],
)
def test_nothing_the_agent_left_running_keeps_the_host_from_stopping(code, package, host):
    one = host(package({"main.py": code + ECHO}), entrypoint="main:handler")
    one.ready()
    assert one.stop() == 0


def test_exit_functions_run_at_stop(package, host):
    code = "import atexit\natexit.register(print, 'goodbye')\n" + ECHO
    one = host(package({"main.py": code}), entrypoint="main:handler")
    one.ready()
    assert one.stop() == 0
    one.close()
    assert "goodbye" in one.everything()["stdout"]


EXITS = """
import asyncio
async def leave(): raise SystemExit(7)
def mount(app):
    app.get("/api/exit")(leave)
    @app.get("/api/task")
    async def task(): asyncio.create_task(leave())
"""


def test_exit_in_a_request_is_500_and_in_a_task_ends_the_host_with_its_status(package, host):
    one = host(package({"main.py": EXITS}), rest_entry="main:mount")
    one.ready()
    assert one.get("/api/exit").status_code == 500
    _ignore_errors(lambda: one.get("/api/task"))
    assert one.wait() == 7
    assert "sys.exit(7)" in one.until_stderr("sys.exit(7)")


SPAWN = """
import multiprocessing
def work(number): return number + 1
def handler(data):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.map(work, data)
"""


def test_an_agent_may_use_processes_of_its_own(package, host):
    one = host(package({"main.py": SPAWN}), entrypoint="main:handler")
    one.ready()
    assert one.post("/invoke", json=[1, 2]).json() == [2, 3]


def test_an_exception_in_a_route_is_500_with_its_traceback_on_stderr(package, host):
    code = "def mount(app):\n    @app.get('/x')\n    def x(): raise ValueError('broken')\n"
    one = host(package({"main.py": code}), rest_entry="main:mount")
    one.ready()
    response = one.get("/x")
    assert response.status_code == 500 and "broken" not in response.text
    assert "ValueError: broken" in one.until_stderr("ValueError: broken")


def test_an_environment_with_nest_asyncio_gets_the_event_loop_it_accepts(tmp_path):
    (tmp_path / "nest_asyncio.py").write_text("")
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]; from par_agent_host import libraries;"
        "print(type(libraries.new_event_loop()).__module__)"
    )
    run = subprocess.run(
        [PYTHON, "-c", code, str(START.parent), str(tmp_path)], capture_output=True, text=True
    )
    assert run.stdout.startswith("asyncio."), run.stderr


def test_an_idle_connection_stays_open(package, host):
    one = host(package({"main.py": ECHO}), entrypoint="main:handler")
    one.ready()
    with one.client() as client:
        headers = client.post("/invoke", json=1).headers
        assert "connection" not in headers and "server" not in headers
        # Another connection's request lets the event loop turn meanwhile.
        assert one.post("/invoke", json=2).json() == 2
        assert client.post("/invoke", json=3).json() == 3


def test_a_long_head_and_many_fields_are_accepted(package, host):
    one = host(package({"main.py": ECHO}), entrypoint="main:handler")
    one.ready()
    headers = {"x-%d" % n: "y" * 600 for n in range(100)}
    assert one.post("/invoke", json=1, headers=headers).json() == 1


LIFESPANS = """
import contextlib
from fastapi import FastAPI
def lifespan(name):
    @contextlib.asynccontextmanager
    async def run(app):
        print("+" + name)
        yield {name: "state"}
        print("-" + name)
    return run
server = FastAPI(lifespan=lifespan("server"))
sub = FastAPI(lifespan=lifespan("sub"))
own = FastAPI(lifespan=lifespan("own"))
@sub.get("/state")
def state(request: "Request"): return sorted(request.state._state)
from fastapi import Request, APIRouter
state.__annotations__["request"] = Request
router = APIRouter(lifespan=lifespan("router"))
@router.get("/r")
def r(): return 1
def mount(app):
    app.mount("/sub", sub)
    app.include_router(router)
def create(): return own
def hand_over(app):
    app.router.lifespan_context = sub.router.lifespan_context
    app.mount("/sub", sub)
"""


@pytest.mark.parametrize(
    "configuration, printed",
    [
        ({"rest_entry": "main:mount"}, "+router +sub -sub -router"),
        ({"rest_entry": "main:create"}, "+own -own"),
        ({"http_server": "main:server"}, "+server -server"),
        ({"rest_entry": "main:create", "http_server": "main:server"}, "+own +server -server -own"),
        ({"rest_entry": "main:hand_over"}, "+sub -sub"),
    ],
)
def test_every_application_served_is_started_and_stopped_once(
    configuration, printed, package, host
):
    one = host(package({"main.py": LIFESPANS}), **configuration)
    one.ready()
    assert one.stop() == 0
    one.close()
    lines = one.everything()["stdout"].split()
    if "+router" not in lines:
        # FastAPI before 0.112.3 does not run the lifespan of an included router.
        printed = printed.replace("+router ", "").replace(" -router", "")
    assert lines == printed.split()


def test_an_application_without_lifespan_is_served(package, host):
    code = (
        "async def app(scope, receive, send):\n"
        "    if scope['type'] == 'lifespan': return\n"
        "    await send({'type': 'http.response.start', 'status': 204, 'headers': []})\n"
        "    await send({'type': 'http.response.body', 'body': b''})\n"
    )
    one = host(package({"main.py": code}), http_server="main:app")
    one.ready()
    assert one.get("/").status_code == 204
    assert one.stop() == 0


def test_a_configuration_beyond_its_limit_ends_the_host(package, host):
    one = host(package({"main.py": ECHO}), entrypoint="main:handler", description="x" * 1_200_000)
    assert one.wait() == 0


def test_ready_names_the_surfaces_as_json(package, host):
    one = host(package({"main.py": ECHO}), entrypoint="main:handler")
    one.ready()
    assert json.loads(one.notifications[-1]["X_PAR_SURFACES"]) == {"entrypoint": True}
