"""`POST /invoke`: the manifest's entrypoint as a JSON function."""

import asyncio
import concurrent.futures
import contextvars
import functools
import inspect
import json

from . import responses
from .failure import log_raised, said
from .request_body import GONE, whole_body

THREADS = 40
"""Calls of sync entrypoints that run at the same time; further ones wait."""


class Invoke:
    """An ASGI application with one route, which calls `function` with the request's JSON."""

    path = "/invoke"

    def __init__(self, target, body_max_bytes, drain):
        self._function = target.value
        self._name = target.name
        self._body_max_bytes = body_max_bytes
        self._drain = drain
        self._is_async = is_async(target.value)
        self._threads = concurrent.futures.ThreadPoolExecutor(
            THREADS, thread_name_prefix="par-invoke"
        )

    async def __call__(self, scope, receive, send):
        async def answer(status, value, headers=()):
            if status >= 400:
                await responses.send_error(
                    scope, send, status, value, self._drain.is_set(), headers
                )
            else:
                await responses.send_json(send, status, value, headers)

        if scope["method"] != "POST":
            return await answer(405, "%s answers POST only." % self.path, [(b"allow", b"POST")])
        body = await whole_body(scope, receive, self._body_max_bytes)
        if body is GONE:
            return
        if body is None:
            return await answer(413, "The body is larger than %d bytes." % self._body_max_bytes)
        try:
            argument = json.loads(body, parse_constant=_refuse_constant) if body.strip() else {}
        except (ValueError, RecursionError) as error:
            return await answer(400, "The body is not JSON: %s." % error)
        try:
            result = await self._call(argument)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            log_raised("%s failed" % self._name, error)
            return await answer(500, said(error))
        try:
            encoded = responses.json_bytes(result)
        except (TypeError, ValueError, RecursionError) as error:
            log_raised("%s failed" % self._name, error)
            return await answer(
                500,
                "%s returned %s, which is not JSON: %s."
                % (self._name, type(result).__name__, error),
            )
        await responses.send_bytes(send, 200, encoded)

    async def _call(self, argument):
        if self._is_async:
            return await self._function(argument)
        loop = asyncio.get_running_loop()
        call = functools.partial(contextvars.copy_context().run, self._function, argument)
        result = await loop.run_in_executor(self._threads, call)
        # A sync wrapper around an async function: what it returns is awaited here.
        return await result if inspect.isawaitable(result) else result


def is_async(function):
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)
    )


def _refuse_constant(name):
    raise ValueError("%s is not JSON" % name)
