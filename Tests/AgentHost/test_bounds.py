"""Bounds of the host that a whole process would reach only slowly."""

import asyncio
import socket
import sys

import pytest

from conftest import START

sys.path.insert(0, str(START.parent))

from par_agent_host import lifespan, notify
from par_agent_host.failure import Failure


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    yield ours, theirs
    ours.close()
    theirs.close()


def test_a_parent_that_reads_nothing_does_not_hold_the_host_up(ends, monkeypatch):
    monkeypatch.setattr(notify, "SEND_TIMEOUT_SEC", 0.001)
    notifier = notify.Notifier(ends[0].detach())
    for number in range(2000):
        notifier.status("step %d" % number)
    assert ends[1].recv(65536) == b"STATUS=step 0"


def test_a_parent_that_is_gone_does_not_either(ends):
    notifier = notify.Notifier(ends[0].detach())
    ends[1].close()
    notifier.status("anyone?")


@pytest.mark.parametrize(
    "text", ["x" * 300_000, "\u20ac" * 100_000, '"' * 100_000, "\ud800" * 70_000]
)
def test_every_field_of_a_failure_may_be_huge(text, ends):
    notify.Notifier(ends[0].detach()).failure(Failure(text, text, text))
    data = ends[1].recv(1 << 20)
    assert len(data) <= notify.DATAGRAM_MAX_BYTES
    assert data.startswith(b"X_PAR_FAILURE={") and data.endswith(b"}")


def test_an_application_that_hangs_after_a_failed_start_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(lifespan, "LAST_WORDS_SEC", 0.001)

    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no"})
        await asyncio.Event().wait()

    async def start():
        await lifespan.Lifespan(app, "main:app", {}, "/").start()

    with pytest.raises(Failure, match="main:app failed: no"):
        asyncio.run(start())
