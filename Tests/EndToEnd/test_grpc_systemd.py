"""gRPC on sockets that a service manager passed."""

from __future__ import annotations

import collections
import signal
import threading

import grpc

from support.agent_service import SERVING, Watch
from support.clients import until
from support.grpc_clients import Probe, channel
from support.program import DEADLINE
from test_systemd import inheriting, listener, passing, port_of  # noqa: F401


def test_the_a2a_port_may_be_passed(passing, grpc_probe):  # noqa: F811
    rest, a2a = listener(), listener()
    with channel(port_of(a2a)) as one:
        # Whoever connects before the program is there finds it behind the same socket.
        watch = Watch(one)
        run = passing(grpc_probe, [a2a, rest], "a2a:rest")
        line = run.ready()
        assert (line["rest_port"], line["a2a_port"]) == (port_of(rest), port_of(a2a))
        until(lambda: watch.next() == SERVING, "the watch hears of it")
        assert Probe(one).unary("echo")(b"x", timeout=20) == b"x"
        with channel(port_of(rest)) as other:
            assert Probe(other).unary("echo")(b"x", timeout=20) == b"x"
    assert run.stop(signal.SIGINT) == 0
    assert not run.events("warning")


def test_a_successor_on_the_same_socket(passing, grpc_probe):  # noqa: F811
    """systemctl restart under load: calls are served or refused as not ready, and none is lost."""
    rest, a2a = listener(), listener()
    answers: collections.Counter[object] = collections.Counter()
    stopping = threading.Event()

    def call() -> None:
        with channel(port_of(a2a)) as one:
            while not stopping.is_set():
                try:
                    answer: object = Probe(one).unary("slow")(b"0.01", timeout=DEADLINE)
                except grpc.RpcError as error:
                    answer = (error.code(), error.details())
                    stopping.wait(0.02)  # as a client that backs off
                answers[answer] += 1

    def served() -> int:
        return answers[b"0.01"]

    run = passing(grpc_probe, [rest, a2a], "rest:a2a")
    run.ready()
    clients = [threading.Thread(target=call, daemon=True) for _ in range(8)]
    for client in clients:
        client.start()
    until(lambda: served() > 50, "calls are served")
    assert run.stop() == 0
    assert run.stopped["aborted"] == 0
    run = passing(grpc_probe, [rest, a2a], "rest:a2a")
    run.ready()
    until(lambda so_far=served(): served() > so_far + 50, "calls are served again")
    stopping.set()
    for client in clients:
        client.join(DEADLINE)
    del answers[b"0.01"]
    codes = {one[0] for one in answers if isinstance(one, tuple)}
    assert codes <= {grpc.StatusCode.UNAVAILABLE} and len(answers) <= 4, answers
    assert all("The agent is" in one[1] for one in answers if isinstance(one, tuple)), answers
    assert run.stop(signal.SIGINT) == 0
