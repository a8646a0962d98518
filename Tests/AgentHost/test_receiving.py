"""An application's `receive`, cancelled, awaited twice, or given up."""

import asyncio
import sys

import pytest

from conftest import START, WAIT_SEC

sys.path.insert(0, str(START.parent))

from par_agent_host.receiving import Receiving

LAST = {"type": "http.disconnect"}


def _run(body):
    async def run():
        queue = asyncio.Queue()
        return await asyncio.wait_for(body(queue, Receiving(queue.get)), WAIT_SEC)

    return asyncio.run(run())


def test_messages_come_in_order_whether_they_are_waited_for_or_not():
    async def body(queue, receiving):
        queue.put_nowait(1)
        first = await receiving.receive()
        waiting = asyncio.ensure_future(receiving.receive())
        await asyncio.sleep(0)
        queue.put_nowait(2)
        return [first, await waiting]

    assert _run(body) == [1, 2]


def test_a_receive_that_is_cancelled_loses_no_message():
    async def body(queue, receiving):
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(receiving.receive(), 0.001)
        waiting = asyncio.ensure_future(receiving.receive())
        await asyncio.sleep(0)
        queue.put_nowait(1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return await receiving.receive()

    assert _run(body) == 1


def test_all_that_wait_are_given_the_last_message_and_all_later_ones_too():
    async def body(queue, receiving):
        waiting = [asyncio.ensure_future(receiving.receive()) for _ in range(3)]
        await asyncio.sleep(0)
        assert not receiving.was_told
        receiving.finish(LAST)
        messages = await asyncio.gather(*waiting)
        queue.put_nowait("too late")
        assert receiving.was_told
        return messages + [await receiving.receive()]

    assert _run(body) == [LAST] * 4


def test_a_cancellation_in_the_moment_of_the_end_stays_one():
    async def body(queue, receiving):
        waiting = asyncio.ensure_future(receiving.receive())
        await asyncio.sleep(0)
        receiving.finish(LAST)
        waiting.cancel()
        await asyncio.wait({waiting})
        return waiting.cancelled()

    assert _run(body)


def test_a_server_may_yield_take_a_cancellation_and_raise():
    async def receive():
        await asyncio.sleep(0)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0.001)
            raise ValueError("raised by the server")

    async def body(queue, receiving):
        waiting = asyncio.ensure_future(Receiving(receive).receive())
        for _ in range(3):
            await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(ValueError, match="raised by the server"):
            await waiting

    _run(body)
