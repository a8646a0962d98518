"""The call of a function that may return what to serve, or be a server and never return."""

import asyncio
import threading
import traceback

from . import probe
from .failure import Failure, agent_traceback, hint, last_agent_line, said

THREADED_START_SEC = 1.0
"""How long a function that returned nothing but left threads behind has for opening its port."""

TOLD_EVERY_SEC = 1.0
"""How often a call that has neither returned nor opened its port is told about."""


class Port:
    """The private port of loopback on which the agent's own server is to listen: `$A2A_PORT`."""

    def __init__(self, number, public, package_root):
        self.number = number
        self.public = public
        self._package_root = package_root

    def raised(self, target, error):
        """Why a function did not serve, as a Failure."""
        place = last_agent_line(error, self._package_root)
        where = " at " + place if place else ""
        detail = agent_traceback(error, self._package_root)
        if self._is_of_public(error):
            return Failure(
                "%s (%s) could not bind its port%s: %s. The public A2A port%s is held by the program,"
                " which passes calls on."
                % (
                    target.name,
                    target.key,
                    where,
                    said(error).rstrip("."),
                    " %d" % self.public if self.public else "",
                ),
                hint(
                    "Bind 127.0.0.1 and the port in the variable A2A_PORT, or return the server"
                    " without starting it and without a port.",
                    "a2a-port",
                ),
                detail,
            )
        advice = "The traceback shows the line."
        if isinstance(error, RuntimeError) and "event loop" in str(error):
            advice = "Make the function async, and await instead of running an event loop."
        return Failure(
            "%s (%s) raised %s%s." % (target.name, target.key, said(error).rstrip("."), where),
            hint(advice, "function-raised"),
            detail,
        )

    def not_http2(self, target):
        """The Failure for a port on which something else is served."""
        return Failure(
            "%s (%s) opened port %d, but what answers there is not HTTP/2, so it is no gRPC server."
            % (target.name, target.key, self.number),
            hint("Name an ASGI application as a2a.http_server instead.", "a2a-port"),
        )

    def waiting(self, target):
        """What is said of a call that takes long; an agent with a port of its own is told of it."""
        text = "waiting for %s() to return, or to open port %d ($A2A_PORT)" % (
            target.name,
            self.number,
        )
        others = probe.listening_ports()
        if others:
            text += "; it listens on " + ", ".join(map(str, others))
        return text

    def _is_of_public(self, error):
        text = "%s %s" % (type(error).__name__, error)
        taken = "in use" in text.lower() or "bind" in text.lower()
        if not taken:
            return False
        return isinstance(error, OSError) or not self.public or str(self.public) in text


class ServiceCall:
    """One call on the main thread, outside the event loop, as if the agent were started alone.

    While it has not returned, a second thread watches the private port; when a server answers
    there, that thread carries on with the host's work and the function keeps the main thread.
    """

    def __init__(self, target, port, notifier, carry_on, fail, on_loss):
        """`carry_on()` and `fail(failure)` run on the second thread and end the process.

        `on_loss(failure)`: the function ended and its server with it; ends the process too, or
        returns when the process is stopping anyway.
        """
        self._target = target
        self._port = port
        self._notifier = notifier
        self._carry_on = carry_on
        self._fail = fail
        self._on_loss = on_loss
        self._lock = threading.Lock()
        self._returned = threading.Event()
        self._is_taken = False

    def run(self):
        """What the function returned; raises what it raised. Does not return once it is a server."""
        threading.Thread(target=self._watch, name="par-loop", daemon=True).start()
        result = error = None
        try:
            result = self._target.value()
        except BaseException as caught:
            error = caught
        with self._lock:
            self._returned.set()
        if not self._is_taken:
            if error is not None:
                raise error
            return result
        if error is not None or probe.probe(self._port.number) != probe.HTTP2:
            self._on_loss(ended(self._target, self._port, error))
        # It serves from other threads (or the process ends); `result` stays referenced meanwhile.
        threading.Event().wait()

    def _watch(self):
        waited = 0.0
        while not self._returned.wait(probe.PAUSE_SEC):
            answer = probe.probe(self._port.number)
            if answer in (probe.HTTP2, probe.OTHER):
                with self._lock:
                    if self._returned.is_set():
                        return
                    self._is_taken = True
                if answer == probe.HTTP2:
                    return self._carry_on()
                return self._fail(self._port.not_http2(self._target))
            waited += probe.PAUSE_SEC
            if waited >= TOLD_EVERY_SEC:
                waited = 0.0
                self._notifier.status(self._port.waiting(self._target))


def opened_after_return(port, threads_before):
    """Whether a server answers on the private port after a function returned nothing.

    `threads_before`: the threads that there were when it was called.
    """
    if any(_is_agents(thread) for thread in set(threading.enumerate()) - set(threads_before)):
        return probe.until_answered(port.number, THREADED_START_SEC) == probe.HTTP2
    return probe.probe(port.number) == probe.HTTP2


def _is_agents(thread):
    """Whether the agent may have started a thread; our own, which ask for the port, tell nothing."""
    return not thread.name.startswith(("par-", "asyncio_"))


async def awaited(target, port, awaitable, notifier, on_loss):
    """What an async function returns; `port` itself when it opened the port and serves on."""
    task = asyncio.ensure_future(_outcome(awaitable))
    waited = 0.0
    while True:
        await asyncio.wait({task}, timeout=probe.PAUSE_SEC)
        if task.done():
            result, error = task.result()
            if isinstance(error, SystemExit):
                raise error
            if error is not None:
                raise port.raised(target, error)
            return result
        answer = await asyncio.to_thread(probe.probe, port.number)
        if answer == probe.OTHER:
            raise port.not_http2(target)
        if answer == probe.HTTP2 and not task.done():
            break
        waited += probe.PAUSE_SEC
        if waited >= TOLD_EVERY_SEC:
            waited = 0.0
            notifier.status(port.waiting(target))
    task.add_done_callback(lambda done: on_loss(ended(target, port, done.result()[1])))
    return port


async def _outcome(awaitable):
    """The result and the exception of an awaitable; an exit must not end the event loop by itself."""
    try:
        return await awaitable, None
    except BaseException as error:
        return None, error


def ended(target, port, error):
    """The Failure for a server of the agent that is no more."""
    if error is not None and not isinstance(error, SystemExit):
        return Failure(
            "The agent's gRPC server ended: %s (%s) raised %s."
            % (target.name, target.key, said(error)),
            hint("The traceback shows the line.", "a2a-serve"),
            "".join(traceback.format_exception(type(error), error, error.__traceback__)),
        )
    return Failure(
        "The agent's gRPC server ended: %s (%s) %s."
        % (target.name, target.key, "called sys.exit" if error is not None else "returned"),
        hint("It has to serve until the process ends.", "a2a-serve"),
    )


def needs_running_loop(error):
    """Whether a sync function raised because it has to be called inside the event loop."""
    return isinstance(error, RuntimeError) and "no running event loop" in str(error)
