"""Starts the agent host: `python -u start.py` with the pipes of the protocol on fds 3 to 6.

This file only prepares the process: stacks on demand, signals, file descriptors and the import
path. The work is in `par_agent_host`. README.md beside this file describes the protocol.
"""

import faulthandler
import os
import signal
import sys

CONTROL_FD = 3
NOTIFY_FD = 4
STACKS_FD = 5
MEMORY_FD = 6


def _ignored(signum, frame):
    """SIGTERM and SIGINT mean nothing here: the host stops on its control pipe.

    A handler rather than SIG_IGN, because exec resets handlers and keeps SIG_IGN: the agent's own
    subprocesses have to stay stoppable with SIGTERM.
    """


def _in_forked_child():
    """Gives a forked child (multiprocessing) ordinary signals and none of our file descriptors."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    faulthandler.unregister(signal.SIGUSR2)
    for fd in (CONTROL_FD, NOTIFY_FD, STACKS_FD):
        try:
            os.close(fd)
        except OSError:
            pass


def _prepare():
    for fd in (CONTROL_FD, NOTIFY_FD, STACKS_FD):
        try:
            os.set_inheritable(fd, False)
        except OSError:
            sys.stderr.write(
                "start.py is started by par-lifecycle, which passes it fds 3, 4 and 5; fd %d is not open.\n"
                % fd
            )
            os._exit(2)
    try:
        os.set_inheritable(MEMORY_FD, False)
        memory_fd = MEMORY_FD
    except OSError:
        # Whoever starts the host by hand need not share memory with it.
        memory_fd = None
    # First of all: an import that hangs is found by its stack.
    faulthandler.register(signal.SIGUSR2, file=STACKS_FD, all_threads=True)
    faulthandler.enable()
    signal.signal(signal.SIGTERM, _ignored)
    signal.signal(signal.SIGINT, _ignored)
    os.register_at_fork(after_in_child=_in_forked_child)
    return memory_fd


def _run(memory_fd):
    # The host's libraries must come from the interpreter's own folders, so PYTHONPATH (the agent
    # may set it, to its package root even) counts only once they are imported.
    here = os.path.dirname(os.path.abspath(__file__))
    python_path = [
        os.path.abspath(entry)
        for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep)
        if entry
    ]
    cwd = os.getcwd()
    own = [
        entry
        for entry in sys.path
        if entry
        and os.path.abspath(entry) not in python_path
        and os.path.abspath(entry) not in (here, cwd)
    ]
    sys.path[:] = [here] + own
    from par_agent_host import host

    host.run(CONTROL_FD, NOTIFY_FD, memory_fd, import_path=python_path + own)


if __name__ == "__main__":
    _run(_prepare())
