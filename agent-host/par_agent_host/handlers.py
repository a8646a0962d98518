"""The agent's actions: functions of one argument, by name."""

import asyncio
import concurrent.futures
import contextvars
import functools
import inspect

from . import responses
from .failure import Failure, hint
from .invoke import is_async

THREADS = 40
"""Calls of sync handlers that run at the same time; further ones wait."""

JOINED_MAX_CHARACTERS = 10 * 1024 * 1024
"""How much text of a streaming handler is kept for a caller that wants one answer."""


class Handlers:
    """`custom`: functions that return their result; `streaming`: generators of pieces of it.

    Both are dicts by action, of functions that are called with one argument, the parameters as a
    dict of text. The same dicts can be served by more than one protocol.
    """

    def __init__(self, custom=None, streaming=None):
        self.custom = custom or {}
        self.streaming = streaming or {}
        self._threads = concurrent.futures.ThreadPoolExecutor(
            THREADS, thread_name_prefix="par-handler"
        )

    @property
    def actions(self):
        """The names of all actions, each once, in the order in which the agent gave them."""
        return list(dict.fromkeys([*self.custom, *self.streaming]))

    def has(self, action):
        """Whether the agent has an action of this name."""
        return action in self.custom or action in self.streaming

    async def call(self, action, parameters):
        """The result of one call as text; raises what the handler raises.

        A result that is text stays as it is, anything else is made JSON. Pieces of a streaming
        handler are joined when they are text, else the last one is the result.
        """
        function = self.custom.get(action) or self.streaming[action]
        if is_async(function):
            result = await function(parameters)
        elif inspect.isasyncgenfunction(function):
            result = function(parameters)
        else:
            result = await self._in_thread(function, parameters)
        # A sync wrapper around an async function: what it returns is awaited here.
        if inspect.isawaitable(result):
            result = await result
        if inspect.isasyncgen(result) or inspect.isgenerator(result):
            result = await self._joined(action, result)
        return _text(action, result)

    async def _in_thread(self, function, *arguments):
        call = functools.partial(contextvars.copy_context().run, function, *arguments)
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def _joined(self, action, pieces):
        texts, size, last = [], 0, None
        try:
            async for piece in self._pieces(pieces):
                last = piece
                text = _content(piece)
                if text is not None:
                    texts.append(text)
                    size += len(text)
                if size > JOINED_MAX_CHARACTERS:
                    raise ValueError(
                        "%s made more than %d characters; call it as a stream"
                        % (action, JOINED_MAX_CHARACTERS)
                    )
        finally:
            # A caller that is gone must not leave the generator suspended for ever.
            if inspect.isasyncgen(pieces):
                await pieces.aclose()
        return "".join(texts) if texts else last

    async def _pieces(self, pieces):
        if inspect.isasyncgen(pieces):
            async for piece in pieces:
                yield piece
            return
        end = object()
        while True:
            piece = await self._in_thread(next, pieces, end)
            if piece is end:
                return
            yield piece


def _content(piece):
    """The text of a streaming handler's piece: text itself, or an event of the kind `content`.

    Raises RuntimeError for an event of the kind `error`.
    """
    if isinstance(piece, str):
        return piece
    if not isinstance(piece, dict) or not ("event" in piece or "type" in piece):
        return None
    kind = str(piece.get("event") or piece.get("type")).lower()
    data = piece.get("data", piece.get("content", piece.get("text")))
    if isinstance(data, dict):
        data = data.get("content", data.get("text", data.get("message", data)))
    if kind == "error":
        raise RuntimeError(data if isinstance(data, str) else responses.json_bytes(data).decode())
    return data if kind == "content" and isinstance(data, str) else None


def _text(action, result):
    if isinstance(result, str):
        return result
    try:
        return responses.json_bytes(result).decode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(
            "%s returned %s, which is neither text nor JSON: %s"
            % (action, type(result).__name__, error)
        ) from None


def given_by(value):
    """What of an agent's dict or object are handlers: (custom, streaming), or None when nothing is."""
    found = []
    for name in ("custom_handlers", "streaming_handlers"):
        found.append(value.get(name) if isinstance(value, dict) else getattr(value, name, None))
    return None if found == [None, None] else tuple(found)


def checked(target_name, value, kind, drain):
    """The agent's dict of handlers, each callable with one argument; raises `Failure` otherwise.

    A handler with a parameter named `draining` gets the asyncio.Event that a drain sets.
    """
    if value is None:
        return {}
    # Whatever has items() will do: a mapping of the agent's own making, for example.
    if not hasattr(value, "items"):
        raise _wrong(
            "%s of %s is of the type %s, not a dict." % (kind, target_name, type(value).__name__)
        )
    result = {}
    for name, function in value.items():
        if not isinstance(name, str):
            raise _wrong("%s of %s has the name %r, which is no text." % (kind, target_name, name))
        if not callable(function):
            raise _wrong(
                "%s of %s has %s for %r, which is no function."
                % (kind, target_name, type(function).__name__, name)
            )
        result[name] = _with_draining(function, drain)
    return result


def _with_draining(function, drain):
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return function
    if any(
        parameter.name == "draining"
        and parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        for parameter in parameters[0 if _is_keyword(parameters) else 1 :]
    ):
        # The name and the text of the agent's function stay those of the action.
        return functools.update_wrapper(functools.partial(function, draining=drain), function)
    return function


def _is_keyword(parameters):
    return bool(parameters) and parameters[0].kind == parameters[0].KEYWORD_ONLY


def _wrong(sentence):
    return Failure(
        sentence,
        hint(
            "Give a dict from the action's name to a function of one argument.",
            "a2a-handlers",
        ),
    )
