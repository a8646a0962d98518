"""`POST /invoke` calls the entrypoint."""

import socket
import threading

import pytest

ENTRY = """
import asyncio, threading
MAIN = threading.current_thread()
def echo(data): return data
def thread(data): return threading.current_thread() is not MAIN
async def later(data):
    await asyncio.sleep(0)
    return {"later": data, "thread": threading.current_thread() is MAIN}
def wrapped(data): return later(data)
def nothing(data): pass
def raises(data): raise ValueError("the \\ud800 is red")
def exits(data): raise SystemExit(3)
def a_set(data): return {1}
def not_a_number(data): return float("nan")
class Callable:
    async def __call__(self, data): return [data]
instance = Callable()
"""


@pytest.fixture
def invoke(package, host):
    def start(function, **configuration):
        one = host(package({"main.py": ENTRY}), entrypoint="main:" + function, **configuration)
        assert one.ready() == {"entrypoint": True}
        return one

    return start


@pytest.mark.parametrize(
    "function, body, answer",
    [
        ("echo", b'{"text":"h\xc3\xa9"}', {"text": "hé"}),
        ("echo", b"", {}),
        ("echo", b" \n", {}),
        ("echo", b"[1,null]", [1, None]),
        ("echo", b'"text"', "text"),
        ("thread", b"", True),
        ("later", b"1", {"later": 1, "thread": True}),
        ("wrapped", b"1", {"later": 1, "thread": True}),
        ("instance", b"2", [2]),
        ("nothing", b"{}", None),
    ],
)
def test_the_result_is_json(invoke, function, body, answer):
    response = invoke(function).post("/invoke", content=body)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json() == answer


@pytest.mark.parametrize("body", [b"{", b"nope", b"NaN", b"\xff\xfe\xfd", b"[" * 900])
def test_a_body_that_is_not_json_is_400(invoke, body):
    response = invoke("echo").post("/invoke", content=body)
    assert response.status_code == 400
    assert "not JSON" in response.json()["error"]


def test_a_body_beyond_the_limit_is_413_and_one_at_the_limit_is_not(invoke):
    one = invoke("echo", invoke_max_bytes=1000)
    assert one.post("/invoke", content=b'"' + b"x" * 998 + b'"').status_code == 200
    assert one.post("/invoke", content=b'"' + b"x" * 999 + b'"').status_code == 413
    chunked = one.post("/invoke", content=iter([b'"', b"x" * 2000, b'"']))
    assert chunked.status_code == 413
    assert one.post("/invoke").json() == {}


@pytest.mark.parametrize(
    "function, error",
    [
        ("raises", "ValueError: the"),
        ("exits", "SystemExit: 3"),
        ("a_set", "set"),
        ("not_a_number", "float"),
    ],
)
def test_an_exception_is_500_with_its_traceback_on_stderr_alone(invoke, function, error):
    one = invoke(function)
    response = one.post("/invoke", headers={"x-request-id": "r1"})
    assert response.status_code == 500
    body = response.json()
    assert error in body["error"] and "Traceback" not in body["error"]
    assert body["state"] == "ready" and body["request_id"] == "r1"
    told = one.until_stderr("Traceback")
    assert "Traceback" in told and "par_agent_host" not in told
    assert one.post("/invoke").status_code == 500


def test_other_methods_are_405_and_other_paths_404(invoke):
    one = invoke("echo")
    assert one.get("/invoke").status_code == 405
    assert one.get("/invoke").headers["allow"] == "POST"
    for path in ("/", "/invoke/", "/invoke/x", "/health"):
        response = one.post(path)
        assert response.status_code == 404
        assert response.json()["error"] == "The agent has no such route."


def test_a_rest_route_has_precedence(package, host):
    root = package(
        {
            "main.py": "def mount(app): app.post('/invoke')(lambda: 'rest')\ndef handler(data): return 'entrypoint'\n"
        }
    )
    one = host(root, rest_entry="main:mount", entrypoint="main:handler")
    one.ready()
    assert one.post("/invoke").json() == "rest"


def test_a_client_that_leaves_in_the_middle_of_a_body_is_no_error(invoke):
    one = invoke("echo")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(one.socket_path)
        client.sendall(b"POST /invoke HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
    assert one.post("/invoke", json=1).json() == 1
    assert one.stop() == 0
    one.close()
    assert one.everything()["stderr"] == ""


COUNTING = """
import threading
gate, lock = threading.Event(), threading.Lock()
now = peak = 0
def handler(data):
    global now, peak
    with lock:
        now += 1
        peak = max(now, peak)
        if now == 40: print("forty")
    gate.wait()
    with lock: now -= 1
    return peak
def mount(app):
    @app.get("/open")
    async def open(): gate.set()
"""


def test_no_more_than_forty_sync_calls_run_at_the_same_time(package, host):
    one = host(package({"main.py": COUNTING}), rest_entry="main:mount", entrypoint="main:handler")
    one.ready()
    peaks = []
    clients = [
        threading.Thread(target=lambda: peaks.append(one.post("/invoke").json())) for _ in range(60)
    ]
    for client in clients:
        client.start()
    one.until_stdout("forty")
    assert one.get("/open").status_code == 200
    for client in clients:
        client.join()
    assert len(peaks) == 60 and max(peaks) == 40


def test_a_slow_call_does_not_keep_others_waiting(package, host):
    code = (
        "import threading\n"
        "gate = threading.Event()\n"
        "def handler(data):\n"
        "    if data == 'open': gate.set()\n"
        "    else: gate.wait()\n"
        "    return data\n"
    )
    one = host(package({"main.py": code}), entrypoint="main:handler")
    one.ready()
    answers = []
    slow = threading.Thread(target=lambda: answers.append(one.post("/invoke", json="wait").json()))
    slow.start()
    assert one.post("/invoke", json="open").json() == "open"
    slow.join()
    assert answers == ["wait"]
