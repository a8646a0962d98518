"""The memory shared with the program: slots of requests, and the beat of the event loop."""

import asyncio
import os
import socket
import sys
import threading
import time

import pytest

from conftest import MEMORY_BYTES, START, WAIT_SEC

sys.path.insert(0, str(START.parent))

from par_agent_host import memory
from par_agent_host.server import Server

LAST_SLOT = memory.SLOTS_MAX - 1


@pytest.fixture
def shared():
    fd = os.memfd_create("par-worker")
    os.ftruncate(fd, MEMORY_BYTES)
    return memory.WorkerMemory(fd)


def _seen(shared, tmp_path, heads, protocol="httptools"):
    """What an application sees of requests: header names, and the slots begun by then."""
    seen = []

    async def app(scope, receive, send):
        begun = [n for n in range(shared.slots) if shared.cells[memory.SLOTS_OFFSET + n]]
        seen.append(([name.decode() for name, _ in scope["headers"]], begun))
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close"})
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def ask():
        server = Server(app, "", shared)
        if protocol == "h11":
            from uvicorn.protocols.http.h11_impl import H11Protocol

            server._config.http_protocol_class = H11Protocol
        path = str(tmp_path / "rest.sock")
        await server.open(path)
        for head in heads:
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n" + head + b"\r\n")
            await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), WAIT_SEC)
            writer.close()
        await server.close(True)

    asyncio.run(ask())
    return seen


UPGRADE = (
    b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
    b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


@pytest.mark.parametrize("protocol", ["httptools", "h11"])
def test_a_request_with_a_slot_has_begun_before_the_application_sees_it(protocol, shared, tmp_path):
    heads = [
        b"x-one: 1\r\nX-PAR-Slot: 0\r\n",
        UPGRADE + b"X-PAR-Slot: 12\r\n",
        b"X-PAR-Slot: %d\r\n" % LAST_SLOT,
    ]
    seen = _seen(shared, tmp_path, heads, protocol)
    assert seen[0] == (["host", "x-one"], [0])
    assert "x-par-slot" not in seen[1][0] and seen[1][1] == [0, 12]
    assert seen[2] == (["host"], [0, 12, LAST_SLOT])


@pytest.mark.parametrize(
    "number",
    [b"", b"-1", b"+1", b"01", b"1x", b"1_0", b"\xb2", b"0x1", b"8192", b"99999", b"9" * 5000],
)
def test_what_names_no_slot_marks_none(number, shared, tmp_path):
    seen = _seen(shared, tmp_path, [b"x-par-slot: " + number + b"\r\n"])
    assert seen == [(["host"], [])]


def test_a_field_that_is_not_the_last_is_none_of_the_programs(shared, tmp_path):
    seen = _seen(shared, tmp_path, [b"x-par-slot: 1\r\nx-one: 1\r\n"])
    assert seen == [(["host", "x-par-slot", "x-one"], [])]


def test_without_memory_a_slot_means_nothing(tmp_path):
    seen = _seen(memory.WorkerMemory(None), tmp_path, [b"x-par-slot: 1\r\n"])
    assert seen == [(["host"], [])]


def test_memory_for_fewer_slots_has_no_more(shared):
    fd = os.memfd_create("par-worker")
    os.ftruncate(fd, 4096)
    small = memory.WorkerMemory(fd)
    assert small.slots == 4032
    assert small.offset(b"4031") == 4095 and small.offset(b"4032") is None


def test_a_descriptor_that_is_no_memory_is_left_alone():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert memory.WorkerMemory(theirs.fileno()).slots == 0
        theirs.send(b"still open")


BLOCK = """
async def handler(data):
    print("blocking", flush=True)
    open("go").read()
"""


def _until(condition):
    """Polls memory, which tells nobody of a change; far more often than it changes."""
    end = time.monotonic() + WAIT_SEC
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_the_event_loop_beats_from_readiness_on_and_tells_how_late_it_was(package, host):
    root = package({"main.py": BLOCK})
    os.mkfifo(root / "go")
    before = time.monotonic_ns()
    one = host(root, entrypoint="main:handler", heartbeat_sec=0.5)
    one.ready()
    at, late, count = one.beat()
    assert before < at <= time.monotonic_ns() and count >= 1
    request = threading.Thread(target=one.post, args=("/invoke",))
    request.start()
    one.until_stdout("blocking")
    at, late, count = one.beat()
    _until(lambda: time.monotonic_ns() > at + 700_000_000)
    assert one.beat() == (at, late, count)
    with open(root / "go", "w"):
        pass
    _until(lambda: one.beat()[2] == count + 1)
    assert 150_000_000 <= one.beat()[1] < time.monotonic_ns() - at
    request.join()
    assert one.stop() == 0


SERVES = """
import os, grpc
from concurrent import futures
def serve():
    server = grpc.server(futures.ThreadPoolExecutor(1))
    server.add_insecure_port("127.0.0.1:" + os.environ["A2A_PORT"])
    server.start()
    server.wait_for_termination()
"""


def test_the_event_loop_on_a_second_thread_beats_too(package, host):
    one = host(package({"main.py": SERVES}), a2a_service="main:serve", heartbeat_sec=0.02)
    one.ready_a2a()
    count = one.beat()[2]
    assert count >= 1
    _until(lambda: one.beat()[2] >= count + 3)
    assert one.stop() == 0


@pytest.mark.parametrize(
    "configuration", [{"heartbeat_sec": None}, {"heartbeat_sec": 0.02, "has_memory": False}]
)
def test_an_agent_that_is_not_asked_to_beat_serves_all_the_same(configuration, package, host):
    one = host(
        package({"main.py": "def handler(data): return data\n"}),
        entrypoint="main:handler",
        **configuration,
    )
    one.ready()
    assert one.post("/invoke", json=1, headers={"x-par-slot": "1"}).json() == 1
    assert one.memory is None or one.beat() == (0, 0, 0)
    assert one.stop() == 0
