"""Every way in which a worker ends here, and what else is done to a service under load."""

from __future__ import annotations

import os
import signal
from typing import Callable

from support.clients import until
from support.figures import metric

from .service import Service


def _killed(service: Service) -> None:
    os.kill(service.serving, signal.SIGKILL)


def _by_itself(how: str) -> Callable[[Service], None]:
    def end(service: Service) -> None:
        service.ask(f"/api/end?{how}")

    return end


def _killed_with_requests_queued(service: Service) -> None:
    """It is stopped until all clients wait for it: in its connections, and to be accepted."""
    worker = service.serving
    os.kill(worker, signal.SIGSTOP)
    enough = service.clients * 9 // 10
    until(lambda: metric(service.run, "par_requests_in_flight") >= enough, "the clients wait")
    os.kill(worker, signal.SIGKILL)


def _terminated_in_vain(service: Service) -> None:
    """The agent host takes no notice of SIGTERM; the load shows that it serves on."""
    worker = service.serving
    os.kill(worker, signal.SIGTERM)
    service.goes_on()
    assert service.serving == worker, "SIGTERM has ended the worker"
    os.kill(worker, signal.SIGKILL)


def _killed_twice(service: Service) -> None:
    """The next one is killed while it loads."""
    os.kill(service.starting(lambda: os.kill(service.serving, signal.SIGKILL)), signal.SIGKILL)


#: What a worker's end is called, and who brings it about. One that comes from outside may hit the
#: worker at any instruction; the others are the agent's own code.
ENDS: dict[str, Callable[[Service], None]] = {
    "SIGKILL from outside": _killed,
    "os._exit": _by_itself("exit"),
    "SIGKILL, requests queued": _killed_with_requests_queued,
    "sys.exit": _by_itself("sys_exit"),
    "abort": _by_itself("abort"),
    "SIGTERM in vain, SIGKILL": _terminated_in_vain,
    "SIGSEGV": _by_itself("segv"),
    "SIGKILL after a blocked loop": _by_itself("block"),
    "SIGKILL, again while loading": _killed_twice,
}


def end_worker(service: Service, how: str) -> None:
    """Ends the worker under load, and waits until its successor serves the load."""
    ready = service.times_ready
    ENDS[how](service)
    service.ready(ready + 1)
    service.goes_on()


def _hang_up(service: Service) -> None:
    service.run.send(signal.SIGHUP)


def _reload(service: Service) -> None:
    finished = len(service.run.events("reload_finished"))
    _hang_up(service)
    service.run.wait("reload_finished", count=finished + 1)


def _reload_twice(service: Service) -> None:
    """The second word comes while the first reload runs, and is followed by one more."""
    finished = len(service.run.events("reload_finished"))
    service.starting(lambda: _hang_up(service))
    _hang_up(service)
    service.run.wait("reload_finished", count=finished + 2)


def _new_worker_killed(service: Service) -> None:
    """The old one serves on."""
    failed = len(service.run.events("reload_failed"))
    os.kill(service.starting(lambda: _hang_up(service)), signal.SIGKILL)
    service.run.wait("reload_failed", count=failed + 1)


def _old_worker_killed(service: Service) -> None:
    """An ordinary loss; the reload is over."""
    serving, ready = service.serving, service.times_ready
    service.starting(lambda: _hang_up(service))
    os.kill(serving, signal.SIGKILL)
    service.ready(ready + 1)


RELOADS: dict[str, Callable[[Service], None]] = {
    "reload": _reload,
    "reload, asked for twice": _reload_twice,
    "reload, the new worker killed": _new_worker_killed,
    "reload, the old worker killed": _old_worker_killed,
}


def reload(service: Service, how: str) -> None:
    RELOADS[how](service)
    service.goes_on()


def restart_service(service: Service) -> None:
    """As `systemctl restart` with a socket unit: the socket stays, and the program goes and comes."""
    service.stop()
    service.start()
    service.goes_on()
