"""Event streams and WebSockets, which a drain ends so that their clients see a proper end."""

import asyncio

from .receiving import Receiving

MOMENT_SEC = 0.1
"""How long an application that was told of the end of its stream has for ending it by itself, and
a client for agreeing to the end of its WebSocket."""

GOING_AWAY = 1001
"""The code with which WebSockets are closed (RFC 6455, 7.4.1)."""

NEW, PLAIN, OPEN, OVER = range(4)
"""What is known of a response or a WebSocket: nothing yet; it is no stream, or ended by the
application; it is a stream; it is one that the host ended."""

_EVENT_STREAM = b"text/event-stream"


class StreamEnded(OSError):
    """What sending into an ended stream raises; an OSError, as ASGI has it for a client that left."""


class Streams:
    """An ASGI application over another one that knows which of its answers are streams."""

    def __init__(self, app):
        self._app = app
        self._open = set()
        self._over = set()
        self._endings = set()
        self._is_ending = False

    async def serve(self, scope, receive, send):
        """The application itself; runs for every request."""
        exchange = (_Response if scope["type"] == "http" else _WebSocket)(self, receive, send)
        try:
            return await self._app(scope, exchange.receive, exchange.send)
        except BaseException as error:
            if not exchange.is_cause_of(error):
                raise
        finally:
            if exchange.state >= OPEN:
                self.forget(exchange)
                await exchange.left()

    def opened(self, exchange):
        """Takes note of a stream; one that begins after the others were ended is ended, too."""
        exchange.task = asyncio.current_task()
        self._open.add(exchange)
        if self._is_ending:
            self._end(exchange)

    def forget(self, exchange):
        """A stream was ended by its application, or that returned."""
        self._open.discard(exchange)
        self._over.discard(exchange)

    def end(self):
        """Ends every stream, those that begin later included."""
        self._is_ending = True
        for exchange in list(self._open):
            self._end(exchange)

    async def close(self, is_known):
        """Ends every stream; returns when all are, after three moments at most.

        `is_known`: the drain was told before; where it was not, streams that end themselves when
        they learn of it have a moment for that. What has not noticed the end is cancelled: nothing
        else would tell it.
        """
        if self._open and not is_known:
            await asyncio.sleep(MOMENT_SEC)
        self.end()
        if self._endings:
            await asyncio.wait(self._endings, timeout=2 * MOMENT_SEC)
        for exchange in self._over:
            exchange.cancel()

    def _end(self, exchange):
        self._open.discard(exchange)
        self._over.add(exchange)
        exchange.ending = asyncio.ensure_future(exchange.end())
        self._endings.add(exchange.ending)
        exchange.ending.add_done_callback(self._endings.discard)


class _Exchange(Receiving):
    """One request and its answer, as the application sees them."""

    state = NEW
    ending = None
    task = None
    _is_cancelled = False

    def __init__(self, streams, receive, send):
        self._streams = streams
        self._receive = receive
        self._send = send

    def is_cause_of(self, error):
        """Whether what the application raised comes of the end of its stream, and says nothing more."""
        if self.state != OVER:
            return False
        if self._is_cancelled and isinstance(error, asyncio.CancelledError):
            return True
        return _has(error, StreamEnded)

    def cancel(self):
        """Cancels the application, unless it knows of the end."""
        if not self.was_told and not self._is_cancelled:
            self._is_cancelled = True
            self.task.cancel()

    async def left(self):
        """The application returned, which the server may take for a reason to cut the connection."""
        if self.ending is not None:
            await asyncio.wait({self.ending})

    async def _send_last(self, message):
        try:
            await self._send(message)
        except (OSError, RuntimeError):
            # The client has left, or the application ended it in the same moment.
            pass

    async def _refused(self):
        self.was_told = True
        # An application that catches every error and goes on must not keep the event loop.
        await asyncio.sleep(0)
        raise StreamEnded("the agent is stopping, the stream was ended")


class _Response(_Exchange):
    """A response; it is a stream when its content type is that of event streams."""

    def send(self, message):
        # A function, not a coroutine, and one that looks at most responses once: no streams.
        if self.state == NEW and message["type"] == "http.response.start":
            headers = message.get("headers", ())
            if headers.__class__ is not list:
                # An iterator can be looked at once.
                headers = list(headers)
                message = dict(message, headers=headers)
            if _is_event_stream(headers):
                self._opened()
            else:
                self.state = PLAIN
        elif self.state >= OPEN:
            return self._send_event(message)
        return self._send(message)

    def _opened(self):
        self.state = OPEN
        self._is_complete = False
        self._is_done = asyncio.get_running_loop().create_future()
        self._streams.opened(self)

    async def _send_event(self, message):
        if self._is_complete:
            return await self._refused()
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self._completed()
        await self._send(message)

    async def end(self):
        """Tells the application, and ends the body unless it does that itself in a moment."""
        if self.state != OPEN:
            return
        self.state = OVER
        self.finish({"type": "http.disconnect"})
        await asyncio.wait({self._is_done}, timeout=MOMENT_SEC)
        if not self._is_complete:
            self._is_complete = True
            await self._send_last({"type": "http.response.body", "body": b"", "more_body": False})

    async def left(self):
        self._done()
        await super().left()

    def _completed(self):
        """The application ended the body."""
        if self.state == OPEN:
            self.state = PLAIN
            self._streams.forget(self)
        self._is_complete = True
        self.was_told = True
        self._done()

    def _done(self):
        if not self._is_done.done():
            self._is_done.set_result(None)


class _WebSocket(_Exchange):
    """A WebSocket; a stream from its acceptance on."""

    async def send(self, message):
        kind = message["type"]
        if self.state == OVER:
            if kind == "websocket.close":
                # Closed it is.
                self.was_told = True
                return
            await self._refused()
        if self.state == OPEN and kind == "websocket.close":
            self.state = PLAIN
            self._streams.forget(self)
        await self._send(message)
        if self.state == NEW:
            self.state = OPEN if kind == "websocket.accept" else PLAIN
            if self.state == OPEN:
                self._streams.opened(self)

    async def end(self):
        """Closes it, then tells the application."""
        if self.state != OPEN:
            return
        self.state = OVER
        closing = asyncio.ensure_future(
            self._send_last({"type": "websocket.close", "code": GOING_AWAY, "reason": ""})
        )
        # Some versions of uvicorn wait for the client's agreement, others do not.
        await asyncio.wait({closing}, timeout=MOMENT_SEC)
        self.finish({"type": "websocket.disconnect", "code": GOING_AWAY, "reason": ""})
        await closing


def _is_event_stream(headers):
    """Whether a response is an event stream that can be ended anywhere."""
    found = False
    for name, value in headers:
        if len(name) == 12 and name.lower() == b"content-type":
            kind = value.partition(b";")[0].strip().lower()
            found = kind == _EVENT_STREAM
        elif len(name) == 14 and name.lower() == b"content-length":
            # It has to have its length.
            return False
    return found


def _has(error, kind):
    """Whether an exception is of a kind, or was raised because of one that is."""
    seen = set()
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        if isinstance(one, kind):
            return True
        seen.add(id(one))
        waiting += [one.__cause__, one.__context__]
        waiting += getattr(one, "exceptions", ())
    return False
