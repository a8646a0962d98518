"""HTTP/2 on the REST port means what HTTP/1.1 means there, in every state and for every route."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import time

import httpx
import pytest

from support import packages
from support.clients import Connection, until
from support.figures import metric, resident_megabytes
from support.gate import Gate
from support.http2 import Client
from support.program import DEADLINE

MEGABYTE = 1 << 20
BASE = "/agents/probe"
#: Error codes of RFC 9113 section 7.
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, CANCEL = 0, 1, 2, 8

PAGE = {
    "dist/ui/index.html": "<!doctype html><title>page</title>",
    "dist/ui/app.js": "export const a = 1;\n" * 100,
    "dist/ui/app.js.gz": b"\x1f\x8b packed",
    "dist/ui/large.bin": bytes(range(256)) * 4096 * 8,
}

#: What the probe's own routes do not show: plain ASGI, so that nothing stands between.
MORE = '''
    @app.get("/api/status/{code}")
    async def some_status(code: int):
        return Response(status_code=code)

    @app.get("/api/fields")
    async def fields():
        response = Response(b"body")
        response.raw_headers.append((b"X-Mixed-Case", b"Value"))
        response.raw_headers.append((b"set-cookie", b"a=1"))
        response.raw_headers.append((b"set-cookie", b"b=2"))
        response.raw_headers.append((b"connection", b"x-hop"))
        response.raw_headers.append((b"x-hop", b"1"))
        return response

    @app.api_route("/api/echo", methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
    async def echo(request: Request):
        return Response(await request.body(), headers={"X-Method": request.method})

    @app.post("/api/early")
    async def early():
        return Response(b"no, thanks", status_code=413)

    @app.get("/api/broken")
    async def broken():
        async def stream():
            yield b"a part"
            raise RuntimeError("broken on purpose")
        return StreamingResponse(stream())
'''


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """The probe with a page and more routes, and a boot that a test can hold up."""
    module = "import os\nfrom src.meet import meet\nif os.environ.get('HOLD_BOOT'): meet('import')\n"
    files = packages.rest_files(
        module + packages.PROBE + MORE,
        ui={"path": "ui"},
        extra={"src/meet.py": packages.MEET, **PAGE},
    )
    return packages.archive(tmp_path_factory.mktemp("whole") / "whole.apkg", files)


@pytest.fixture(scope="module")
def held():
    """The gate of `ready`."""
    gate = Gate()
    yield gate
    gate.close()


@pytest.fixture(scope="module")
def ready(module_par, whole, held):
    """One run for all that leave it as it was."""
    run = module_par(whole, **held.environment)
    run.ready()
    yield run
    assert run.stop() == 0


#: Method, path and fields of requests that are compared.
REQUESTS = [
    ("GET", "/health", []),
    ("HEAD", "/health", []),
    ("POST", "/health", []),
    ("GET", f"{BASE}/health", []),
    ("GET", "/agents/another/health", []),
    ("GET", "/livez", []),
    ("GET", f"{BASE}/meta", []),
    ("GET", "/ui/health", []),
    ("GET", "/a2a/health", []),
    ("GET", f"{BASE}/ui/health", []),
    ("GET", f"{BASE}/ui", []),
    ("GET", f"{BASE}/ui?a=b", []),
    ("GET", f"{BASE}/ui/", []),
    ("HEAD", f"{BASE}/ui/", []),
    ("GET", f"{BASE}/ui/app.js", []),
    ("GET", f"{BASE}/ui/app.js", [("accept-encoding", "gzip")]),
    ("GET", f"{BASE}/ui/app.js", [("range", "bytes=0-5")]),
    ("GET", f"{BASE}/ui/app.js", [("range", "bytes=9000-")]),
    ("GET", f"{BASE}/ui/large.bin", [("range", "bytes=100-70000")]),
    ("GET", f"{BASE}/ui/absent.js", []),
    ("GET", f"{BASE}/ui/route/of/the/page", []),
    ("GET", f"{BASE}/ui/%2e%2e/%2e%2e/secret", []),
    ("GET", f"{BASE}/ui-config.json", []),
    ("GET", f"{BASE}/api/fields", []),
    ("GET", "/api/fields", []),
    ("HEAD", "/api/hello", []),
    ("DELETE", "/api/hello", []),
    ("GET", "/api/absent", []),
    ("GET", "/api/status/204", []),
    ("GET", "/api/status/304", []),
    ("GET", "/api/status/404", []),
    ("GET", "/api/bytes?n=100000", []),
    ("GET", "/api/bytes?n=100000&declared=false", []),
    ("OPTIONS", "/api/echo", []),
    ("OPTIONS", "*", []),
    ("TRACE", "/api/echo", []),
    ("GET", "/api/%00", []),
    ("GET", "/api/%zz", []),
    ("GET", "/api/hello", [("expect", "something-else")]),
    ("GET", "/api/hello", [("x-big", "b" * 70_000)]),
    ("GET", "/api/hello", [(f"x-{n}", "v") for n in range(120)]),
    ("GET", "/somewhere/else", []),
]  # fmt: skip

#: Fields that belong to one connection, to one request, or to the moment.
PASSING = {"connection", "keep-alive", "transfer-encoding", "date", "x-request-id", "server-timing"}


def without_passing(status: int, fields: dict[str, str], body: bytes) -> tuple:
    kept = {name.lower(): value for name, value in fields.items() if name.lower() not in PASSING}
    if kept.get("content-type") == "application/json" and body:
        members = json.loads(body)
        for name in ("timestamp", "boot_ms", "request_id", "pid"):
            if name in members:
                members[name] = None
        body = json.dumps(members).encode()
        kept["content-length"] = "?"
    elif "content-length" not in kept and body:
        kept.pop("content-length", None)
    return status, kept, body


def over_http1(port: int, method: str, path: str, fields: list[tuple[str, str]]) -> tuple:
    with Connection(port) as client:
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
        client.request(path, method, lines)
        if method == "HEAD":
            status, seen = client.head()
            return without_passing(status, seen, b"")
        status, seen = client.head()
        body = b""
        if "content-length" in seen and status not in (204, 304):
            body = client.exactly(int(seen["content-length"]))
        elif seen.get("transfer-encoding") == "chunked":
            while size := int(client.until(b"\r\n"), 16):
                body += client.exactly(size)
                client.exactly(2)
        return without_passing(status, seen, body)


def over_http2(client: Client, method: str, path: str, fields: list[tuple[str, str]]) -> tuple:
    answer = client.get(path, method, fields)
    assert answer.reset in (None, NO_ERROR), f"{method} {path} was reset with {answer.reset}"
    assert not set(answer.fields) & {"connection", "keep-alive", "transfer-encoding"}
    assert all(name == name.lower() for name in answer.fields)
    return without_passing(answer.status, answer.fields, bytes(answer.body))


def compare(port: int, requests=REQUESTS) -> None:
    with Client(port) as client:
        for method, path, fields in requests:
            one = over_http1(port, method, path, fields)
            assert over_http2(client, method, path, fields) == one, f"{method} {path}"


def test_every_route_answers_the_same_when_ready(ready):
    compare(ready.port)


def test_every_route_answers_the_same_while_booting(par, whole, gate):
    run = par(whole, HOLD_BOOT=1, **gate.environment)
    passage = gate.visitor()
    compare(run.port)
    passage.let_through()
    run.ready()
    assert run.stop() == 0


def test_every_route_answers_the_same_in_a_restart(par, whole, gate):
    run = par(whole, HOLD_MAX_REQUESTS=0, WORKER_RESTARTS="3/60", **gate.environment)
    run.ready()
    os.kill(run.worker_pid, signal.SIGSTOP)
    os.kill(run.worker_pid, signal.SIGKILL)
    run.wait("worker_exited")
    # Whatever it answers while it loads, or once it is there: the pairs must agree, and those
    # that meet the change are asked again.
    with Client(run.port) as client:
        for method, path, fields in REQUESTS:
            def agree() -> bool:
                one = over_http1(run.port, method, path, fields)
                return over_http2(client, method, path, fields) == one

            until(agree, f"{method} {path} is answered alike")
    run.ready(count=2)
    assert run.stop() == 0


@pytest.mark.parametrize("lame_duck", [20, 0], ids=["lame duck", "closing"])
def test_every_route_answers_the_same_in_a_drain(par, whole, gate, lame_duck):
    run = par(
        whole, DRAIN_MIN_SEC=lame_duck, GRACEFUL_SHUTDOWN_TIMEOUT_SEC=40, **gate.environment
    )
    port = run.ready()["rest_port"]
    with Client(port) as holder:
        holder.request("/api/gate")
        passage = gate.visitor()
        run.send()
        run.wait("drain")
        for method, path, fields in REQUESTS:
            one = over_http1(port, method, path, fields)
            # A connection that comes during a drain is told to go after its first request.
            with Client(port) as client:
                assert over_http2(client, method, path, fields) == one, f"{method} {path}"
                client.until(lambda: client.goaways, "GOAWAY")
                assert client.goaways[0][1] == NO_ERROR
        passage.let_through()
    run.send(signal.SIGINT)
    assert run.exit() == 0


# --- requests ---


def test_the_agent_sees_the_same_request(ready):
    fields = [
        ("x-request-id", "mine"), ("accept", "text/plain"), ("cookie", "a=1"), ("cookie", "b=2"),
        ("te", "trailers"), ("x-forwarded-for", "192.0.2.7"), ("x-forwarded-proto", "https"),
    ]  # fmt: skip
    with Client(ready.port) as client:
        answer = client.get(f"{BASE}/api/scope?a=%2F&b", fields=fields)
    seen = json.loads(answer.body)
    got = dict(seen["headers"])
    assert seen["root_path"] == BASE and seen["query"] == "a=%2F&b"
    assert got["host"] == "test" and got["cookie"] == "a=1; b=2"
    assert got["x-request-id"] == "mine" and got["accept"] == "text/plain"
    assert got["x-forwarded-for"].startswith("192.0.2.7, 127.0.0.1")
    assert got["x-forwarded-proto"] == "https" and got["x-forwarded-prefix"] == BASE
    assert "traceparent" in got and "te" not in got
    assert not {"connection", "transfer-encoding"} & set(got)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("size", [0, 1, 5, 16_384, 70_000, 300_000])
@pytest.mark.parametrize("declared", [True, False], ids=["length", "no length"])
def test_bodies_come_and_go_as_they_are(ready, method, size, declared):
    body = (bytes(range(256)) * (size // 256 + 1))[:size]
    fields = [("content-length", str(size))] if declared else []
    with Client(ready.port) as client:
        stream = client.request("/api/echo", method, fields, body)
        answer = client.answer(stream)
    assert (answer.status, answer.fields["x-method"]) == (200, method)
    assert bytes(answer.body) == body and answer.ended


def test_a_body_in_single_bytes(ready):
    with Client(ready.port) as client:
        stream = client.request("/api/echo", "POST", ends=False)
        for byte in b"slowly":
            client.send(stream, bytes([byte]))
        client.send(stream, ends=True)
        assert client.answer(stream).body == b"slowly"


def test_trailers_of_a_request_end_its_body(ready):
    with Client(ready.port) as client:
        stream = client.request("/api/echo", "POST", ends=False)
        client.send(stream, b"body")
        client.connection.send_headers(stream, [("x-sum", "1")], end_stream=True)
        client.flush()
        assert client.answer(stream).body == b"body"


def test_many_streams_at_once(ready):
    with Client(ready.port) as client:
        slow = client.request("/api/slow?ms=300")
        quick = [client.request(f"/api/scope?n={n}") for n in range(100)]
        for n, stream in enumerate(quick):
            assert json.loads(client.answer(stream).body)["query"] == f"n={n}"
        assert not client.answers[slow].over
        assert json.loads(client.answer(slow).body) == {"slept": 300}


def test_a_client_may_wait_for_100_continue(ready):
    with Client(ready.port) as client:
        fields = [("expect", "100-continue"), ("content-length", "5")]
        stream = client.request("/api/digest", "POST", fields, ends=False)
        answer = client.answers[stream]
        client.until(lambda: answer.interim, "100")
        client.send(stream, b"hello", ends=True)
        assert json.loads(client.answer(stream).body)["bytes"] == 5
        assert answer.interim == [100]


def test_an_answer_that_does_not_wait_for_the_body(ready):
    with Client(ready.port) as client:
        stream = client.request("/health", "POST", ends=False)
        answer = client.answer(stream)
        assert answer.status == 405 and answer.ended
        # The rest of the request need not come (RFC 9113 section 8.1).
        client.until(lambda: answer.reset is not None, "the reset")
        assert answer.reset == NO_ERROR
        assert client.get("/livez").status == 200


MALFORMED = {
    "an upper case name": [("X-Upper", "1")],
    "connection": [("connection", "close")],
    "transfer-encoding": [("transfer-encoding", "chunked")],
    "te": [("te", "gzip")],
    "upgrade": [("upgrade", "websocket")],
    "a line feed": [("x", "a\r\ninjected: 1")],
    "a NUL": [("x", "a\0b")],
    "another host": [("host", "elsewhere")],
    "a late pseudo-field": [("x", "y"), (":path", "/")],
    "an unknown pseudo-field": [(":x", "y")],
    "two lengths": [("content-length", "1"), ("content-length", "2")],
    "a length without a body": [("content-length", "1")],
}


@pytest.mark.parametrize("fields", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_request_is_reset(ready, fields):
    with Client(ready.port) as client:
        answer = client.get("/api/hello", fields=fields)
        assert answer.reset == PROTOCOL_ERROR or answer.status == 400
        assert client.get("/livez").status == 200


@pytest.mark.parametrize("name", [":method", ":path", ":scheme"])
def test_a_pseudo_field_that_is_missing_or_twice(ready, name):
    head = [(":method", "GET"), (":scheme", "http"), (":authority", "test"), (":path", "/livez")]
    with Client(ready.port) as client:
        for fields in (
            [one for one in head if one[0] != name],
            [*head, next(one for one in head if one[0] == name)],
        ):
            assert client.answer(client.head(fields)).reset == PROTOCOL_ERROR


@pytest.mark.parametrize(
    "path", ["/api/hello HTTP/1.1\r\nx: y", "/a b", "http://test/api/hello", "", "api"]
)
def test_a_target_that_is_none(ready, path):
    with Client(ready.port) as client:
        answer = client.get(path)
        assert answer.reset == PROTOCOL_ERROR or answer.status == 400


@pytest.mark.parametrize(("declared", "sent"), [(5, 3), (3, 5)])
def test_a_body_of_another_length_than_declared(ready, declared, sent):
    with Client(ready.port) as client:
        stream = client.request(
            "/api/echo", "POST", [("content-length", str(declared))], b"x" * sent
        )
        answer = client.answer(stream)
        assert answer.reset == PROTOCOL_ERROR
        assert client.get("/livez").status == 200


# --- responses ---


def test_server_sent_events_arrive_one_by_one(ready, held):
    with Client(ready.port) as client:
        stream = client.request("/api/events?n=4")
        answer = client.answers[stream]
        for number in range(4):
            end = f"data: {number}\n\n".encode()
            client.until(lambda: answer.body.endswith(end), f"event {number}")
            # The next one does not exist before this one was seen.
            held.visitor().let_through()
        assert client.answer(stream).ended


def test_a_client_that_resets_ends_the_agent_s_stream(ready, held):
    with Client(ready.port) as client:
        stream = client.request("/api/events?n=1000")
        client.until(lambda: client.answers[stream].body, "the first event")
        client.reset(stream, CANCEL)
        for _ in range(50):
            try:
                held.visitor(deadline=1).let_through()
            except TimeoutError:
                break
        else:
            pytest.fail("the agent goes on for a client that has gone")
        assert client.get("/livez").status == 200
        assert metric(ready, "par_requests_in_flight") == 0


def test_a_response_that_breaks_off_is_reset(ready):
    with Client(ready.port) as client:
        answer = client.get("/api/broken")
        assert answer.status == 200 and answer.reset == INTERNAL_ERROR
        assert client.get("/livez").status == 200


def test_a_redirect_of_the_page_and_a_hundred_files_on_one_connection(ready):
    with Client(ready.port) as client:
        streams = [client.request(f"{BASE}/ui/app.js") for _ in range(100)]
        for stream in streams:
            assert bytes(client.answer(stream).body) == PAGE["dist/ui/app.js"].encode()


def test_a_file_larger_than_every_window(ready):
    with Client(ready.port) as client:
        answer = client.get(f"{BASE}/ui/large.bin")
        assert bytes(answer.body) == PAGE["dist/ui/large.bin"] and answer.ended


# --- size, memory, windows ---


@pytest.mark.parametrize("declared", [True, False], ids=["length", "chunked"])
def test_a_large_upload_arrives_whole_in_little_memory(ready, declared, tmp_path):
    size = 50 * MEGABYTE
    path = tmp_path / "body"
    path.write_bytes(os.urandom(MEGABYTE) * (size // MEGABYTE))
    before = resident_megabytes(ready.pid)
    fields = [] if declared else ["-H", "Content-Length:"]
    done = subprocess.run(
        ["curl", "-sS", "--http2-prior-knowledge", "-m", "100", *fields,
         "-H", "Expect:", "-T", str(path), "-X", "POST", f"{ready.base}/api/digest"],
        capture_output=True, timeout=DEADLINE * 4, check=True,
    )  # fmt: skip
    expected = hashlib.sha256(path.read_bytes()).hexdigest()
    assert json.loads(done.stdout) == {"bytes": size, "sha256": expected}
    assert resident_megabytes(ready.pid) - before < 16


@pytest.mark.parametrize("declared", ["true", "false"], ids=["length", "chunked"])
def test_a_large_download_arrives_whole_in_little_memory(ready, declared):
    size = 50 * MEGABYTE + 13
    before = resident_megabytes(ready.pid)
    url = f"{ready.base}/api/bytes?n={size}&declared={declared}"
    done = subprocess.run(
        ["curl", "-sS", "--http2-prior-knowledge", "-m", "100", url],
        capture_output=True, timeout=DEADLINE * 4, check=True,
    )  # fmt: skip
    assert len(done.stdout) == size and done.stdout.count(b"x") == size
    assert resident_megabytes(ready.pid) - before < 16


def test_a_slow_reader_stops_its_own_stream_only(ready):
    with Client(ready.port) as client:
        before = resident_megabytes(ready.pid)
        stuck = client.request(f"/api/bytes?n={200 * MEGABYTE}")
        client.unread.add(stuck)
        answer = client.answers[stuck]
        client.until(lambda: len(answer.body) == 65_535, "its window is full")
        for n in range(20):
            assert json.loads(client.get(f"/api/scope?n={n}").body)["query"] == f"n={n}"
            assert len(client.get(f"/api/bytes?n={MEGABYTE}").body) == MEGABYTE
        assert len(answer.body) == 65_535 and not answer.over
        assert resident_megabytes(ready.pid) - before < 16
        client.reset(stuck)


def test_readers_that_do_not_read_cost_no_memory(ready):
    before = resident_megabytes(ready.pid)
    slow = [Client(ready.port, reads=False, receive_buffer=4096) for _ in range(8)]
    for client in slow:
        streams = [client.request(f"/api/bytes?n={200 * MEGABYTE}") for _ in range(8)]
        client.until(lambda: client.answers[streams[0]].body, "something came")
    end = time.monotonic() + 1
    highest = 0.0
    while time.monotonic() < end:
        highest = max(highest, resident_megabytes(ready.pid))
        # The others are served meanwhile.
        assert httpx.get(f"{ready.base}/api/hello").status_code == 200
    for client in slow:
        client.close()
    # 64 streams.
    assert highest - before < 32, f"{before:.1f} MB, then {highest:.1f} MB"
    until(lambda: metric(ready, "par_requests_in_flight") == 0, "nothing is in flight")


def test_an_upload_that_nobody_reads_stops_at_its_window(par, tmp_path, gate):
    module = (
        "from src.meet import meet\n"
        "async def app(scope, receive, send):\n"
        "    import asyncio\n"
        "    if scope['type'] == 'lifespan': return\n"
        "    if scope['path'].endswith('/api/wait'):\n"
        "        await asyncio.to_thread(meet, 'wait')\n"
        "    while (await receive()).get('more_body'): pass\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "    await send({'type': 'http.response.body', 'body': b'read'})\n"
        "def mount(_): return app\n"
    )
    files = packages.rest_files(module, extra={"src/meet.py": packages.MEET})
    run = par(packages.archive(tmp_path / "p.apkg", files), **gate.environment)
    port = run.ready()["rest_port"]
    with Client(port) as client:
        stream = client.request("/api/wait", "POST", ends=False)
        passage = gate.visitor()
        sent = 0
        # What the agent's server, its socket and this program keep; then the window stays shut.
        while sent < 16 * MEGABYTE:
            room = client._room(stream)
            if room == 0:
                client.get("/livez")
                if client._room(stream) == 0:
                    break
                continue
            client.connection.send_data(stream, b"x" * room)
            client.flush()
            sent += room
        assert sent < 2 * MEGABYTE
        # Other streams go on.
        assert client.answer(client.request("/api/x", "POST", body=b"y" * MEGABYTE)).body == b"read"
        passage.let_through()
        client.send(stream, b"z" * MEGABYTE, ends=True)
        assert client.answer(stream).body == b"read"
    assert run.stop() == 0


# --- restart and drain ---


def test_requests_wait_for_the_new_worker(par, tmp_path, gate):
    module = (
        "import os\nfrom src.meet import meet\n"
        "if os.path.exists(os.environ['SEEN']): meet('again')\n"
        "open(os.environ['SEEN'], 'w').close()\n"
    ) + packages.PROBE
    files = packages.rest_files(module, extra={"src/meet.py": packages.MEET})
    package = packages.archive(tmp_path / "p.apkg", files)
    run = par(package, SEEN=tmp_path / "seen", **gate.environment)
    port = run.ready()["rest_port"]
    with Client(port) as client:
        os.kill(run.worker_pid, signal.SIGKILL)
        passage = gate.visitor()
        gets = [client.request(f"/api/scope?n={n}") for n in range(5)]
        posts = [client.request("/api/digest", "POST", body=b"held") for _ in range(5)]
        left = client.request("/api/hello")
        until(lambda: metric(run, "par_requests_held") == 11, "eleven requests wait")
        client.reset(left)
        until(lambda: metric(run, "par_requests_held") == 10, "ten requests wait")
        # Nothing else is held up.
        assert client.get("/health").status == 503
        passage.let_through()
        for n, stream in enumerate(gets):
            assert json.loads(client.answer(stream).body)["query"] == f"n={n}"
        digest = hashlib.sha256(b"held").hexdigest()
        for stream in posts:
            assert json.loads(client.answer(stream).body) == {"bytes": 4, "sha256": digest}
    run.ready(count=2)
    assert metric(run, "par_requests_completed_total") == 10
    assert metric(run, "par_requests_aborted_total") == 0
    assert run.stop() == 0


def test_what_was_in_flight_is_answered_502(par, probe, gate):
    run = par(probe, **gate.environment)
    port = run.ready()["rest_port"]
    with Client(port) as client:
        stream = client.request("/api/gate")
        begun = client.request("/api/events?n=10")
        for _ in range(2):
            gate.visitor()
        client.until(lambda: client.answers[begun].body, "the stream has begun")
        os.kill(run.worker_pid, signal.SIGKILL)
        answer = client.answer(stream)
        assert answer.status == 502 and b"The agent ended" in answer.body
        assert client.answer(begun).reset == INTERNAL_ERROR
        run.ready(count=2)
        assert client.get("/api/hello").status == 200
    aborted = {line["route"] for line in run.events("request_aborted")}
    assert aborted == {"/api/gate", "/api/events"}
    assert run.stop() == 0


def test_streams_in_flight_are_waited_for(par, probe, gate):
    run = par(probe, DRAIN_MIN_SEC=0.5, GRACEFUL_SHUTDOWN_TIMEOUT_SEC=20, **gate.environment)
    port = run.ready()["rest_port"]
    with Client(port) as client:
        streams = [client.request("/api/gate") for _ in range(16)]
        passages = [gate.visitor() for _ in streams]
        upload = client.request("/api/digest", "POST", ends=False)
        client.send(upload, b"a")
        run.send()
        run.wait("drain")
        client.until(lambda: client.goaways, "GOAWAY")
        # A stream that was on its way is still served, while the lame duck lasts.
        for passage in passages:
            passage.let_through()
        for stream in streams:
            assert client.answer(stream).status == 200
        assert run.process.poll() is None
        client.send(upload, b"b", ends=True)
        answer = client.answer(upload)
        assert json.loads(answer.body)["bytes"] == 2
        assert client.ends()
        assert all(code == NO_ERROR for _, code in client.goaways)
    assert run.exit() == 0
    assert run.stopped["aborted"] == 0 and run.stopped["completed"] == 17


def test_a_large_answer_is_handed_over_before_the_end(par, probe):
    """In flight until the last byte is the kernel's, however slowly the client takes it."""
    run = par(probe, DRAIN_MIN_SEC=0, GRACEFUL_SHUTDOWN_TIMEOUT_SEC=20)
    port = run.ready()["rest_port"]
    size = 4 * MEGABYTE
    with Client(port, receive_buffer=4096) as client:
        stream = client.request(f"/api/bytes?n={size}")
        client.until(lambda: client.answers[stream].body, "it has begun")
        run.send()
        run.wait("drain")
        assert len(client.answer(stream).body) == size
        assert client.answers[stream].ended
    assert run.exit() == 0
    assert run.stopped["aborted"] == 0 and run.stopped["completed"] == 1


def test_a_long_stream_does_not_hold_the_drain(par, probe):
    run = par(probe, DRAIN_MIN_SEC=0, STREAM_DRAIN_SEC=0.5, GRACEFUL_SHUTDOWN_TIMEOUT_SEC=20)
    port = run.ready()["rest_port"]
    with Client(port) as client:
        streams = [client.request("/api/forever") for _ in range(4)]
        for stream in streams:
            client.until(lambda: client.answers[stream].body, "it has begun")
        at = run.send()
        for stream in streams:
            # Ended shortly before it would be cut.
            answer = client.answer(stream)
            assert answer.ended and answer.reset is None
        assert client.ends()
    assert run.exit() == 0
    assert time.monotonic() - at < 10
    assert run.stopped["aborted"] == 0


def test_the_deadline_cuts_off_what_does_not_fit(par, probe, gate):
    run = par(probe, DRAIN_MIN_SEC=0, GRACEFUL_SHUTDOWN_TIMEOUT_SEC=3, **gate.environment)
    port = run.ready()["rest_port"]
    with Client(port) as client:
        stream = client.request("/api/gate")
        gate.visitor()
        run.send()
        answer = client.answer(stream)
        assert answer.status in (502, 503) or answer.reset is not None
    assert run.exit() == 0
    assert run.stopped["aborted"] == 1


# --- other clients ---


def test_curl_asks_by_prior_knowledge(ready):
    done = subprocess.run(
        ["curl", "-sS", "-i", "--http2-prior-knowledge", f"{ready.base}/health"],
        capture_output=True, timeout=DEADLINE, check=True, text=True,
    )  # fmt: skip
    assert done.stdout.startswith("HTTP/2 200") and '"ok":true' in done.stdout


def test_httpx_asks_by_prior_knowledge(ready):
    with httpx.Client(http1=False, http2=True, base_url=ready.base) as client:
        for n in range(5):
            answer = client.get("/api/scope", params={"n": n})
            assert answer.http_version == "HTTP/2" and answer.json()["query"] == f"n={n}"
        assert client.post("/api/echo", content=b"echoed").content == b"echoed"


def test_nghttp_takes_it_all(ready):
    done = subprocess.run(
        ["nghttp", "-nv", "-m", "10", f"{ready.base}/api/hello", f"{ready.base}{BASE}/ui/large.bin"],
        capture_output=True, timeout=DEADLINE, check=True, text=True,
    )  # fmt: skip
    assert done.stdout.count(":status: 200") == 20
    assert "GOAWAY" not in done.stdout.replace("send GOAWAY", "")


def test_h2load_loses_nothing(ready):
    done = subprocess.run(
        ["h2load", "-n", "20000", "-c", "8", "-m", "32", f"{ready.base}/health"],
        capture_output=True, timeout=DEADLINE * 2, check=True, text=True,
    )  # fmt: skip
    assert "20000 succeeded, 0 failed, 0 errored" in done.stdout, done.stdout
    assert "status codes: 20000 2xx" in done.stdout
