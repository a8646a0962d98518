"""SIGTERM with gRPC calls in flight."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import threading
import time
from typing import Any

import grpc
import pytest

from support.clients import until
from support.figures import metric
from support.grpc_clients import Probe, Wire, aio_channel, channel, code_of

OK = grpc.StatusCode.OK
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("shape", ["aio returned", "aio serve"])
def test_64_calls_and_16_streams_in_flight(par, grpc_probe, shape):
    """Calls of up to 3 s and streams that end in time are not lost; streams that never end get a
    status when their time is over, and are counted."""
    run = par(
        grpc_probe,
        PROBE_SHAPE=shape,
        DRAIN_MIN_SEC=1,
        STREAM_DRAIN_SEC=2,
        GRACEFUL_SHUTDOWN_TIMEOUT_SEC=10,
    )
    run.ready()
    chance = random.Random(5)

    async def main() -> tuple[Any, Any, Any, float]:
        async with aio_channel(run.a2a_port) as one, aio_channel(run.port) as other:
            probes = [Probe(one), Probe(other)]
            ending = [probes[n % 2].both("chat")(timeout=60) for n in range(4)]
            endless = [probes[n % 2].down("forever")(b"", timeout=60) for n in range(8)]
            silent = [probes[n % 2].up("deaf")(timeout=60) for n in range(4)]
            for call in ending:
                await call.write(b"before")
                assert await call.read() == b"re: before"
            for call in endless:
                assert await call.read() == b"first"
            for call in silent:
                await call.write(b"nobody takes this")
            calls = [
                probes[n % 2].unary("slow")(f"{chance.uniform(1.5, 3):.2f}".encode(), timeout=60)
                for n in range(64)
            ]
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(
                None, until, lambda: metric(run, "par_requests_in_flight") == 80, "80 in flight"
            )
            at = run.send()

            async def rest_of(call: Any) -> Any:
                """Goes on for most of the time that streams have."""
                for number in range(10):
                    await asyncio.sleep(0.1)
                    await call.write(b"%d" % number)
                    if await call.read() != b"re: %d" % number:
                        return await call.code()
                await call.done_writing()
                assert await call.read() is grpc.aio.EOF
                return await call.code()

            answers = asyncio.gather(*calls, return_exceptions=True)
            ended = asyncio.gather(*(rest_of(call) for call in ending))
            cut = asyncio.gather(*(call.code() for call in endless + silent))
            details = await asyncio.gather(*(call.details() for call in endless))
            assert all(details), details
            return await answers, await ended, await cut, at

    answers, ended, cut, at = asyncio.run(main())
    failed = [one for one in answers if isinstance(one, BaseException)]
    assert not failed, failed[:3]
    assert ended == [OK] * 4
    assert cut == [UNAVAILABLE] * 12
    assert run.exit() == 0
    assert time.monotonic() - at < 5
    drain, stopped = run.events("drain")[0], run.stopped
    assert drain["in_flight"] == 80
    assert (stopped["completed"], stopped["aborted"]) == (68, 12), stopped
    assert stopped["outcome"] == "cut"
    aborted = run.events("request_aborted")
    assert len(aborted) == 12 and {line["surface"] for line in aborted} == {"a2a"}
    assert {line["method"] for line in aborted} == {"POST"}


@pytest.mark.parametrize("port", ["a2a", "rest"])
def test_goaway_is_sent_twice_and_streams_go_on(par, grpc_probe, gate, port):
    run = par(grpc_probe, DRAIN_MIN_SEC=1, **gate.environment)
    run.ready()
    with Wire(run.port if port == "rest" else run.a2a_port) as wire:
        assert wire.call("/probe.v1.Probe/echo", b"x").status == 0
        stream = wire.request("/probe.v1.Probe/gate", b"in flight")
        passage = gate.visitor()
        run.send()
        wire.until(lambda: len(wire.goaways) == 2, "two GOAWAYs")
        first, second = wire.goaways
        assert first == (0, 2**31 - 1)
        assert second == (0, stream)
        assert wire.pings >= 1
        passage.let_through()
        reply = wire.reply(stream)
        assert reply.status == 0 and reply.messages() == [(False, b"in flight")]
        wire.end()
    assert run.exit() == 0
    assert (run.stopped["completed"], run.stopped["aborted"]) == (1, 0)


def test_an_idle_connection_does_not_hold_the_drain(par, grpc_probe):
    run = par(grpc_probe, DRAIN_MIN_SEC=0.2)
    run.ready()
    with Wire(run.a2a_port) as idle, Wire(run.port) as fresh, channel(run.a2a_port) as kept:
        assert idle.call("/probe.v1.Probe/echo", b"x").status == 0
        Probe(kept).unary("echo")(b"x", timeout=20)
        at = run.send()
        idle.end()
        fresh.end()
        assert idle.goaways and fresh.goaways
        assert run.exit() == 0
        assert time.monotonic() - at < 1.5


def test_no_call_is_lost_by_clients_that_go_on(par, grpc_probe):
    """grpcio changes connections when it is told to go away: nothing that it sends in the lame duck
    fails, and what fails afterwards was refused, not lost."""
    # Longer than grpcio waits before it connects again, after the last call was begun.
    run = par(grpc_probe, DRAIN_MIN_SEC=4, GRACEFUL_SHUTDOWN_TIMEOUT_SEC=12)
    run.ready()
    at = [float("inf")]
    results: list[tuple[float, Any]] = []

    async def main() -> None:
        async def client(port: int, seed: int) -> None:
            chance = random.Random(seed)
            async with aio_channel(port) as one:
                while time.monotonic() < at[0] + 1:
                    sent = time.monotonic()
                    seconds = chance.choice([b"0", b"0.005", b"0.05"])
                    try:
                        answer: Any = await Probe(one).unary("slow")(seconds, timeout=30)
                    except grpc.aio.AioRpcError as error:
                        answer = (error.code(), error.details())
                    results.append((sent, answer))

        clients = [
            asyncio.ensure_future(client(port, seed))
            for seed in range(16)
            for port in (run.a2a_port, run.port)
        ]
        while len(results) < 500:
            await asyncio.sleep(0.01)
        at[0] = run.send()
        await asyncio.gather(*clients)

    asyncio.run(main())
    assert run.exit() == 0
    wrong = [(sent - at[0], answer) for sent, answer in results if isinstance(answer, tuple)]
    assert not wrong, wrong[:5]
    late = sum(sent > at[0] for sent, _ in results)
    assert late, "nobody called during the lame duck"
    # `stopped` counts from the drain's begin.
    assert late <= run.stopped["completed"] <= late + 64 and run.stopped["aborted"] == 0


def test_a_second_signal_cuts_everything(par, grpc_probe, gate):
    run = par(grpc_probe, DRAIN_MIN_SEC=1, GRACEFUL_SHUTDOWN_TIMEOUT_SEC=20, **gate.environment)
    run.ready()
    with channel(run.a2a_port) as one:
        calls = [Probe(one).unary("slow").future(b"30") for _ in range(4)]
        stream = Probe(one).down("forever")(b"")
        assert next(stream) == b"first"
        until(lambda: metric(run, "par_requests_in_flight") == 5, "five in flight")
        at = run.send(signal.SIGINT)
        run.wait("drain")
        run.send(signal.SIGINT)
        for call in [*calls, stream]:
            assert call.code() is UNAVAILABLE and call.details()
    assert run.exit() == 0
    assert time.monotonic() - at < 3
    assert (run.stopped["completed"], run.stopped["aborted"]) == (0, 5)


# --- the worker's end ---


def test_a_worker_killed_under_load(par, grpc_probe, gate, tmp_path):
    """What it had in flight is UNAVAILABLE and named in the log; what comes later is served."""
    run = par(grpc_probe, SEEN=tmp_path / "seen", **gate.environment)
    run.ready()
    with channel(run.a2a_port) as one:
        probe = Probe(one)
        ids = [f"lost-{n}" for n in range(14)]
        calls = [
            probe.unary("slow").future(b"30", metadata=(("x-request-id", name),)) for name in ids[:10]
        ]
        streams = [
            probe.down("forever")(b"", metadata=(("x-request-id", name),)) for name in ids[10:12]
        ]
        chats = []
        for name in ids[12:]:
            turn = threading.Event()

            def questions(turn: threading.Event = turn) -> Any:
                yield b"one"
                turn.wait(30)

            chats.append((probe.both("chat")(questions(), metadata=(("x-request-id", name),)), turn))
        for stream in streams:
            assert next(stream) == b"first"
        for chat, _ in chats:
            assert next(chat) == b"re: one"
        until(lambda: metric(run, "par_requests_in_flight") == 14, "14 in flight")
        os.kill(run.worker_pid, signal.SIGKILL)
        for call in [*calls, *streams, *(chat for chat, _ in chats)]:
            assert call.code() is UNAVAILABLE and call.details(), call
        for _, turn in chats:
            turn.set()
        exited = run.wait("worker_exited")
        assert sorted(exited["in_flight"]) == sorted(ids)
        passage = gate.visitor()
        aborted = run.events("request_aborted")
        assert sorted(line["request_id"] for line in aborted) == sorted(ids)
        assert {line["surface"] for line in aborted} == {"a2a"}
        assert {line["route"] for line in aborted} == {
            f"/probe.v1.Probe/{name}" for name in ("slow", "forever", "chat")
        }
        assert code_of(lambda: probe.unary("echo")(b"", timeout=20))[0] is UNAVAILABLE
        passage.let_through()
        run.ready(count=2)
        assert probe.unary("echo")(b"again", timeout=20) == b"again"
        assert metric(run, "par_requests_aborted_total") == 14
    assert run.stop(signal.SIGINT) == 0


def test_a_worker_that_leaves_in_the_middle_of_a_call(par, grpc_probe):
    run = par(grpc_probe)
    run.ready()
    with channel(run.a2a_port) as one:
        for attempt, status in enumerate((b"0", b"7"), start=2):
            code, details = code_of(lambda: Probe(one).unary("leave")(status, timeout=20))
            assert code is UNAVAILABLE and details
            run.ready(count=attempt)
            assert Probe(one).unary("echo")(b"x", timeout=20) == b"x"
    assert run.stop(signal.SIGINT) == 0


def test_a_worker_lost_in_the_lame_duck_ends_the_calls(par, grpc_probe):
    run = par(grpc_probe, DRAIN_MIN_SEC=10)
    run.ready()
    with channel(run.a2a_port) as one:
        call = Probe(one).unary("slow").future(b"30")
        until(lambda: metric(run, "par_requests_in_flight") == 1, "one in flight")
        run.send()
        run.wait("drain")
        os.kill(run.worker_pid, signal.SIGKILL)
        assert call.code() is UNAVAILABLE
        run.wait("worker_exited")
        with channel(run.a2a_port) as other:
            code, details = code_of(lambda: Probe(other).unary("echo")(b"", timeout=20))
            assert code is UNAVAILABLE and details
    run.send(signal.SIGINT)
    assert run.exit() == 0
    # The line is written before the gate closes: a call that comes in between is lost as well.
    assert run.stopped["aborted"] in (1, 2)
