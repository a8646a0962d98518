"""The ASGI lifespan of each application that the host serves."""

import asyncio
import sys
import traceback

from .failure import Failure, agent_traceback, hint, said

LAST_WORDS_SEC = 5.0
"""How long an application that reported a failed start may take to raise what caused it."""


class Lifespan:
    """Starts and stops one application by the lifespan protocol; one that knows none is left alone."""

    def __init__(self, app, name, state, package_root):
        self._app = app
        self.name = name
        self._state = state
        self._package_root = package_root
        self._messages = asyncio.Queue()
        self._answer = None
        self._task = None

    async def start(self):
        """Returns when the application's start-up is done; raises `Failure` when it fails."""
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self._state,
        }
        self._task = asyncio.ensure_future(self._app(scope, self._messages.get, self._take))
        answer = await self._exchange("lifespan.startup")
        if answer is None or answer["type"] == "lifespan.startup.complete":
            return
        if not self._task.done():
            await asyncio.wait({self._task}, timeout=LAST_WORDS_SEC)
        error = None
        if self._task.done() and not self._task.cancelled():
            error = self._task.exception()
        text = answer.get("message", "")
        what = (
            said(error)
            if error is not None
            else (text.strip().rsplit("\n", 1)[-1] or "no reason given")
        )
        raise Failure(
            "The start-up of the application from %s failed: %s." % (self.name, what),
            hint("Look at the application's lifespan or its startup handlers.", "startup-failed"),
            text or None if error is None else agent_traceback(error, self._package_root),
        )

    async def stop(self):
        """Returns when the application's shutdown is done; what it raises is printed."""
        if self._task is None or self._task.done():
            return
        await self._exchange("lifespan.shutdown")
        if self._task.done() and not self._task.cancelled():
            error = self._task.exception()
            if error is not None:
                sys.stderr.write(
                    "The shutdown of the application from %s failed\n%s"
                    % (
                        self.name,
                        "".join(
                            traceback.format_exception(type(error), error, error.__traceback__)
                        ),
                    )
                )

    async def _take(self, message):
        if not message["type"].startswith("lifespan."):
            # An application that takes every scope for a request; this ends its attempt.
            raise RuntimeError("%s is no answer to a lifespan message" % message["type"])
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(message)

    async def _exchange(self, kind):
        """Sends one message; the application's answer, or None when it ended without one.

        An exception before the first answer means, as the specification has it, that the
        application does not support lifespans.
        """
        self._answer = asyncio.get_running_loop().create_future()
        self._messages.put_nowait({"type": kind})
        await asyncio.wait({self._task, self._answer}, return_when=asyncio.FIRST_COMPLETED)
        if self._answer.done():
            return self._answer.result()
        if not self._task.cancelled():
            self._task.exception()  # Looked at, or asyncio would print it as never retrieved.
        return None
