"""Calls go on whatever the agent's side of them does: connections that end, narrow ones, restarts."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from typing import Any

import grpc
import httpx
import pytest

from support.clients import until
from support.figures import metric
from support.grpc_clients import Probe, Wire, aio_channel, channel, code_of

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("shape", ["aio returned", "aio serve"])
def test_an_agent_that_ends_its_connections_loses_no_call(par, grpc_probe, shape):
    """grpcio's own GOAWAY, every 0.2 s: what it did not take is repeated, what it took is finished."""
    options = {"grpc.max_connection_age_ms": 200, "grpc.max_connection_age_grace_ms": 5000}
    run = par(grpc_probe, PROBE_SHAPE=shape, PROBE_OPTIONS=json.dumps(options))
    run.ready()
    counts = [0]

    async def main() -> None:
        end = time.monotonic() + 1.5

        async def client(seconds: bytes) -> None:
            async with aio_channel(run.a2a_port) as one:
                while time.monotonic() < end:
                    assert await Probe(one).unary("slow")(seconds, timeout=30) == seconds
                    counts[0] += 1

        await asyncio.gather(*(client(b"%.3f" % (n / 100)) for n in range(12)))

    asyncio.run(main())
    assert counts[0] > 50
    until(lambda: metric(run, "par_requests_in_flight") == 0, "nothing is in flight")
    assert metric(run, "par_requests_completed_total") == counts[0]
    assert metric(run, "par_requests_aborted_total") == 0
    assert run.stop(signal.SIGINT) == 0


def test_an_agent_that_takes_few_streams_is_given_few(par, grpc_probe):
    """grpcio counts streams a little longer than their calls take, and refuses some also of a client
    that keeps to its limit; a call that it refused was not begun, and its caller is told just that."""
    options = {
        "grpc.max_concurrent_streams": 4,
        "grpc.max_concurrent_streams_overload_protection": 0,
    }
    run = par(grpc_probe, PROBE_OPTIONS=json.dumps(options))
    run.ready()

    async def main() -> None:
        async with aio_channel(run.a2a_port) as one:
            calls = [Probe(one).unary("slow")(b"0.02", timeout=60) for _ in range(60)]
            answers = await asyncio.gather(*calls, return_exceptions=True)
            assert answers.count(b"0.02") >= 4
            refused = {(x.code(), x.details()) for x in answers if x != b"0.02"}
            assert {code for code, _ in refused} <= {UNAVAILABLE}, refused
            assert all("RST_STREAM with error code 7" in details for _, details in refused), refused
            # Those that wait can be cancelled, and take nothing from the others.
            held = [Probe(one).down("forever")(b"") for _ in range(30)]
            codes = [asyncio.ensure_future(call.code()) for call in held]
            while metric(run, "par_requests_in_flight") < 4:
                await asyncio.sleep(0.01)
            for call in held:
                call.cancel()
            await asyncio.gather(*codes)
            answered = 0
            while answered < 20:
                with contextlib.suppress(grpc.aio.AioRpcError):
                    answered += await Probe(one).unary("echo")(b"x", timeout=20) == b"x"

    asyncio.run(main())
    until(lambda: metric(run, "par_requests_in_flight") == 0, "nothing is in flight")
    assert run.stop(signal.SIGINT) == 0


def test_an_agent_that_stands_still_holds_nothing_but_its_calls(par, grpc_probe):
    run = par(grpc_probe)
    run.ready()
    with channel(run.a2a_port) as one, channel(run.port) as other:
        probe = Probe(one)
        assert probe.unary("echo")(b"x", timeout=20) == b"x"
        os.kill(run.worker_pid, signal.SIGSTOP)
        try:
            calls = [probe.unary("echo").future(b"late", timeout=20) for _ in range(5)]
            late = Probe(other).unary("echo").future(b"later", timeout=20)
            code, _ = code_of(lambda: probe.unary("echo")(b"", timeout=0.3))
            assert code is grpc.StatusCode.DEADLINE_EXCEEDED
            assert httpx.get(f"{run.base}/health").status_code == 200
            health = one.unary_unary("/grpc.health.v1.Health/Check")
            assert health(b"", timeout=20) == b"\x08\x01"
            cancelled = probe.unary("echo").future(b"never")
            cancelled.cancel()
        finally:
            os.kill(run.worker_pid, signal.SIGCONT)
        assert [call.result() for call in calls] == [b"late"] * 5
        assert late.result() == b"later"
    until(lambda: metric(run, "par_requests_in_flight") == 0, "nothing is in flight")
    assert run.stop(signal.SIGINT) == 0


def test_callers_see_a_restart_as_unavailable_and_nothing_else(par, grpc_probe):
    """Clients that call without pause while the worker is killed and comes again."""
    run = par(grpc_probe)
    run.ready()
    failures: list[tuple[grpc.StatusCode, str]] = []
    answered = [0]
    over = [False]

    async def main() -> None:
        async def client(port: int) -> None:
            async with aio_channel(port) as one:
                while not over[0]:
                    try:
                        assert await Probe(one).unary("slow")(b"0.01", timeout=20) == b"0.01"
                        answered[0] += 1
                    except grpc.aio.AioRpcError as error:
                        failures.append((error.code(), error.details()))
                        await asyncio.sleep(0.01)

        clients = [asyncio.ensure_future(client(p)) for p in (run.a2a_port, run.port) * 8]
        loop = asyncio.get_running_loop()
        while answered[0] < 50:
            await asyncio.sleep(0.01)
        os.kill(run.worker_pid, signal.SIGKILL)
        await loop.run_in_executor(None, lambda: run.ready(count=2))
        since = answered[0]
        while answered[0] < since + 50:
            await asyncio.sleep(0.01)
        over[0] = True
        await asyncio.gather(*clients)

    asyncio.run(main())
    assert failures and {code for code, _ in failures} == {UNAVAILABLE}
    assert all(details for _, details in failures)
    assert "The agent is not ready: loading" in {details for _, details in failures}
    until(lambda: metric(run, "par_requests_in_flight") == 0, "nothing is in flight")
    assert run.stop(signal.SIGINT) == 0


@pytest.mark.parametrize("shape", ["aio returned", "aio serve"])
def test_a_server_that_ends_by_itself_is_a_worker_lost(par, grpc_probe, shape):
    """Nobody could call the agent any more, and health would say that all is well."""
    run = par(grpc_probe, PROBE_SHAPE=shape)
    run.ready()
    with channel(run.a2a_port) as one:
        Probe(one).unary("end_server").future(b"", timeout=20).exception()
        assert run.wait("worker_exited")["will_restart"] is True
        run.ready(count=2)
        assert Probe(one).unary("echo")(b"x", timeout=20) == b"x"
    assert run.stop(signal.SIGINT) == 0


RETRY = json.dumps({
    "methodConfig": [{
        "name": [{}],
        "retryPolicy": {
            "maxAttempts": 5, "initialBackoff": "0.5s", "maxBackoff": "2s",
            "backoffMultiplier": 2, "retryableStatusCodes": ["UNAVAILABLE"],
        },
    }],
})  # fmt: skip


def test_grpcio_s_own_retries_bridge_a_boot_and_a_restart(par, grpc_probe):
    run = par(grpc_probe)
    with channel(run.a2a_port, ("grpc.service_config", RETRY)) as one:
        call = Probe(one).unary("echo")
        assert call(b"early", timeout=30) == b"early"
        run.ready()
        os.kill(run.worker_pid, signal.SIGKILL)
        run.wait("worker_exited")
        assert call(b"in the gap", timeout=30) == b"in the gap"
    run.ready(count=2)
    assert run.stop(signal.SIGINT) == 0


def test_metadata_over_the_limit_is_resource_exhausted(par, grpc_probe):
    """64 KiB and 100 fields; the connection and its other calls go on."""
    run = par(grpc_probe)
    run.ready()
    with Wire(run.a2a_port) as wire:
        other = wire.request("/probe.v1.Probe/slow", b"0.3")
        for many in ([("x-large", "a" * 1000)] * 70, [(f"x-{n}", "1") for n in range(150)]):
            reply = wire.call("/probe.v1.Probe/echo", b"x", fields=many)
            assert reply.status == 8 and reply.details, vars(reply)
        assert wire.call("/probe.v1.Probe/echo", b"x", fields=[("x-large", "a" * 6000)]).status == 0
        assert wire.reply(other).status == 0
    assert run.stop(signal.SIGINT) == 0


def test_the_access_log_names_calls(par, grpc_probe):
    run = par(grpc_probe, ACCESS_LOG="true")
    run.ready()
    with channel(run.a2a_port) as one:
        Probe(one).unary("echo")(b"x", metadata=(("x-request-id", "call-1"),), timeout=20)
        list(Probe(one, "/agents/probe/a2a").down("count")(b"3", timeout=20))
    lines: list[Any] = []

    def two() -> bool:
        lines[:] = [x for x in run.events("request") if "probe.v1" in json.dumps(x)]
        return len(lines) == 2

    until(two, "a line for each call")
    assert {line["surface"] for line in lines} == {"a2a"}
    assert {line["method"] for line in lines} == {"POST"}
    assert {(line["status"], line["grpc_status"]) for line in lines} == {(200, "OK")}
    assert "call-1" in {line["request_id"] for line in lines}
    assert run.stop(signal.SIGINT) == 0
