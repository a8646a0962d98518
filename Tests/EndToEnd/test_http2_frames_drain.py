"""The end of connections, frame by frame: two GOAWAYs with a PING between them (RFC 9113 section 6.8)."""

from __future__ import annotations

from pathlib import Path

import pytest

from http2 import agent, frames
from http2.peer import Peer, Received
from http2.rows import Target

#: `HealthCheckResponse` with SERVING and with NOT_SERVING, as messages of gRPC.
SERVING, NOT_SERVING = agent.message(b"\x08\x01"), agent.message(b"\x08\x02")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return agent.package(tmp_path_factory.mktemp("http2") / "agent.apkg")


def goaways(peer: Peer) -> list[tuple[int, str]]:
    """Last stream and code of each."""
    found = [frame for frame in peer.received if frame.kind == frames.GOAWAY]
    return [(int.from_bytes(frame.payload[:4], "big"), frame.code) for frame in found]


def is_ping(frame: Received) -> bool:
    return frame.kind == frames.PING and not frame.flags & frames.ACK


def both(run) -> list[Target]:
    return [agent.forwarded("invoke", run.a2a_port), agent.rest("rest", run.port)]


def test_a_drain_says_goodbye_twice(par, package):
    run = par(package, DRAIN_MIN_SEC=2, STREAM_DRAIN_SEC=2, GRACEFUL_SHUTDOWN_TIMEOUT_SEC=20)
    run.ready()
    targets = both(run)
    peers = [Peer(target.port, polite=False) for target in targets]
    for peer, target in zip(peers, targets):
        peer.send(frames.SETTINGS_ACK + target.open(1))
        peer.ping()
    run.send()
    for peer, target in zip(peers, targets):
        peer.until(lambda: peer.goaway)
        assert goaways(peer) == [(frames.LARGEST_WINDOW, "NO_ERROR")]
        ping = next((one for one in peer.received if is_ping(one)), None) or peer.wait(is_ping)
        # A stream that was opened before the client has read it is served.
        peer.send(target.whole(3))
        assert target.good(peer.response(3))
        peer.send(frames.ping(ping.payload, ack=True))
        peer.until(lambda: len(goaways(peer)) == 2)
        assert goaways(peer)[1] == (3, "NO_ERROR")
        # What was begun goes on to its end, and then the connection ends.
        peer.send(target.finish(1))
        assert target.good(peer.response(1))
        peer.closed()
        assert peer.violations == []
        peer.socket.close()
    assert run.exit() == 0
    assert run.stopped["aborted"] == 0


def test_a_client_that_does_not_answer_the_ping(par, package):
    """The second GOAWAY comes all the same, and the drain does not wait for it."""
    run = par(package, DRAIN_MIN_SEC=2, GRACEFUL_SHUTDOWN_TIMEOUT_SEC=20)
    run.ready()
    with Peer(run.a2a_port, polite=False) as peer:
        target = agent.forwarded("invoke", run.a2a_port)
        peer.send(frames.SETTINGS_ACK + target.open(1))
        peer.ping()
        run.send()
        peer.until(lambda: len(goaways(peer)) == 2)
        assert goaways(peer) == [(frames.LARGEST_WINDOW, "NO_ERROR"), (1, "NO_ERROR")]
        peer.send(target.finish(1))
        assert target.good(peer.response(1))
        peer.closed()
    assert run.exit() == 0


def test_a_connection_of_the_drain(par, package):
    """Who connects during a drain is served once, and told to go."""
    run = par(package, DRAIN_MIN_SEC=2, STREAM_DRAIN_SEC=5, GRACEFUL_SHUTDOWN_TIMEOUT_SEC=20)
    run.ready()
    targets = both(run)
    with Peer(run.a2a_port) as holder:
        holder.send(targets[0].open(1))
        holder.ping()
        run.send()
        holder.until(lambda: holder.goaway)
        for target in targets:
            with Peer(target.port) as peer:
                peer.send(target.whole(1))
                assert target.good(peer.response(1))
                peer.closed()
                assert goaways(peer)[-1] == (1, "NO_ERROR")
                assert peer.violations == []
        holder.send(targets[0].finish(1))
        assert targets[0].good(holder.response(1))
    assert run.exit() == 0


def test_a_watch_ends_with_the_drain(par, package):
    """NOT_SERVING at once, and then the end with OK."""
    run = par(package, DRAIN_MIN_SEC="0.5")
    run.ready()
    watch = agent.check("watch", run.a2a_port)
    with Peer(run.a2a_port) as peer:
        peer.send(watch.hold(1))
        peer.until(lambda: 1 in peer.responses and peer.responses[1].content)
        assert peer.responses[1].content == SERVING
        run.send()
        response = peer.response(1)
        assert response.content == SERVING + NOT_SERVING
        assert response.value(b"grpc-status") == "0"
        peer.closed()
        assert {code for _, code in goaways(peer)} == {"NO_ERROR"}
        assert peer.violations == []
    assert run.exit() == 0
