"""Whoever asks whether the agent is ready gets the same answer, in every state."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any, Callable, Optional

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from support.agent_service import (
    NOT_SERVING,
    SERVICE_UNKNOWN,
    SERVING,
    AgentService,
    Healths,
    Watch,
)
from support.grpc_clients import Probe, Wire, channel, code_of
from support.program import Run

OK = grpc.StatusCode.OK
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


def check_refused(port: int, wanted: str) -> None:
    """Calls that are no health question, on a connection of their own, and what they are told."""
    with channel(port) as one:
        for call in (
            lambda: Probe(one).unary("echo")(b"", timeout=20),
            lambda: list(Probe(one).down("count")(b"3", timeout=20)),
            lambda: Probe(one).up("digest")(iter([b"x" * 100_000] * 20), timeout=20),
            lambda: list(Probe(one).both("chat")(iter([b"x"]), timeout=20)),
            lambda: Probe(one).unary("absent")(b"", timeout=20),
            lambda: AgentService(one).invoke("anything"),
            lambda: AgentService(one, "/agents/probe/a2a").call("Ping"),
        ):
            assert code_of(call) == (UNAVAILABLE, wanted)


def test_booting(par, grpc_probe, gate):
    run = par(grpc_probe, MEET_AT_IMPORT=1, **gate.environment)
    passage = gate.visitor()
    with Healths(run.port, run.a2a_port) as healths:
        watches = [Watch(one, name) for one in healths.channels for name in ("", "pixell.agent.AgentService")]
        assert [watch.next() for watch in watches] == [NOT_SERVING] * 4
        healths.check(False)
        assert healths.state() == "loading"
        for port in (run.a2a_port, run.port):
            check_refused(port, "The agent is not ready: loading")
        assert all(watch.nothing_more() for watch in watches)
        passage.let_through()
        assert [watch.next() for watch in watches] == [SERVING] * 4
        healths.check(True)
        assert healths.state() == "ready"
        assert run.ready()["a2a_port"] == run.a2a_port
        assert Probe(healths.channels[0]).unary("echo")(b"x", timeout=20) == b"x"
        body = httpx.get(f"{run.base}/health").json()
        assert body["surfaces"] == {"rest": True, "a2a": True}
        at = run.send(signal.SIGINT)
        assert [watch.next() for watch in watches] == [NOT_SERVING] * 4
        assert [watch.next() for watch in watches] == [OK] * 4
        assert run.exit() == 0
        assert time.monotonic() - at < 2, "the watches were waited for"
    # The watches are nothing that a drain has to do.
    assert (run.stopped["completed"], run.stopped["aborted"]) == (0, 0)


def test_a_signal_while_booting_ends_the_watches(par, grpc_probe, gate):
    run = par(grpc_probe, MEET_AT_IMPORT=1, **gate.environment)
    gate.visitor()
    with channel(run.a2a_port) as one:
        watch = Watch(one)
        assert watch.next() == NOT_SERVING
        run.send()
        assert watch.next() in (OK, UNAVAILABLE)
        assert run.exit() == 0


def test_restarting(par, grpc_probe, gate, tmp_path):
    run = par(grpc_probe, SEEN=tmp_path / "seen", **gate.environment)
    run.ready()
    with Healths(run.port, run.a2a_port) as healths:
        watches = [Watch(one) for one in healths.channels]
        assert [watch.next() for watch in watches] == [SERVING] * 2
        healths.check(True)
        os.kill(run.worker_pid, signal.SIGKILL)
        assert [watch.next() for watch in watches] == [NOT_SERVING] * 2
        passage = gate.visitor()
        healths.check(False)
        assert healths.state() == "loading"
        check_refused(run.a2a_port, "The agent is not ready: loading")
        passage.let_through()
        assert [watch.next() for watch in watches] == [SERVING] * 2
        healths.check(True)
        run.ready(count=2)
        assert Probe(healths.channels[0]).unary("echo")(b"x", timeout=20) == b"x"
        for watch in watches:
            watch.cancel()
    assert run.stop(signal.SIGINT) == 0


def test_lame_duck_and_closing(par, grpc_probe, gate):
    run = par(
        grpc_probe, DRAIN_MIN_SEC=3, GRACEFUL_SHUTDOWN_TIMEOUT_SEC=20, **gate.environment
    )
    run.ready()
    with Healths(run.port, run.a2a_port) as healths, channel(run.a2a_port) as kept:
        watch = Watch(kept)
        assert watch.next() == SERVING
        held = Probe(kept).unary("gate").future(b"held")
        passage = gate.visitor()
        run.send()
        assert watch.next() == NOT_SERVING
        assert watch.next() is OK
        # Whoever comes during the lame duck is still served, and told of it.
        healths.check(False)
        assert healths.state() == "draining"
        for port in (run.a2a_port, run.port):
            with Wire(port) as wire:
                assert wire.call("/probe.v1.Probe/echo", b"x").messages() == [(False, b"x")]
                wire.until(lambda: wire.goaways, "a GOAWAY")
                wire.end()
                assert wire.goaways[-1][0] == 0
            # A new watch is told, and ends.
            with channel(port) as one:
                late = Watch(one)
                assert (late.next(), late.next()) == (NOT_SERVING, OK)
        assert run.process.poll() is None and not held.done()

        def closing() -> bool:
            with channel(run.a2a_port) as one:
                try:
                    Probe(one).unary("echo")(b"", timeout=20)
                    return False
                except grpc.RpcError as error:
                    return error.code() is UNAVAILABLE

        while not closing():
            pass
        healths.check(False)
        for port in (run.a2a_port, run.port):
            check_refused(port, "The agent is stopping and takes no new calls")
        passage.let_through()
        assert held.result(timeout=20) == b"held"
    assert run.exit() == 0
    assert run.stopped["outcome"] == "clean" and run.stopped["aborted"] == 0


def test_a_service_that_is_not_known(par, grpc_probe):
    run = par(grpc_probe)
    run.ready()
    for port in (run.a2a_port, run.port):
        with channel(port) as one:
            stub = health_pb2_grpc.HealthStub(one)
            request = health_pb2.HealthCheckRequest(service="no.such.Service")
            assert code_of(lambda: stub.Check(request, timeout=20))[0] is grpc.StatusCode.NOT_FOUND
            watch = Watch(one, "no.such.Service")
            assert watch.next() == SERVICE_UNKNOWN
            # The agent's service is the agent's business: the machine knows two names.
            request = health_pb2.HealthCheckRequest(service="probe.v1.Probe")
            assert code_of(lambda: stub.Check(request, timeout=20))[0] is grpc.StatusCode.NOT_FOUND
            absent = one.unary_unary("/grpc.health.v1.Health/Absent")
            assert code_of(lambda: absent(b"", timeout=20))[0] is grpc.StatusCode.UNIMPLEMENTED
            watch.cancel()
    assert run.stop(signal.SIGINT) == 0


def test_a_package_without_a2a_has_no_agent_to_call(par, probe):
    run = par(probe)
    run.ready()
    assert httpx.get(f"{run.base}/a2a/health").status_code == 404
    with channel(run.a2a_port) as one:
        assert health_pb2_grpc.HealthStub(one).Check(
            health_pb2.HealthCheckRequest(), timeout=20
        ).status == SERVING
        code, _ = code_of(lambda: Probe(one).unary("echo")(b"", timeout=20))
        assert code is grpc.StatusCode.UNIMPLEMENTED
    assert run.stop(signal.SIGINT) == 0


class Watcher:
    """Asks one question again and again; each answer with when it was asked and when it came."""

    def __init__(self, ask: Callable[[], Optional[bool]], stop: threading.Event) -> None:
        self.said: list[tuple[float, float, bool]] = []
        self._ask, self._stop = ask, stop
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            asked = time.monotonic()
            answer = self._ask()
            if answer is not None:
                self.said.append((asked, time.monotonic(), answer))

    def join(self) -> list[tuple[float, float, bool]]:
        self._thread.join(30)
        return self.said


def questions(run: Run) -> list[Callable[[], Optional[bool]]]:
    ports = (run.port, run.a2a_port)
    http = httpx.Client(base_url=run.base, timeout=20)
    channels = [channel(port) for port in ports]

    def rest(path: str) -> Optional[bool]:
        try:
            return http.get(path).status_code == 200
        except httpx.HTTPError:
            return None  # the connection was closed by the drain, or the program is gone

    def check(one: grpc.Channel) -> Optional[bool]:
        request = health_pb2.HealthCheckRequest()
        try:
            return health_pb2_grpc.HealthStub(one).Check(request, timeout=20).status == SERVING
        except grpc.RpcError:
            return None

    def own() -> Optional[bool]:
        try:
            return bool(AgentService(channels[1]).call("Health").ok)
        except grpc.RpcError:
            return None

    return [
        lambda: rest("/health"),
        lambda: rest("/a2a/health"),
        lambda: check(channels[0]),
        lambda: check(channels[1]),
        own,
    ]


def turns(said: list[tuple[float, float, bool]], pattern: list[bool]) -> list[tuple[float, float]]:
    """When each value of the pattern was first heard and last asked for; it must have come so."""
    found: list[tuple[float, float]] = []
    values: list[bool] = []
    for asked, heard, value in said:
        if not values or values[-1] != value:
            values.append(value)
            found.append((heard, asked))
        found[-1] = (found[-1][0], asked)
    assert values == pattern, values
    return found


def test_all_agree_at_every_moment(par, grpc_probe, gate, tmp_path):
    """Two who were asked one after the other never contradict the order of the states: nobody says
    the old thing when asked after somebody else has said the new one."""
    run = par(
        grpc_probe, SEEN=tmp_path / "seen", DRAIN_MIN_SEC=0.5, **gate.environment
    )
    run.wait("load")
    stop = threading.Event()
    watchers = [Watcher(ask, stop) for ask in questions(run)]
    run.ready()
    time.sleep(0.1)  # for each to have asked in this state: no event tells that
    os.kill(run.worker_pid, signal.SIGKILL)
    passage = gate.visitor()
    time.sleep(0.1)
    passage.let_through()
    run.ready(count=2)
    time.sleep(0.1)
    run.send()
    run.wait("drain")
    time.sleep(0.1)
    stop.set()
    said = [watcher.join() for watcher in watchers]
    assert run.exit() == 0
    everything: list[Any] = [turns(one, [False, True, False, True, False]) for one in said]
    for change in range(1, 5):
        first_heard = min(one[change][0] for one in everything)
        last_asked = max(one[change - 1][1] for one in everything)
        assert last_asked < first_heard, f"change {change}: {last_asked - first_heard:.4f} s late"
