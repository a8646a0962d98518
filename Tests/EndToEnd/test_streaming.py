"""Bodies and streams through the proxy, with a real worker behind it."""

from __future__ import annotations

import hashlib
import time

import httpx
import pytest

from support import packages
from support.clients import Call, Connection
from support.figures import resident_megabytes

MEGABYTE = 1 << 20


@pytest.fixture
def ready(par, probe, gate):
    run = par(probe, **gate.environment)
    run.ready()
    yield run
    assert run.stop() == 0


def test_server_sent_events_arrive_one_by_one(ready, gate):
    with Connection(ready.port) as client:
        client.request("/agents/probe/api/events?n=4")
        status, fields = client.head()
        assert status == 200 and fields["content-type"].startswith("text/event-stream")
        for number in range(4):
            client.until(f"data: {number}\n\n".encode())
            # The next one does not exist before this one was seen.
            passage = gate.visitor()
            assert passage.place == f"event {number}"
            passage.let_through()


def test_a_client_that_leaves_ends_the_agent_s_stream(ready, gate):
    client = Connection(ready.port)
    client.request("/api/events?n=1000")
    client.until(b"data: 0\n\n")
    client.close()
    # The agent may be let through a few times before it notices; it must not come 1,000 times.
    for _ in range(50):
        try:
            gate.visitor(deadline=1).let_through()
        except TimeoutError:
            break
    else:
        pytest.fail("the agent goes on for a client that has gone")


@pytest.mark.parametrize("declared", [True, False], ids=["length", "chunked"])
def test_a_large_upload_arrives_whole(ready, declared):
    part = bytes(range(256)) * 256
    count = 48 * MEGABYTE // len(part)
    expected = hashlib.sha256()
    for _ in range(count):
        expected.update(part)

    def body():
        for _ in range(count):
            yield part

    headers = {"Content-Length": str(count * len(part))} if declared else {}
    answer = httpx.post(
        f"{ready.base}/api/digest", content=body(), headers=headers, timeout=60
    ).json()
    assert answer == {"bytes": count * len(part), "sha256": expected.hexdigest()}


@pytest.mark.parametrize("declared", ["true", "false"], ids=["length", "chunked"])
def test_a_large_download_arrives_whole(ready, declared):
    size = 48 * MEGABYTE + 13
    with httpx.stream(
        "GET", f"{ready.base}/api/bytes", params={"n": size, "declared": declared}, timeout=60
    ) as answer:
        assert sum(len(part) for part in answer.iter_raw()) == size


def test_readers_that_do_not_read_cost_no_memory(ready):
    before = resident_megabytes(ready.pid)
    slow = [Connection(ready.port, receive_buffer=4096) for _ in range(8)]
    for client in slow:
        client.request(f"/api/bytes?n={200 * MEGABYTE}")
    for client in slow:
        assert client.head()[0] == 200
        client.exactly(1000)
    end = time.monotonic() + 1
    highest = 0.0
    while time.monotonic() < end:
        highest = max(highest, resident_megabytes(ready.pid))
        # The others are served meanwhile.
        assert httpx.get(f"{ready.base}/api/hello").status_code == 200
    for client in slow:
        client.close()
    assert highest - before < 24, f"{before:.1f} MB, then {highest:.1f} MB"


def test_a_client_may_wait_for_100_continue(ready):
    with Connection(ready.port) as client:
        client.request(
            "/api/digest", "POST", "Expect: 100-continue\r\nContent-Length: 5\r\n"
        )
        assert client.head()[0] == 100
        client.send(b"hello")
        status, _, body = client.response()
        assert status == 200 and b'"bytes":5' in body


def test_pipelined_requests_are_answered_in_order(ready):
    with Connection(ready.port) as client:
        one = b"GET /api/slow?ms=%d HTTP/1.1\r\nHost: x\r\n\r\n"
        client.send(b"".join(one % ms for ms in (200, 0, 50)))
        assert [client.response()[2] for _ in range(3)] == [
            b'{"slept":200}',
            b'{"slept":0}',
            b'{"slept":50}',
        ]


def test_head_and_unknown_paths_and_methods(ready):
    head = httpx.head(f"{ready.base}/health")
    assert head.status_code == 200 and head.content == b""
    assert httpx.get(f"{ready.base}/agents/probe/api/absent").status_code == 404
    assert httpx.delete(f"{ready.base}/api/hello").status_code == 405
    wrong = httpx.post(f"{ready.base}/health")
    assert wrong.status_code == 405 and "GET" in wrong.headers["allow"]


def test_the_agent_sees_its_base_path_and_the_real_client(ready):
    seen = httpx.get(
        f"{ready.base}/agents/probe/api/scope?a=%2F&b",
        headers={"X-Request-ID": "mine", "Connection": "keep-alive, X-Drop", "X-Drop": "1"},
    ).json()
    fields = {name: value for name, value in seen["headers"]}
    assert seen["root_path"] == "/agents/probe"
    assert seen["query"] == "a=%2F&b"
    assert seen["client"] == "127.0.0.1"
    assert fields["x-request-id"] == "mine"
    assert "traceparent" in fields and "x-drop" not in fields
    assert fields["x-forwarded-prefix"] == "/agents/probe"
    assert seen["url"].startswith(f"{ready.base}/agents/probe/api/scope")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /api/hello HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET /api/hello HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
        b"GET /api/hello HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n",
        b"GET /api/hello HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
        b"GET /api/hello HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n",
        b"GET /api/hello HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
        b"GET /api/hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /api/hello HTTP/1.1\r\n\r\n",
        b"GET /api/hello HTTP/1.1\nHost: a\n\n",
        b"GET /api/%00 HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)
def test_what_two_parsers_could_read_differently_is_refused(ready, head):
    with Connection(ready.port) as client:
        client.send(head)
        status, fields, _ = client.response()
        assert status == 400 and fields["connection"].lower() == "close"
        assert client.closed()


def test_invoke_answers_what_no_route_takes(par, tmp_path):
    files = packages.rest_files(
        "def mount(app): pass\n",
        entrypoint="src.main:handler",
        extra={
            "src/main.py": (
                "def handler(context):\n"
                "    if context.get('fail'): raise KeyError('secret detail')\n"
                "    return {'got': context}\n"
            )
        },
    )
    run = par(packages.archive(tmp_path / "p.apkg", files))
    run.ready()
    url = f"{run.base}/agents/probe/invoke"
    assert httpx.post(url).json() == {"got": {}}
    assert httpx.post(url, json={"a": [1]}).json() == {"got": {"a": [1]}}
    assert httpx.post(url, content=b"{").status_code == 400
    assert httpx.get(url).status_code == 405
    assert httpx.post(url, content=b'"' + b"x" * (11 * MEGABYTE) + b'"').status_code == 413
    failed = httpx.post(url, json={"fail": True})
    assert failed.status_code == 500 and "Traceback" not in failed.text
    run.wait("agent_output", line="KeyError: 'secret detail'")
    assert run.stop() == 0


def test_a_request_id_comes_back_in_every_error(par, gate, tmp_path):
    run = par(packages.blocking_import(tmp_path / "p.apkg"), **gate.environment)
    passage = gate.visitor()
    status, fields, body = Call(run.port, "/api/x", headers="X-Request-ID: early\r\n").wait()
    assert status == 503 and "retry-after" in fields
    assert b'"request_id":"early"' in body and b'"state":"loading"' in body
    passage.let_through()
    run.ready()
    assert run.stop() == 0
