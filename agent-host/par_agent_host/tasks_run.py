"""A handler at work on a task, and those who follow it."""

import asyncio
import base64
import collections
import concurrent.futures
import contextvars
import functools
import inspect
import json
import sys

from .failure import log_raised, said
from .tasks import as_json

THREADS = 40
"""Sync handlers that run at the same time; further ones wait."""

EVENTS_MAX = 16
"""Events that wait for one follower; the handler waits for a slower one."""

STREAM_KEPT_MAX_BYTES = 10 * 1024 * 1024
"""What is kept of a handler's pieces. Beyond it a stream goes on and is kept no further; a call
that waits for the whole fails."""

BREATH_PIECES = 64
"""After so many pieces a handler that never waits lets others run."""

_END = object()


class Handler:
    """One action of the agent: a function of one argument, the parameters as a dict of text."""

    def __init__(self, name, function):
        self.name = name
        self.function = function
        self.is_async = _is_async(function)


class Run:
    """Calls a handler for a task and tells its followers of what comes.

    Work is for those who wait for it: when the last of them leaves, it is cancelled, unless
    `is_detached`. `on_end(task)` is called once, when the task is final.
    """

    def __init__(self, handler, parameters, task, threads, on_end):
        self.task = task
        self.ended = asyncio.Event()
        self.is_detached = False
        self.is_streamed = False
        self._handler = handler
        self._parameters = parameters
        self._threads = threads
        self._on_end = on_end
        self._followers = []
        self._holders = 0
        self._is_begun = False
        self._keeps = True
        self._kept = 0
        self._pieces = 0
        self._work = None

    def start(self):
        """Begins the work; in the event loop."""
        self.task.work()
        self._work = asyncio.ensure_future(self._run())
        self._tell_now(("status", self.task.changed, self.task.message))

    def hold(self):
        """Somebody waits for the task."""
        self._holders += 1

    def release(self):
        """Somebody who waited is gone, or has the answer."""
        self._holders -= 1
        if self._holders == 0 and not self.is_detached:
            self.cancel("The caller left.")

    def follow(self):
        """Somebody who waits for the task and wants every event from here on."""
        self.is_streamed = True
        follower = Follower(self)
        self._followers.append(follower)
        self.hold()
        return follower

    def leave(self, follower):
        self._followers.remove(follower)
        self.release()

    def cancel(self, sentence=None):
        """Ends the work; whether there was any. A sync handler's thread runs on, unheard."""
        if not self._finish("canceled", sentence):
            return False
        if self._work is not None:
            self._work.cancel()
        return True

    async def gone(self):
        """Returns when the handler itself has ended."""
        if self._work is not None:
            await asyncio.wait({self._work})

    def _finish(self, state, sentence=None):
        if not self.task.finish(state, sentence):
            return False
        self.ended.set()
        self._on_end(self.task)
        for follower in self._followers:
            follower.wake()
        return True

    async def _run(self):
        try:
            await self._each(await self._call())
        except asyncio.CancelledError:
            # The handler's own, where nobody cancelled it.
            self._finish("failed", "The handler was cancelled.")
        except _Refused as error:
            sys.stderr.write("%s: %s\n" % (self._handler.name, error))
            self._finish("failed", str(error))
        except BaseException as error:
            log_raised("%s failed" % self._handler.name, error)
            self._finish("failed", said(error))
        else:
            self._finish("completed")

    async def _call(self):
        handler = self._handler
        if handler.is_async:
            result = handler.function(self._parameters)
            return await result if inspect.isawaitable(result) else result
        call = functools.partial(contextvars.copy_context().run, handler.function, self._parameters)
        result = await asyncio.get_running_loop().run_in_executor(self._threads, call)
        return await result if inspect.isawaitable(result) else result

    async def _each(self, result):
        """Takes what the handler returned: all that it yields, or one value."""
        if hasattr(result, "__aiter__"):
            try:
                async for value in result:
                    if not await self._take(value):
                        return
            finally:
                if hasattr(result, "aclose"):
                    await result.aclose()
        elif inspect.isgenerator(result):
            await self._each_of_generator(result)
        elif result is not None:
            await self._take_value(result, is_last=True)

    async def _each_of_generator(self, generator):
        context = contextvars.copy_context()
        step = None
        try:
            while True:
                step = self._threads.submit(context.run, next, generator, _END)
                value = await asyncio.wrap_future(step)
                if value is _END or not await self._take(value):
                    return
        finally:
            # A generator that runs in a thread can be closed when it has yielded, not before.
            if step is not None:
                step.add_done_callback(
                    lambda _: self._threads.submit(context.run, _close, generator)
                )

    async def _take(self, value):
        """One value of a streaming handler; whether to go on."""
        if self.task.is_final:
            return False
        self._pieces += 1
        if self._pieces % BREATH_PIECES == 0:
            await asyncio.sleep(0)
        kind, content = _event_of(value)
        if kind == "error":
            self._finish("failed", _as_sentence(content))
            return False
        if kind in ("complete", "done"):
            if isinstance(content, dict):
                self.task.size += self._part(content)[1]
                self.task.metadata.update(content)
            elif content not in (None, ""):
                await self._take_value(content)
            return False
        if content is None:
            pass
        elif kind == "thinking":
            part, _ = self._part(content)
            self.task.work([part])
            self.task.message["metadata"] = {"thinking": True}
            await self._tell(("status", self.task.changed, self.task.message))
        else:
            await self._take_value(content)
        return not self.task.is_final

    async def _take_value(self, value, is_last=False):
        part, size = self._part(value)
        self._kept += size
        if self._keeps and not is_last and self._kept > STREAM_KEPT_MAX_BYTES:
            if not self.is_streamed:
                raise _Refused(
                    "The result is larger than %d bytes; ask for it as a stream."
                    % STREAM_KEPT_MAX_BYTES
                )
            self._keeps = False
            self.task.metadata["truncated"] = True
        if self._keeps and not self.task.is_final:
            self.task.add(part, size)
        await self._tell(("artifact", part, self._is_begun, is_last))
        self._is_begun = True

    def _part(self, value):
        if isinstance(value, str):
            return {"text": value}, len(value.encode("utf-8", "surrogatepass"))
        if isinstance(value, (bytes, bytearray)):
            raw = base64.b64encode(value).decode("ascii")
            return {"raw": raw, "mediaType": "application/octet-stream"}, len(raw)
        try:
            # A copy: the agent may change its object, and the part is read later.
            data, size = as_json(value)
            return {"data": data}, size
        except (TypeError, ValueError, RecursionError) as error:
            raise _Refused(
                "%s returned %s, which is not JSON: %s."
                % (self._handler.name, type(value).__name__, error)
            )

    def _tell_now(self, event):
        for follower in self._followers:
            follower.put(event)

    async def _tell(self, event):
        for follower in list(self._followers):
            await follower.room()
            follower.put(event)


class Follower:
    """The events of one task for one reader, at most `EVENTS_MAX` of them unread."""

    def __init__(self, run):
        self.run = run
        self._events = collections.deque()
        self._came = asyncio.Event()
        self._room = asyncio.Event()
        self._is_closed = False

    def put(self, event):
        if not self._is_closed:
            self._events.append(event)
            self.wake()

    def wake(self):
        self._came.set()
        self._room.set()

    async def room(self):
        """Returns when a further event may be put."""
        while (
            len(self._events) >= EVENTS_MAX and not self._is_closed and not self.run.task.is_final
        ):
            self._room.clear()
            await self._room.wait()

    async def next(self):
        """The next event; None when the task is final and all before was read."""
        while not self._events:
            if self.run.task.is_final:
                return None
            self._came.clear()
            await self._came.wait()
        event = self._events.popleft()
        self._room.set()
        return event

    def close(self):
        """The reader leaves; the work ends with the last one."""
        if not self._is_closed:
            self._is_closed = True
            self._events.clear()
            self._room.set()
            self.run.leave(self)


class _Refused(Exception):
    """A result that cannot be passed on; its text is for the caller, without a traceback."""


def new_threads():
    """The threads that sync handlers run in."""
    return concurrent.futures.ThreadPoolExecutor(THREADS, thread_name_prefix="par-a2a")


_EVENTS = ("content", "thinking", "complete", "done", "error")


def _event_of(value):
    """What a streaming handler yields: `{"event": "thinking", "data": …}`, or content as it is."""
    if isinstance(value, dict):
        kind = value.get("event", value.get("type"))
        if isinstance(kind, str) and kind.lower() in _EVENTS:
            kind = kind.lower()
            found = [value[key] for key in ("data", "content", "text", "message") if key in value]
            content = found[0] if found else None
            return kind, content if kind in ("complete", "done") else _text_in(content)
    return "content", value


def _text_in(data):
    """The text of `{"text": "…"}` and the like, anything else as it is."""
    if isinstance(data, dict):
        for key in ("content", "text", "message"):
            if isinstance(data.get(key), str):
                return data[key]
    return data


def _as_sentence(content):
    if isinstance(content, str):
        return content
    return "The handler failed." if content is None else json.dumps(content, default=str)


def _close(generator):
    try:
        generator.close()
    except BaseException as error:
        # Raised by the agent's `finally`; nobody is left to be told but the log.
        sys.stderr.write("%s\n" % said(error))


def _is_async(function):
    """Whether calling the function runs nothing that could block: it only makes a coroutine."""
    while isinstance(function, functools.partial):
        function = function.func
    return any(
        test(candidate)
        for candidate in (function, getattr(function, "__call__", None))
        for test in (
            inspect.iscoroutinefunction,
            inspect.isasyncgenfunction,
            inspect.isgeneratorfunction,
        )
    )
