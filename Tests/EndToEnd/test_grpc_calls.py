"""Calls by grpcio through the program, to an agent with a service of its own."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import threading
import time
from typing import Any, Callable, Iterator

import grpc
import httpx
import pytest

from support import grpc_agent
from support.clients import until
from support.gate import Gate
from support.grpc_agent import ALONE, SHAPES
from support.figures import metric, resident_megabytes
from support.grpc_clients import Probe, Wire, aio_channel, channel, code_of, framed

MEGABYTE = 1 << 20
#: As in `grpc_agent.PROBE`.
PART = bytes(range(256)) * 256
METADATA = (
    ("echo-text", "first, with blanks  inside"),
    ("echo-text", "second"),
    ("echo-bytes-bin", bytes(range(256))),
    ("echo-long-bin", b"\xff" * 4000),
)

through_the_program = pytest.mark.skipif(ALONE, reason="is about the program")


@pytest.fixture(scope="module")
def meetings() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.close()


@pytest.fixture(scope="module")
def agents(module_par, grpc_probe, meetings, tmp_path_factory) -> Iterator[Callable[[str], Any]]:
    """Starts the agent in this shape, once for the file."""
    started: dict[str, Any] = {}

    def start(shape: str) -> Any:
        if shape not in started:
            variables = {"PROBE_SHAPE": shape, **meetings.environment}
            if ALONE:
                started[shape] = grpc_agent.Alone(tmp_path_factory.mktemp("alone"), variables)
            else:
                started[shape] = module_par(grpc_probe, **variables)
                started[shape].ready()
        return started[shape]

    yield start
    for run in started.values():
        assert run.stop() == 0


@pytest.fixture
def run(agents) -> Any:
    return agents("aio returned")


@pytest.fixture
def probe(run) -> Iterator[Probe]:
    with channel(run.a2a_port) as one:
        yield Probe(one)


@pytest.fixture
def wire(run) -> Iterator[Wire]:
    with Wire(run.a2a_port) as one:
        yield one


def port_of(run: Any, port: str) -> int:
    return run.port if port == "rest" else run.a2a_port


def reflected(prefix: str, metadata: Any) -> list[tuple[str, Any]]:
    return [(k, v) for k, v in metadata if k.startswith(prefix)]


def check_metadata(call_initial: Any, call_trailing: Any) -> None:
    assert reflected("initial-", call_initial) == [("initial-" + k, v) for k, v in METADATA]
    assert reflected("trailing-", call_trailing) == [("trailing-" + k, v) for k, v in METADATA]


# --- the four kinds of call ---


@pytest.mark.parametrize("port", ["a2a", "rest"])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_four_kinds_of_call(agents, shape, port):
    with channel(port_of(agents(shape), port)) as one:
        probe = Probe(one)
        answer, call = probe.unary("echo").with_call(b"hello", metadata=METADATA, timeout=20)
        assert answer == b"hello" and call.code() is grpc.StatusCode.OK
        check_metadata(call.initial_metadata(), call.trailing_metadata())
        assert probe.unary("echo")(b"", timeout=20) == b""

        stream = probe.down("count")(b"500", metadata=METADATA, timeout=20)
        assert list(stream) == [b"%d" % n for n in range(500)]
        assert stream.code() is grpc.StatusCode.OK
        assert list(probe.down("count")(b"0", timeout=20)) == []

        parts = [b"part %d" % n for n in range(500)]
        told = json.loads(probe.up("digest")(iter(parts), timeout=20))
        whole = b"".join(parts)
        assert told == {
            "bytes": len(whole),
            "messages": 500,
            "sha256": hashlib.sha256(whole).hexdigest(),
        }

        # Each is sent when the answer to the one before has come.
        turn = threading.Semaphore(1)

        def questions() -> Iterator[bytes]:
            for number in range(20):
                assert turn.acquire(timeout=20)
                yield b"%d" % number

        chat = probe.both("chat")(questions(), metadata=METADATA, timeout=20)
        answers = []
        for answer in chat:
            answers.append(answer)
            turn.release()
        assert answers == [b"re: %d" % n for n in range(20)]
        check_metadata(chat.initial_metadata(), chat.trailing_metadata())


@pytest.mark.parametrize("port", ["a2a", "rest"])
def test_the_four_kinds_of_call_by_an_asyncio_client(run, port):
    async def main() -> None:
        async with aio_channel(port_of(run, port)) as one:
            probe = Probe(one)
            call = probe.unary("echo")(b"hello", metadata=METADATA, timeout=20)
            assert await call == b"hello"
            check_metadata(await call.initial_metadata(), await call.trailing_metadata())
            stream = probe.down("count")(b"500", timeout=20)
            assert [part async for part in stream] == [b"%d" % n for n in range(500)]
            upload = probe.up("digest")(timeout=20)
            for number in range(100):
                await upload.write(b"%d" % number)
            await upload.done_writing()
            assert json.loads(await upload)["messages"] == 100
            chat = probe.both("chat")(timeout=20)
            for number in range(20):
                await chat.write(b"%d" % number)
                assert await chat.read() == b"re: %d" % number
            await chat.done_writing()
            assert await chat.read() is grpc.aio.EOF
            # Many at once, more than one HTTP/2 connection may have streams.
            slow = [probe.unary("slow")(b"0.05", timeout=30) for _ in range(400)]
            assert await asyncio.gather(*slow) == [b"0.05"] * 400

    asyncio.run(main())


def test_a_stream_s_messages_come_one_by_one(probe, meetings):
    stream = probe.down("met")(b"apart 3", timeout=20)
    for number in range(3):
        assert next(stream) == b"%d" % number
        passage = meetings.visitor()
        assert passage.place == f"apart {number}"
        passage.let_through()
    assert list(stream) == []


# --- what reaches the agent ---


def inspected(probe: Probe, method: str = "inspect", **arguments: Any) -> dict[str, Any]:
    return json.loads(probe.unary(method)(b"", **{"timeout": 20, **arguments}))


def test_the_agent_sees_the_call_as_it_was_sent(probe):
    fields = inspected(probe, metadata=(("x-own", "1"), ("authorization", "Bearer abc")))["fields"]
    assert ["x-own", "1"] in fields and ["authorization", "Bearer abc"] in fields
    assert any(k == "user-agent" and "grpc-python" in v for k, v in fields)
    names = [name for name, _ in fields]
    assert not {"connection", "transfer-encoding", "host", "proxy-connection"} & set(names)


@through_the_program
def test_a_call_gets_a_request_id_unless_it_has_one(probe):
    (made,) = [v for k, v in inspected(probe)["fields"] if k == "x-request-id"]
    assert len(made) >= 16
    own = inspected(probe, metadata=(("x-request-id", "mine"),))
    assert [v for k, v in own["fields"] if k == "x-request-id"] == ["mine"]


@through_the_program
def test_a_path_with_the_agent_s_prefix_is_the_same_call(run):
    for port in (run.a2a_port, run.port):
        with channel(port) as one:
            probe = Probe(one, prefix="/agents/probe/a2a")
            assert probe.unary("echo")(b"hello", timeout=20) == b"hello"
            assert len(list(probe.down("count")(b"5", timeout=20))) == 5
            code, _ = code_of(lambda: Probe(one, "/agents/another/a2a").unary("echo")(b"", timeout=20))
            assert code is grpc.StatusCode.UNIMPLEMENTED


# --- errors ---


@pytest.mark.parametrize("details", ["plain", "nicht möglich: 100 % €", "line\nbreak", ""])
def test_a_failure_is_the_agent_s_own(probe, details):
    with pytest.raises(grpc.RpcError) as caught:
        probe.unary("fail")(f"NOT_FOUND:{details}".encode(), timeout=20)
    error = caught.value
    assert (error.code(), error.details()) == (grpc.StatusCode.NOT_FOUND, details)
    trailers = dict(error.trailing_metadata())
    assert trailers["why"] == "asked"
    assert trailers["grpc-status-details-bin"] == b"\x08\x05\x00\xff"


def test_every_status_passes(probe):
    for code in grpc.StatusCode:
        if code is not grpc.StatusCode.OK:
            call = probe.unary("fail").future(f"{code.name}:why".encode(), timeout=20)
            assert (call.code(), call.details()) == (code, "why")


def test_an_exception_is_unknown(probe):
    code, details = code_of(lambda: probe.unary("fall")(b"", timeout=20))
    assert code is grpc.StatusCode.UNKNOWN and "falls over" in details


def test_a_method_that_the_agent_has_not_is_unimplemented(probe):
    for path in ("/probe.v1.Probe/absent", "/another.Service/echo"):
        call = probe.channel.unary_unary(path)
        assert code_of(lambda: call(b"", timeout=20))[0] is grpc.StatusCode.UNIMPLEMENTED


@through_the_program
def test_what_is_no_call_gets_the_answer_of_its_protocol(run, wire):
    for content_type in ("application/json", "text/plain", ""):
        reply = wire.call("/probe.v1.Probe/echo", content_type=content_type)
        assert reply.head and reply.head[":status"] == "415"
    reply = wire.call("/probe.v1.Probe/echo", None, method="GET")
    assert reply.head and reply.head[":status"] == "405"
    answer = httpx.get(f"http://127.0.0.1:{run.a2a_port}/health")
    assert answer.status_code == 505 and answer.json()["error"]
    # The connection is still good for calls.
    assert wire.call("/probe.v1.Probe/echo", b"x").messages() == [(False, b"x")]


# --- deadlines and cancellation ---


def test_the_agent_sees_the_time_that_remains(probe):
    # grpcio rounds what it sends up.
    assert 15 < inspected(probe, timeout=20)["remaining"] < 21
    assert inspected(probe, timeout=None)["remaining"] is None


def test_a_deadline_that_passes_ends_the_call(probe, meetings):
    call = probe.unary("hold").future(b"deadline", timeout=0.5)
    begun = meetings.visitor()
    assert begun.place == "held deadline"
    begun.let_through()
    assert call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    ended = meetings.visitor()
    assert ended.place == "cancelled deadline"
    ended.let_through()


@through_the_program
def test_a_deadline_is_kept_also_for_an_agent_that_ignores_it(wire):
    for method, message in (("stubborn", b"1.5"), ("forever", b"")):
        started = time.monotonic()
        reply = wire.call(f"/probe.v1.Probe/{method}", message, fields=[("grpc-timeout", "300m")])
        assert 0.25 < time.monotonic() - started < 1.4, method
        assert reply.status == 4 and reply.details, vars(reply)
    assert wire.call("/probe.v1.Probe/echo", b"x").status == 0


@pytest.mark.parametrize("how", ["unary", "stream", "asyncio", "reset", "connection"])
def test_a_cancelled_call_is_cancelled_at_the_agent_at_once(run, meetings, how):
    def reach(place: str) -> float:
        passage = meetings.visitor()
        assert passage.place == place
        passage.let_through()
        return time.monotonic()

    if how == "asyncio":

        async def main() -> float:
            async with aio_channel(run.a2a_port) as one:
                call = Probe(one).unary("hold")(how.encode())
                task = asyncio.ensure_future(call.code())
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(None, reach, "held " + how)
                at = time.monotonic()
                call.cancel()
                assert await task is grpc.StatusCode.CANCELLED
                await loop.run_in_executor(None, reach, "cancelled " + how)
                return at

        at = asyncio.run(main())
    elif how in ("unary", "stream"):
        with channel(run.a2a_port) as one:
            if how == "unary":
                call = Probe(one).unary("hold").future(how.encode())
                reach("held " + how)
            else:
                call = Probe(one).down("forever")(how.encode())
                assert next(call) == b"first"
            at = time.monotonic()
            call.cancel()
            reach("cancelled " + how)
    else:
        with Wire(run.a2a_port) as one:
            stream = one.request("/probe.v1.Probe/hold", how.encode())
            reach("held " + how)
            at = time.monotonic()
            if how == "reset":
                one.cancel(stream)
            else:
                one.close()
            reach("cancelled " + how)
    assert time.monotonic() - at < 2


# --- sizes, compression, memory ---


class Peak:
    """The largest resident set of a process while the block runs, above what it was before."""

    def __init__(self, pid: int) -> None:
        self._pid, self._before = pid, resident_megabytes(pid)
        self.megabytes = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._done.wait(0.02):
            self._look()

    def _look(self) -> None:
        self.megabytes = max(self.megabytes, resident_megabytes(self._pid) - self._before)

    def __enter__(self) -> "Peak":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self._look()


def test_compression_passes_both_ways(run, wire):
    text = b"compress me " * 10_000
    with channel(run.a2a_port, compression=grpc.Compression.Gzip) as one:
        answer = Probe(one).unary("squeezed")(text, timeout=20)
        assert answer == b"%d:" % len(text) + b"z" * 100_000
        assert Probe(one).unary("echo")(text, timeout=20) == text
    fields = [("grpc-accept-encoding", "identity, gzip"), ("grpc-encoding", "gzip")]
    stream = wire.request("/probe.v1.Probe/squeezed", None, fields=fields, end=False)
    wire.send_raw(stream, framed(gzip.compress(text), compressed=True))
    reply = wire.reply(stream)
    assert reply.head and reply.head["grpc-encoding"] == "gzip"
    ((compressed, body),) = reply.messages()
    assert compressed and len(body) < 2000
    assert gzip.decompress(body).startswith(b"%d:zzz" % len(text))


def test_large_messages_pass_whole(run):
    limits = ("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)
    with channel(run.a2a_port, *limits) as one, Peak(run.pid) as peak:
        message = PART * 256
        assert Probe(one).unary("echo")(message, timeout=60) == message
    assert ALONE or peak.megabytes < 16


def test_a_message_over_a_limit_is_told_by_who_has_the_limit(run):
    with channel(run.a2a_port, ("grpc.max_send_message_length", -1)) as one:
        probe = Probe(one)
        code, details = code_of(lambda: probe.unary("echo")(bytes(40 * MEGABYTE), timeout=60))
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED and str(40 * MEGABYTE) in details
        code, _ = code_of(lambda: probe.unary("some_bytes")(b"%d" % (5 * MEGABYTE), timeout=60))
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert probe.unary("echo")(b"still here", timeout=20) == b"still here"


def test_100_megabytes_up_in_constant_memory(run, probe):
    count = 100 * MEGABYTE // len(PART)
    expected = hashlib.sha256()
    for _ in range(count):
        expected.update(PART)
    with Peak(run.pid) as peak:
        told = json.loads(probe.up("digest")((PART for _ in range(count)), timeout=120))
    assert told == {"bytes": 100 * MEGABYTE, "messages": count, "sha256": expected.hexdigest()}
    assert ALONE or peak.megabytes < 16


def test_100_megabytes_down_in_constant_memory(run, probe):
    count = 100 * MEGABYTE // len(PART)
    with Peak(run.pid) as peak:
        for part in probe.down("flood")(b"%d" % count, timeout=120):
            assert part == PART
            count -= 1
    assert count == 0
    assert ALONE or peak.megabytes < 16


def test_an_answer_before_the_request_s_end_is_the_answer(probe):
    release = threading.Event()

    def requests() -> Iterator[bytes]:
        yield b"one"
        release.wait(20)
        yield b"two"

    assert probe.up("first")(requests(), timeout=20) == b"one"
    release.set()


def test_a_reader_that_does_not_read_stops_its_own_stream_only(run, probe):
    with Peak(run.pid) as peak:
        slow = [probe.down("flood")(b"3200", timeout=120) for _ in range(8)]
        for call in slow:
            assert next(call) == PART
        for _ in range(200):
            assert probe.unary("echo")(b"others", timeout=20) == b"others"
        assert len(list(probe.down("count")(b"1000", timeout=20))) == 1000
        for call in slow:
            call.cancel()
    assert ALONE or peak.megabytes < 16


def test_a_writer_that_is_not_read_is_held_back(run, wire):
    stream = wire.request("/probe.v1.Probe/deaf", b"", end=False)
    with Peak(run.pid) as peak:
        sent = wire.send_all_it_takes(stream, 64 * MEGABYTE)
    assert sent < 16 * MEGABYTE
    assert ALONE or peak.megabytes < 16
    with Wire(run.a2a_port) as other:
        assert other.call("/probe.v1.Probe/echo", b"x").status == 0
    wire.cancel(stream)
    assert wire.call("/probe.v1.Probe/echo", b"x").status == 0


# --- what the program counts ---


@through_the_program
def test_calls_are_counted_and_health_is_not(run, meetings):
    until(lambda: metric(run, "par_requests_in_flight") == 0, "nothing is in flight")
    before = metric(run, "par_requests_completed_total")
    with channel(run.a2a_port) as one:
        probe = Probe(one)
        for _ in range(5):
            probe.unary("echo")(b"", timeout=20)
        list(probe.down("count")(b"3", timeout=20))
        code_of(lambda: probe.unary("fail")(b"INTERNAL:x", timeout=20))
        health = one.unary_unary("/grpc.health.v1.Health/Check")
        for _ in range(5):
            health(b"", timeout=20)
        held = probe.unary("gate").future(b"counted", timeout=20)
        passage = meetings.visitor()
        assert metric(run, "par_requests_in_flight") == 1
        passage.let_through()
        held.result()
    until(lambda: metric(run, "par_requests_in_flight") == 0, "the call is over")
    assert metric(run, "par_requests_completed_total") - before == 8
