"""A2A services that do not serve, or stop serving."""

from __future__ import annotations

from typing import Any, Iterator

from .cell import Cell
from .ends import Failed, GoesOn
from .faults import Fault
from .scenes import GOOD, nothing
from .stage import Stage

#: A gRPC server of the agent's own, without a method.
OWN_SERVER = """
import concurrent.futures, grpc, os
def own_server(port):
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(1), options=[("grpc.so_reuseport", 0)])
    server.add_insecure_port("127.0.0.1:%s" % port)
    server.start()
    return server
"""


def start_service(code: str, **variables: Any) -> Fault:
    """The run is started with an agent whose `create_grpc_server` has this body."""
    module = GOOD + OWN_SERVER + f"def create_grpc_server():\n    {code}\n"

    def fault(stage: Stage) -> None:
        package = stage.agent(module, a2a={"service": "src.rest.index:create_grpc_server"})
        stage.start(package, **variables)

    return fault


def rows() -> Iterator[Cell]:
    """What a service function does while it is loaded, and a server of its own afterwards."""
    for words, code, error, anchor in (
        ("raises", "raise OSError('no model')", "no model", "function-raised"),
        ("returns a number", "return 42", "42|int", "a2a-service"),
        ("gives handlers that are no functions", "return {'custom_handlers': {'x': 1}}", "x",
         "a2a-handlers"),
        ("ends its process", "os._exit(3)", "ended with status 3 before", "worker-ended"),
    ):  # fmt: skip
        yield Cell(
            "loading", f"the A2A service {words}", nothing,
            start_service(code, WORKER_RESTARTS="0/60"), Failed("load", error, anchor), 6,
        )  # fmt: skip
    yield Cell(
        "loading", "the A2A service blocks and never opens its port", nothing,
        start_service("import time; time.sleep(1000)", LOAD_TIMEOUT_SEC=4),
        Failed("load", "not ready after 4 s", "load-timeout"), 8,
    )  # fmt: skip
    yield Cell(
        "loading", "the A2A service returns nothing (the kit's stub)", nothing,
        start_service("return None"), GoesOn(), 8,
    )  # fmt: skip
    yield Cell(
        "ready", "the agent's own gRPC server ends, once", nothing,
        start_service(
            "server = own_server(os.environ['A2A_PORT'])\n"
            "    first = not os.path.exists(os.environ['HOME'] + '/seen')\n"
            "    open(os.environ['HOME'] + '/seen', 'w').close()\n"
            "    server.wait_for_termination(3 if first else None)\n"
            "    server.stop(0).wait()"
        ),
        GoesOn(2, "worker_exited"), 14,
    )  # fmt: skip
