"""An application's `receive` that can be ended while it waits."""

import types


class Receiving:
    """The messages of one request, until `finish` puts another message in the place of all later ones.

    The server's own coroutine is driven here by hand, in the task that awaits it: a message that
    is there costs no task and no future, and one that is not can be given up without cancelling
    the application.
    """

    # On the class, because there is one object a request: most never need their own.
    was_told = False
    _last = None
    _waiting = None

    def __init__(self, receive):
        self._receive = receive

    async def receive(self):
        if self._last is None:
            coroutine = self._receive()
            try:
                awaited = coroutine.send(None)
            except StopIteration as done:
                return done.value
            message = await self._received(coroutine, awaited)
            if message is not None:
                return message
        self.was_told = True
        return dict(self._last)

    def finish(self, last):
        """From now on every message is `last`, for those who wait already, too."""
        self._last = last
        for waiter in self._waiting or ():
            _wake(waiter)

    @types.coroutine
    def _received(self, coroutine, awaited):
        """The coroutine's result, from the first time that it waits; None when it was given up."""
        while True:
            resume, argument = coroutine.send, None
            try:
                if awaited is None:
                    # A bare `yield`, as in asyncio.sleep(0).
                    yield
                else:
                    # What a task does with a future that its coroutine yields.
                    awaited._asyncio_future_blocking = False
                    yield from self._turn(awaited)
            except BaseException as error:
                # Cancelled, most likely: the coroutine has to see it as if it had our place.
                if awaited is not None:
                    awaited.cancel()
                resume, argument = coroutine.throw, error
            else:
                if self._last is not None:
                    coroutine.close()
                    return None
            try:
                awaited = resume(argument)
            except StopIteration as done:
                return done.value

    def _turn(self, awaited):
        """Waits until the future is done, or `finish` is called."""
        waiter = awaited.get_loop().create_future()

        def wake(unused):
            _wake(waiter)

        awaited.add_done_callback(wake)
        # A set: an application may have several tasks that receive.
        self._waiting = self._waiting or set()
        self._waiting.add(waiter)
        try:
            yield from waiter
        finally:
            self._waiting.discard(waiter)
            awaited.remove_done_callback(wake)


def _wake(waiter):
    if not waiter.done():
        waiter.set_result(None)
