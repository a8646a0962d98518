"""Agent packages that speak gRPC, built by pixell-kit."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from . import packages
from .packages import Files, MEET
from .program import DEADLINE, inherited_environment

#: A service with a method for every purpose. Messages are bytes: no generated code is needed.
PROBE = '''
import asyncio, gzip, hashlib, json, os, threading, time
import grpc
from src.meet import meet

SERVICE = "probe.v1.Probe"
#: Of a large download; the test knows it too.
PART = bytes(range(256)) * 256


def reflect(context):
    """Sends metadata whose name begins with echo- back, both before and after the messages."""
    asked = [(k, v) for k, v in context.invocation_metadata() if k.startswith("echo-")]
    context.set_trailing_metadata(tuple(("trailing-" + k, v) for k, v in asked))
    return tuple(("initial-" + k, v) for k, v in asked)


async def _meet(place):
    await asyncio.get_running_loop().run_in_executor(None, meet, place)


async def echo(request, context):
    await context.send_initial_metadata(reflect(context))
    return request


async def inspect(request, context):
    fields = [[k, v if isinstance(v, str) else v.hex()] for k, v in context.invocation_metadata()]
    return json.dumps({"pid": os.getpid(), "remaining": context.time_remaining(), "fields": fields}).encode()


async def slow(request, context):
    await asyncio.sleep(float(request))
    return request


async def gate(request, context):
    await _meet(request.decode())
    return request


async def hold(request, context):
    """Never answers; the test is met when the call begins, and when it is cancelled."""
    name = request.decode()
    try:
        await _meet("held " + name)
        await asyncio.Event().wait()
    finally:
        threading.Thread(target=meet, args=("cancelled " + name,), daemon=True).start()


async def stubborn(request, context):
    """Takes no notice of its deadline, nor of being cancelled."""
    end = time.monotonic() + float(request)
    while time.monotonic() < end:
        try:
            await asyncio.sleep(end - time.monotonic())
        except asyncio.CancelledError:
            pass
    return request


async def fail(request, context):
    code, _, details = request.decode().partition(":")
    await context.abort(
        grpc.StatusCode[code], details,
        (("why", "asked"), ("grpc-status-details-bin", b"\\x08\\x05\\x00\\xff")),
    )


async def fall(request, context):
    raise RuntimeError("the probe falls over")


async def leave(request, context):
    os._exit(int(request))


async def end_server(request, context):
    """The agent's server ends by itself; the process stays."""
    asyncio.get_running_loop().call_soon(lambda: asyncio.ensure_future(SERVERS[-1].stop(None)))
    return request


async def some_bytes(request, context):
    return b"x" * int(request)


async def squeezed(request, context):
    """A response that the server compresses, and how long the request was."""
    # What set_compression() does in the threads' server, and does not in asyncio's.
    await context.send_initial_metadata((("grpc-internal-encoding-request", "gzip"),))
    return b"%d:" % len(request) + b"z" * 100_000


async def count(request, context):
    await context.send_initial_metadata(reflect(context))
    for number in range(int(request)):
        yield b"%d" % number


async def met(request, context):
    """Each message but the first only after the test has met the one before."""
    name, _, number = request.decode().partition(" ")
    for number in range(int(number)):
        yield b"%d" % number
        await _meet("%s %d" % (name, number))


async def forever(request, context):
    """One message, and then nothing; with a name, the test is met when the call is cancelled."""
    try:
        yield b"first"
        await asyncio.Event().wait()
    finally:
        if request:
            name = "cancelled " + request.decode()
            threading.Thread(target=meet, args=(name,), daemon=True).start()


async def flood(request, context):
    """Messages as fast as they are taken."""
    for _ in range(int(request)):
        yield PART


async def digest(requests, context):
    hashed, size, messages = hashlib.sha256(), 0, 0
    async for part in requests:
        hashed.update(part)
        size += len(part)
        messages += 1
    return json.dumps({"bytes": size, "messages": messages, "sha256": hashed.hexdigest()}).encode()


async def first(requests, context):
    """Answers after the first message, whatever the client still has."""
    async for part in requests:
        return part
    return b""


async def deaf(requests, context):
    """Takes no message, and does not answer."""
    await asyncio.Event().wait()


async def chat(requests, context):
    await context.send_initial_metadata(reflect(context))
    async for part in requests:
        yield b"re: " + part


UNARY = (echo, inspect, slow, gate, hold, stubborn, fail, fall, leave, end_server, some_bytes, squeezed)
METHODS = {
    **{one.__name__: grpc.unary_unary_rpc_method_handler(one) for one in UNARY},
    **{one.__name__: grpc.unary_stream_rpc_method_handler(one) for one in (count, met, forever, flood)},
    **{one.__name__: grpc.stream_unary_rpc_method_handler(one) for one in (digest, first, deaf)},
    "chat": grpc.stream_stream_rpc_method_handler(chat),
}
HANDLER = grpc.method_handlers_generic_handler(SERVICE, METHODS)
OPTIONS = [("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", 32 << 20)]
# More of grpcio's options as JSON, so that a test can make the agent's connections short-lived or narrow.
OPTIONS += json.loads(os.environ.get("PROBE_OPTIONS", "{}")).items()


SERVERS = []


def build():
    """A server of the agent's own, without an address."""
    server = grpc.aio.server(options=OPTIONS)
    server.add_generic_rpc_handlers((HANDLER,))
    SERVERS.append(server)
    return server


def serve():
    async def main():
        server = build()
        assert server.add_insecure_port("127.0.0.1:" + os.environ["A2A_PORT"])
        await server.start()
        await server.wait_for_termination()
    asyncio.run(main())
'''

#: The same four kinds of call in the threads of grpcio's older interface.
THREADED = '''
import hashlib, json, os
from concurrent import futures
import grpc

def _reflect(context):
    asked = [(k, v) for k, v in context.invocation_metadata() if k.startswith("echo-")]
    context.set_trailing_metadata(tuple(("trailing-" + k, v) for k, v in asked))
    context.send_initial_metadata(tuple(("initial-" + k, v) for k, v in asked))

def echo(request, context):
    _reflect(context)
    return request

def count(request, context):
    _reflect(context)
    for number in range(int(request)):
        yield b"%d" % number

def digest(requests, context):
    hashed, size, messages = hashlib.sha256(), 0, 0
    for part in requests:
        hashed.update(part)
        size += len(part)
        messages += 1
    return json.dumps({"bytes": size, "messages": messages, "sha256": hashed.hexdigest()}).encode()

def chat(requests, context):
    _reflect(context)
    for part in requests:
        yield b"re: " + part

METHODS = {
    "echo": grpc.unary_unary_rpc_method_handler(echo),
    "count": grpc.unary_stream_rpc_method_handler(count),
    "digest": grpc.stream_unary_rpc_method_handler(digest),
    "chat": grpc.stream_stream_rpc_method_handler(chat),
}

def build():
    server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("probe.v1.Probe", METHODS),))
    return server

def serve():
    server = build()
    assert server.add_insecure_port("127.0.0.1:" + os.environ["A2A_PORT"])
    server.start()
    server.wait_for_termination()
'''

#: The ways in which an agent may serve; the variable PROBE_SHAPE chooses.
SHAPES = ("aio returned", "aio serve", "threads returned", "threads serve")

#: The package's target: a factory or a blocking serve(), as the variable says.
CHOICE = '''
import os
from src.meet import meet

# A start that the test can hold: every one, or every one but the first.
if "MEET_AT_IMPORT" in os.environ:
    meet("import")
elif "SEEN" in os.environ:
    if os.path.exists(os.environ["SEEN"]):
        meet("again")
    open(os.environ["SEEN"], "w").close()

def create_grpc_server():
    kind, how = os.environ.get("PROBE_SHAPE", "aio returned").split()
    if kind == "aio":
        import src.probe as module
    else:
        import src.threaded as module
    return module.build() if how == "returned" else module.serve()
'''

#: A service with descriptors, so that it can be reflected, and a health service of the agent's own.
REFLECTED = '''
import os
from concurrent import futures
import grpc
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

def _describe():
    file = descriptor_pb2.FileDescriptorProto(name="weather/v1/weather.proto", package="weather.v1",
                                              syntax="proto3")
    place = file.message_type.add(name="Place")
    place.field.add(name="name", number=1, type=9, label=1)
    service = file.service.add(name="Weather")
    service.method.add(name="Today", input_type=".weather.v1.Place", output_type=".weather.v1.Place")
    descriptor_pool.Default().Add(file) if hasattr(descriptor_pool.Default(), "Add") else (
        descriptor_pool.Default().AddSerializedFile(file.SerializeToString()))

def serve():
    _describe()
    server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
    today = grpc.unary_unary_rpc_method_handler(lambda request, context: request)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("weather.v1.Weather", {"Today": today}),))
    own = health.HealthServicer()
    own.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(own, server)
    names = ("weather.v1.Weather", health.SERVICE_NAME, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server)
    server.add_insecure_port("127.0.0.1:" + os.environ["A2A_PORT"])
    server.start()
    server.wait_for_termination()
'''

#: Actions by name, as most agents have them: sync and async, one that streams, one that falls.
HANDLERS = '''
import asyncio, threading
from src.meet import meet

async def greet(parameters):
    return "Hello, " + parameters.get("name", "world") + "!"

def add(parameters):
    return {"sum": int(parameters["a"]) + int(parameters["b"]), "given": parameters}

async def fall(parameters):
    raise ValueError("no such luck")

async def gate(parameters):
    await asyncio.get_running_loop().run_in_executor(None, meet, "gate")
    return "passed"

async def words(parameters):
    for word in parameters.get("text", "").split():
        yield word

def create_grpc_server():
    return {
        "custom_handlers": {"greet": greet, "add": add, "fall": fall, "gate": gate},
        "streaming_handlers": {"words": words},
    }
'''


def kit_build(folder: Path, files: Files) -> Path:
    """A package of these files by `pixell build`."""
    packages.folder(folder / "source", files)
    output = folder / "built"
    output.mkdir()
    pixell = Path(sys.executable).with_name("pixell")
    done = subprocess.run(
        [str(pixell), "build", "--path", str(folder / "source"), "--output", str(output)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return next(output.glob("*.apkg"))


def a2a_files(service: str, modules: Files, *, rest: bool = False, **fields: Any) -> dict[str, Any]:
    """What a package with this A2A target holds; `rest`: with the routes of `packages.PROBE` too."""
    surfaces: dict[str, Any] = {"a2a": {"service": service}}
    extra: dict[str, Any] = {}
    if rest:
        surfaces.update(packages.REST)
        extra = {"src/rest/__init__.py": "", "src/rest/index.py": packages.PROBE}
    return {
        "agent.yaml": packages.manifest(**{"entrypoint": "src.main:handler", **surfaces, **fields}),
        ".env": "# nothing\n",
        "src/__init__.py": "",
        "src/main.py": "def handler(request):\n    return request\n",
        "src/meet.py": MEET,
        **extra,
        **modules,
    }


def probe_files(*, rest: bool = True, **fields: Any) -> dict[str, Any]:
    modules = {"src/probe.py": PROBE, "src/threaded.py": THREADED, "src/choice.py": CHOICE}
    return a2a_files("src.choice:create_grpc_server", modules, rest=rest, **fields)


class Alone:
    """The probe without the program in front of it; in the place of a `Run`."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        packages.folder(folder, probe_files())
        with socket.create_server(("127.0.0.1", 0)) as one:
            self.a2a_port = self.port = one.getsockname()[1]
        shape = variables["PROBE_SHAPE"].split()[0] + " serve"
        self.process = subprocess.Popen(
            [sys.executable, "-c", "import src.choice as m; m.create_grpc_server()"],
            cwd=folder,
            env={
                **inherited_environment(),
                **variables,
                "PROBE_SHAPE": shape,
                "A2A_PORT": str(self.a2a_port),
            },
        )
        self.pid = self.worker_pid = self.process.pid
        end = time.monotonic() + DEADLINE
        while True:
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", self.a2a_port)) == 0:
                    break
            assert time.monotonic() < end and self.process.poll() is None
            time.sleep(0.01)

    def stop(self) -> int:
        self.process.kill()
        self.process.wait()
        return 0


#: Set: the calls go to the agent itself, which shows whether a test is right by itself.
ALONE = bool(os.environ.get("PAR_TEST_AGENT_ALONE"))

#: An agent as a2a-sdk's own server makes it: lf.a2a.v1 and its predecessor over gRPC, and an app.
SDK = '''
import grpc
from a2a.compat.v0_3 import a2a_v0_3_pb2_grpc
from a2a.compat.v0_3.grpc_handler import CompatGrpcHandler
from a2a.helpers import new_text_part
from a2a.server.agent_execution import AgentExecutor
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.request_handlers.grpc_handler import GrpcHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.helpers import new_task_from_user_message
from a2a.types import a2a_pb2_grpc
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill
from starlette.applications import Starlette


class Words(AgentExecutor):
    async def execute(self, context, queue):
        task = new_task_from_user_message(context.message)
        await queue.enqueue_event(task)
        updater = TaskUpdater(queue, task.id, task.context_id)
        await updater.start_work()
        words = context.get_user_input().split()
        for number, word in enumerate(words):
            await updater.add_artifact(
                [new_text_part(word)], artifact_id="words", append=number > 0,
                last_chunk=number == len(words) - 1,
            )
        await updater.complete()

    async def cancel(self, context, queue):
        raise NotImplementedError


CARD = AgentCard(
    name="sdk", description="made with a2a-sdk", version="1.0.0",
    capabilities=AgentCapabilities(streaming=True),
    default_input_modes=["text"], default_output_modes=["text"],
    skills=[AgentSkill(id="words", name="words", description="words", tags=["words"])],
    supported_interfaces=[
        AgentInterface(url="http://replaced", protocol_binding=binding, protocol_version=version)
        for binding in ("JSONRPC", "GRPC") for version in ("1.0", "0.3")
    ],
)
_handler = DefaultRequestHandler(agent_executor=Words(), task_store=InMemoryTaskStore(), agent_card=CARD)


def create_grpc_server():
    server = grpc.aio.server()
    a2a_pb2_grpc.add_A2AServiceServicer_to_server(GrpcHandler(_handler), server)
    a2a_v0_3_pb2_grpc.add_A2AServiceServicer_to_server(CompatGrpcHandler(_handler), server)
    return server


def app():
    return Starlette(routes=[
        *create_agent_card_routes(CARD), *create_jsonrpc_routes(_handler, "/", enable_v0_3_compat=True),
    ])
'''
