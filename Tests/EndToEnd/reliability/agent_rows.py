"""Loading and Ready: what becomes of the agent's process, and what its code may do."""

from __future__ import annotations

import signal
from typing import Iterator

from .cell import SHORT_LIMIT, Cell
from .ends import Failed, GoesOn, Stopped, Unread
from .faults import (
    all_of,
    ask,
    kill_worker,
    kill_worker_each_time,
    remove,
    signals,
    signals_apart,
    start_agent,
    stop_worker,
)
from .scenes import GOOD, closing, lame_duck, loading, nothing, ready, restarting, serving

TERM, INT = signal.SIGTERM, signal.SIGINT
HARD_LIMIT = Failed("load", "hard limit of 4 s", "hard-limit", cause="hard_limit")
USED_UP = Failed("load", "restarts are used up", "restarts-used-up")
NO_RESTARTS = {"WORKER_RESTARTS": "0/60"}
#: The deadline of a drain in which nothing obeys.
SOON = {"GRACEFUL_SHUTDOWN_TIMEOUT_SEC": 2}

LIFESPAN = """
import contextlib, time
from fastapi import FastAPI
@contextlib.asynccontextmanager
async def life(app):
    START
    yield
    END
def mount(app):
    return FastAPI(lifespan=life)
"""
#: Writes to the notification socket, also when it is full.
TELL = """
import os, select
def tell(datagram):
    while True:
        select.select([], [4], [])
        try: return os.write(4, datagram)
        except BlockingIOError: pass
"""
#: A process of the agent's that outlives its parent, in a session of its own.
DAEMON = """
import os, signal, socket, time
def daemon(keep, clean):
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() > 0:
            os._exit(0)
        if keep != 'output':
            null = os.open('/dev/null', os.O_RDWR)
            for fd in (0, 1, 2): os.dup2(null, fd)
        if keep == 'port':
            listener = socket.create_server(('127.0.0.1', 0))
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.write(writer, str(os.getpid()).encode())
        if clean:
            os.execve('/bin/sleep', ['sleep', '1000'], {})
        time.sleep(1000)
    os.close(writer)
    os.wait()
    return int(os.read(reader, 20))
"""


def daemon(keep: str, clean: bool = False) -> str:
    return f"{DAEMON}from src.meet import meet\nmeet(daemon({keep!r}, {clean}))\n".replace(
        "meet(daemon", "meet('daemon %d' % daemon"
    )


def rows() -> Iterator[Cell]:
    yield from process_rows()
    yield from import_rows()
    yield from daemon_rows()
    yield from deaf_rows()
    yield from restart_rows()


def process_rows() -> Iterator[Cell]:
    """Killed and stopped from outside."""
    yield Cell(
        "loading", "the worker is killed", loading(), kill_worker,
        Failed("load", "was ended by SIGKILL before it was ready", "worker-ended"), 2,
    )  # fmt: skip
    yield Cell(
        "loading", "the worker is stopped (SIGSTOP), with a hard limit", loading(**SHORT_LIMIT),
        stop_worker, HARD_LIMIT, 7,
    )  # fmt: skip
    yield Cell(
        "loading", "the worker is stopped (SIGSTOP), without a hard limit",
        loading(LOAD_TIMEOUT_SEC=4), stop_worker,
        Failed("load", "not ready after 4 s", "load-timeout"), 7,
    )  # fmt: skip
    yield Cell("ready", "the worker is killed", ready(), kill_worker, GoesOn(2, "worker_exited"), 5)
    yield Cell(
        "ready", "the worker is killed, and no restart is allowed", ready(**NO_RESTARTS),
        kill_worker, USED_UP, 2,
    )  # fmt: skip
    yield Cell(
        "ready", "the worker is killed as often as it starts", ready(WORKER_RESTARTS="2/60"),
        kill_worker_each_time, USED_UP, 10,
    )  # fmt: skip
    yield Cell(
        "ready", "the worker is stopped (SIGSTOP), then SIGTERM", ready(**SOON),
        all_of(stop_worker, signals(TERM)), Stopped("SIGTERM", "ready"), 2.5,
    )  # fmt: skip
    yield Cell(
        "ready", "the worker is stopped (SIGSTOP), then SIGINT twice", ready(),
        all_of(stop_worker, signals_apart(INT, INT)), Stopped("SIGINT", "ready"), 1.5,
    )  # fmt: skip
    yield Cell(
        "loading again", "the worker is killed", restarting(WORKER_RESTARTS="1/60"), kill_worker,
        USED_UP, 2,
    )  # fmt: skip
    yield Cell(
        "loading again", "the worker is stopped (SIGSTOP)",
        restarting(WORKER_RESTARTS="1/60", LOAD_TIMEOUT_SEC=4), stop_worker,
        Failed("load", "did not become ready again.*restarts are used up", "restarts-used-up"), 7,
    )  # fmt: skip
    yield Cell(
        "draining, work still served", "the worker is killed", lame_duck(INT, DRAIN_MIN_SEC=1),
        kill_worker, Stopped("SIGINT", "ready"), 3,
    )  # fmt: skip
    yield Cell(
        "draining, a request in flight", "the worker is killed", closing(), kill_worker,
        Stopped("SIGINT", "ready", "cut"), 2,
    )  # fmt: skip
    yield Cell(
        "draining, a request in flight", "the worker is stopped (SIGSTOP)", closing(**SOON),
        stop_worker, Stopped("SIGINT", "ready", "cut"), 2.5,
    )  # fmt: skip


def import_rows() -> Iterator[Cell]:
    """What the agent's code does while it is loaded."""
    for words, code, error, anchor in (
        ("exits 0", "import os; os._exit(0)", "ended with status 0 before", "worker-ended"),
        ("exits 1", "import os; os._exit(1)", "ended with status 1 before", "worker-ended"),
        ("calls sys.exit", "import sys; sys.exit(0)", "exit", "exit-at-import"),
        ("raises", "raise OSError('no database')", "no database", "import-failed"),
        ("crashes (SIGSEGV)", "import ctypes; ctypes.string_at(0)", "SIGSEGV", "worker-ended"),
        ("aborts", "import os; os.abort()", "SIGABRT", "worker-ended"),
        (
            "kills its own process group", "import os; os.killpg(0, 9)", "SIGKILL", "worker-ended",
        ),
        (
            "claims to be ready, then exits",
            "import os; os.write(4, b'READY=1'); os._exit(0)", "used up", "restarts-used-up",
        ),
        (
            "tells of a failure that is none, then exits",
            "import os; os.write(4, b'X_PAR_FAILURE={'); os._exit(1)", "status 1", "worker-ended",
        ),
    ):  # fmt: skip
        yield Cell(
            "loading", f"the agent {words}", nothing, start_agent(code + "\n", **NO_RESTARTS),
            Failed("load", error, anchor), 5,
        )  # fmt: skip
    for words, code in (
        ("hangs at import", "import time\nwhile True: time.sleep(1000)"),
        (
            "hangs at import in C, holding Python's lock",
            "import ctypes\nctypes.PyDLL(None).sleep(1000)",
        ),
        ("spins at import", "while True: pass"),
        ("hangs in its start-up", LIFESPAN.replace("START", "time.sleep(1000)").replace("END", "")),
        ("stops itself (SIGSTOP)", "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)"),
        ("floods its output for ever", "while True: print('x' * 200)"),
        ("writes one line for ever", "import sys\nwhile True: sys.stdout.write('x' * 65536)"),
        ("closes the notification socket", "import os\nos.close(4)" + GOOD),
        (
            "floods the notification socket",
            TELL + "while True: tell(b'STATUS=' + b'x' * 900)",
        ),
    ):  # fmt: skip
        yield Cell(
            "loading", f"the agent {words}", nothing, start_agent(code + "\n", **SHORT_LIMIT),
            HARD_LIMIT, 8,
        )  # fmt: skip
    for words, code in (
        ("writes garbage to the notification socket",
         TELL + "for i in range(2000): tell(os.urandom(i % 500))" + GOOD),
        ("warns ten thousand times",
         TELL + "for i in range(10000): tell(b'X_PAR_WARNING={\"code\":\"x\",\"message\":\"m\"}')"
         + GOOD),
        ("floods its output, then goes on", "for i in range(50000): print('x' * 100)" + GOOD),
        ("closes its output", "import os\nos.close(1)\nos.close(2)\nos.close(0)" + GOOD),
        ("closes the file for its stacks", "import os\nos.close(5)" + GOOD),
        ("lowers its own limits",
         "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))" + GOOD),
        ("ignores every signal",
         "import signal\nfor n in set(signal.Signals) - {9, 19}: signal.signal(n, signal.SIG_IGN)"
         + GOOD),
    ):  # fmt: skip
        yield Cell("loading", f"the agent {words}", nothing, start_agent(code), GoesOn(), 12)


def daemon_rows() -> Iterator[Cell]:
    """A double fork: a process that is nobody's child and keeps what it inherited."""
    for keep, words in (("output", "the pipes"), ("port", "a port"), ("nothing", "nothing")):
        code = daemon(keep, clean=keep == "nothing")
        yield Cell(
            "loading", f"the agent leaves a daemon that keeps {words}, and exits 0", nothing,
            start_agent(code + "os._exit(0)\n", meets=True),
            Failed("load", "ended with status 0", "worker-ended"), 5,
        )  # fmt: skip
        yield Cell(
            "loading", f"the agent leaves a daemon that keeps {words}, and hangs", nothing,
            start_agent(code + "time.sleep(1000)\n", meets=True, **SHORT_LIMIT), HARD_LIMIT, 8,
        )  # fmt: skip
        yield Cell(
            "ready", f"SIGINT; a daemon keeps {words}", serving(code + GOOD, meets=True),
            signals(INT), Stopped("SIGINT", "ready"), 2.5,
        )  # fmt: skip
        yield Cell(
            "ready", f"the worker is killed; a daemon keeps {words}",
            serving(code + GOOD, meets=True, **NO_RESTARTS), kill_worker, USED_UP, 2.5,
        )  # fmt: skip


def deaf_rows() -> Iterator[Cell]:
    """Agents that are Ready and do not listen any more."""
    deaf = (
        ("blocks its event loop", "time.sleep(1000)"),
        ("blocks its event loop in C, holding Python's lock", "ctypes.PyDLL(None).sleep(1000)"),
        ("has closed the control pipe", "os.close(3); time.sleep(1000)"),
        ("has replaced the control pipe", "os.dup2(0, 3); time.sleep(1000)"),
    )
    for words, code in deaf:
        module = (
            "import ctypes, os, time\nfrom src.meet import meet\n"
            + GOOD
            + "    @app.get('/api/deaf')\n    async def deaf():\n"
            + f"        meet('deaf')\n        {code}\n"
        )
        for number in (TERM, INT):
            yield Cell(
                "ready", f"the agent {words}; {number.name}", serving(module, **SOON),
                all_of(ask("/api/deaf"), signals(number)),
                Stopped(number.name, "ready", "cut"), 2.5,
            )  # fmt: skip
    for words, code in (
        deaf[0],
        ("computes for ever, holding Python's lock", "re.match('(a+)+$', 'a' * 60 + 'b')"),
    ):
        module = "import re, time\nfrom src.meet import meet\n" + GOOD
        module += "    @app.get('/api/deaf')\n    async def deaf():\n"
        module += f"        meet('deaf')\n        {code}\n"
        yield Cell(
            "ready", f"the agent {words}", serving(module, HEARTBEAT_TIMEOUT_SEC=2),
            ask("/api/deaf"), GoesOn(2, "worker_exited"), 12,
        )  # fmt: skip
    stubborn = (
        ("never ends its shutdown", LIFESPAN.replace("START", "").replace("END", "time.sleep(1000)")),
        ("hangs at exit", "import atexit, time\natexit.register(time.sleep, 1000)\n" + GOOD),
    )  # fmt: skip
    for words, module in stubborn:
        yield Cell(
            "ready", f"the agent {words}; SIGTERM", serving(module, **SOON), signals(TERM),
            Stopped("SIGTERM", "ready"), 2.5,
        )  # fmt: skip
    module = "import os\n" + GOOD + "    @app.get('/api/leave')\n    def leave(): os._exit(0)\n"
    yield Cell(
        "ready", "the agent exits 0", serving(module), ask("/api/leave", meets=False),
        GoesOn(2, "worker_exited"), 5,
    )  # fmt: skip
    yield Cell(
        "ready", "the agent exits 1", serving(module.replace("(0)", "(1)")),
        ask("/api/leave", meets=False), GoesOn(2, "worker_exited"), 5,
    )  # fmt: skip
    yield Cell(
        "ready", "the agent crashes (SIGSEGV)",
        serving(module.replace("os._exit(0)", "__import__('ctypes').string_at(0)")),
        ask("/api/leave", meets=False), GoesOn(2, "worker_exited"), 5,
    )  # fmt: skip
    yield Cell(
        "ready", "the agent stops the program (SIGTERM)",
        serving(module.replace("os._exit(0)", "os.kill(os.getppid(), 15)")),
        ask("/api/leave", meets=False), Stopped("SIGTERM", "ready"), 3,
    )  # fmt: skip
    flood = GOOD + (
        "    @app.get('/api/flood')\n    def flood():\n        print('flood', flush=True)\n"
        "        while True: print('x' * 300)\n"
    )
    yield Cell(
        "ready", "the agent floods its output for ever; SIGINT",
        serving(flood, whole_log=False, **SOON),
        all_of(ask("/api/flood", meets=False), signals(INT)), Unread(), 3,
    )  # fmt: skip


def restart_rows() -> Iterator[Cell]:
    """What was there for the boot is missing for the restart."""
    again = ready(WORKER_RESTARTS="1/60")
    yield Cell(
        "ready", "the cache is removed, the worker killed", again,
        all_of(remove("cache"), kill_worker),
        Failed("load", "the agent's folder .* is gone", "cache-folder"), 4,
    )  # fmt: skip
    yield Cell(
        "ready", "the run's folder is removed, the worker killed", again,
        all_of(remove("run"), kill_worker), USED_UP, 5,
    )  # fmt: skip
    yield Cell(
        "ready", "the run's folder is removed; SIGINT", ready(),
        all_of(remove("run"), signals(INT)), Stopped("SIGINT", "ready"), 2.5,
    )  # fmt: skip
    once = "import os\nif os.path.exists(os.environ['HOME'] + '/seen'): CODE\n"
    once += "open(os.environ['HOME'] + '/seen', 'w').close()\n" + GOOD
    for words, code in (
        ("raises at the restart", "raise OSError('no database')"),
        ("exits 0 at the restart", "os._exit(0)"),
        ("hangs at the restart", "import time; time.sleep(1000)"),
    ):
        yield Cell(
            "loading again", f"the agent {words}",
            serving(once.replace("CODE", code), WORKER_RESTARTS="2/60", LOAD_TIMEOUT_SEC=4),
            kill_worker, USED_UP, 14,
        )  # fmt: skip
        yield Cell(
            "ready", f"SIGHUP; the agent {words.replace('restart', 'reload')}",
            serving(once.replace("CODE", code), LOAD_TIMEOUT_SEC=4), signals(signal.SIGHUP),
            GoesOn(1, "reload_failed"), 8,
        )  # fmt: skip
