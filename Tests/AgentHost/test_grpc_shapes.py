"""Everything that a package may name as its A2A service, each called with the real gRPC client."""

import grpc
import pytest
from a2a.types import a2a_pb2, a2a_pb2_grpc
from grpc_reflection.v1alpha import proto_reflection_descriptor_database

import agent_messages
from agent_messages import Caller

ECHO = "async def echo(parameters): return parameters.get('text', '')\n"

HANDLER_SHAPES = {
    "a factory of a dict": "def create_service(): return {'custom_handlers': {'echo': echo}}",
    "an async factory": "async def create_service(): return {'custom_handlers': {'echo': echo}}",
    "the dict itself": "create_service = {'custom_handlers': {'echo': echo}}",
    "an object": (
        "class Service:\n"
        "    def __init__(self): self.custom_handlers = {'echo': self.echo}\n"
        "    async def echo(self, parameters): return parameters['text']\n"
        "def create_service(): return Service()"
    ),
    "a class": (
        "class create_service:\n    custom_handlers = {'echo': echo}\n    streaming_handlers = None"
    ),
    "the object itself": (
        "import types\ncreate_service = types.SimpleNamespace(custom_handlers={'echo': echo})"
    ),
    "a factory that needs the event loop": (
        "import asyncio\n"
        "def create_service():\n"
        "    asyncio.get_running_loop()\n"
        "    return {'custom_handlers': {'echo': echo}}"
    ),
    "a factory that runs an event loop": (
        "import asyncio\n"
        "def create_service():\n"
        "    return asyncio.run(make())\n"
        "async def make(): return {'custom_handlers': {'echo': echo}}"
    ),
    "streaming handlers alone": (
        "def pieces(parameters): yield from parameters['text']\n"
        "def create_service(): return {'streaming_handlers': {'echo': pieces}}"
    ),
}

SERVICERS = {
    "of generated code": (
        "import agent_pb2, agent_pb2_grpc\n"
        "class Servicer(agent_pb2_grpc.AgentServiceServicer):\n"
        "    {a}def Invoke(self, request, context):\n"
        "        assert type(request) is agent_pb2.ActionRequest\n"
        "        return agent_pb2.ActionResult(success=True, result=request.parameters['text'])\n"
    ),
    "by its methods alone": (
        "import agent_pb2\n"
        "class Servicer:\n"
        "    {a}def Invoke(self, request, context):\n"
        "        return agent_pb2.ActionResult(success=True, result=request.parameters['text'])\n"
        "    {a}def Health(self, request, context): return agent_pb2.HealthStatus(ok=True)\n"
    ),
    "that answers with dicts": (
        "class Servicer:\n"
        "    {a}def Invoke(self, request, context):\n"
        "        return {{'success': True, 'result': request.parameters['text']}}\n"
    ),
}

SERVERS = {
    "sync": (
        "import grpc, agent_pb2_grpc\nfrom concurrent import futures\n"
        "def create_grpc_server():\n"
        "    server = grpc.server(futures.ThreadPoolExecutor(4))\n"
        "    agent_pb2_grpc.add_AgentServiceServicer_to_server(Servicer(), server)\n"
    ),
    "aio": (
        "import grpc.aio, agent_pb2_grpc\n"
        "def create_grpc_server():\n"
        "    server = grpc.aio.server()\n"
        "    agent_pb2_grpc.add_AgentServiceServicer_to_server(Servicer(), server)\n"
    ),
}

PORT = "    server.add_insecure_port('127.0.0.1:' + os.environ['A2A_PORT'])\n"
BLOCKING = {
    "sync": "import os\n"
    + SERVERS["sync"]
    + PORT
    + "    server.start()\n    server.wait_for_termination()\n",
    "asyncio.run": (
        "import os, asyncio\n"
        + SERVERS["aio"].replace("def create_grpc_server", "async def main")
        + PORT
        + "    await server.start()\n    await server.wait_for_termination()\n"
        "def create_grpc_server(): asyncio.run(main())\n"
    ),
    "run_until_complete": (
        "import os, asyncio\n"
        + SERVERS["aio"].replace("def create_grpc_server", "async def main")
        + PORT
        + "    await server.start()\n    await server.wait_for_termination()\n"
        "def create_grpc_server():\n"
        "    loop = asyncio.new_event_loop()\n    asyncio.set_event_loop(loop)\n"
        "    loop.run_until_complete(main())\n"
    ),
    "async": (
        "import os, asyncio\n"
        + SERVERS["aio"].replace("def create_grpc_server", "async def create_grpc_server")
        + PORT
        + "    await server.start()\n    await server.wait_for_termination()\n"
    ),
    "started and returned": "import os\n"
    + SERVERS["sync"]
    + PORT
    + "    server.start()\n    return server\n",
    "started and kept": (
        "import os\n"
        + SERVERS["sync"]
        + PORT
        + "    server.start()\n    global kept\n    kept = server\n"
    ),
    "started in a thread": (
        "import threading\nimport os\n"
        + SERVERS["sync"].replace("create_grpc_server", "main")
        + PORT
        + "    server.start()\n    server.wait_for_termination()\n"
        "def create_grpc_server(): threading.Thread(target=main, daemon=True).start()\n"
    ),
    "started and awaited": (
        "import os\n"
        + SERVERS["aio"].replace("def create_grpc_server", "async def create_grpc_server")
        + PORT
        + "    await server.start()\n    return server\n"
    ),
    "with signal handlers": (
        "import os, signal\n"
        + SERVERS["sync"]
        + "    signal.signal(signal.SIGTERM, lambda *unused: server.stop(0))\n"
        + PORT
        + "    server.start()\n    server.wait_for_termination()\n"
    ),
}


@pytest.fixture
def served(package, host):
    """Starts a package and calls `echo` of it, wherever it says that gRPC is."""
    callers = []

    def start(code, generated=False, service="main:create_service", **configuration):
        root = package({"main.py": code})
        if generated:
            agent_messages.compile_to(root)
        one = host(root, a2a_service=service, **configuration)
        told = one.ready_a2a()
        where = told["grpc"]
        address = "unix:" + one.a2a_socket_path if where == "unix" else "127.0.0.1:%d" % where
        callers.append(Caller(address))
        callers[-1].host, callers[-1].told = one, told
        return callers[-1]

    yield start
    for one in callers:
        one.close()


@pytest.mark.parametrize("code", HANDLER_SHAPES.values(), ids=HANDLER_SHAPES.keys())
def test_handlers_are_served(code, served):
    one = served(ECHO + code)
    assert one.told["grpc"] == "unix"
    answer = one.invoke("echo", text="hi")
    assert (answer.result, answer.error) == ("hi", "")
    assert one.methods() == ["echo"]
    assert not one.host.warnings()


@pytest.mark.parametrize("name", ["create_grpc_server", "create_service"])
def test_a_module_alone_means_one_of_two_functions(name, served):
    code = ECHO + "def %s(): return {'custom_handlers': {'echo': echo}}\n" % name
    assert served(code, service="main").invoke("echo", text="hi").result == "hi"


@pytest.mark.parametrize("kind", ["", "async "], ids=["sync", "async"])
@pytest.mark.parametrize("code", SERVICERS.values(), ids=SERVICERS.keys())
def test_a_servicer_is_served_and_completed(code, kind, served):
    code = code.format(a=kind) + "def create_service(): return Servicer()\n"
    one = served(code, generated=True)
    assert one.invoke(text="hi").result == "hi"
    assert one.ping() == "pong"
    assert one.methods() == []


def test_a_servicer_with_handlers_describes_them(served):
    code = (
        ECHO
        + SERVICERS["of generated code"].format(a="")
        + ("    custom_handlers = {'echo': echo}\ndef create_service(): return Servicer()\n")
    )
    one = served(code, generated=True)
    assert one.invoke(text="own").result == "own"
    assert one.methods() == ["echo"]


OTHER_PROTO = """
syntax = "proto3";
package other.v1;
service Counter { rpc Count(Amount) returns (stream Amount); }
message Amount { int64 number = 1; }
"""
OTHER = """
import other_pb2, other_pb2_grpc
class Servicer(other_pb2_grpc.CounterServicer):
    async def Count(self, request, context):
        for number in range(request.number):
            yield other_pb2.Amount(number=number)
def create_service(): return Servicer()
"""


def test_a_servicer_of_another_service_is_served_beside_the_built_in_one(package, host):
    root = package({"main.py": OTHER})
    agent_messages.compile_to(root, OTHER_PROTO, "other")
    one = host(root, a2a_service="main:create_service")
    assert one.ready_a2a()["grpc"] == "unix"
    caller = Caller("unix:" + one.a2a_socket_path)
    count = caller.channel.unary_stream("/other.v1.Counter/Count")
    assert len(list(count(b"\x08\x03", timeout=30))) == 3
    assert caller.ping() == "pong"
    caller.close()


SDK = """
from a2a.types import a2a_pb2, a2a_pb2_grpc
class Servicer(a2a_pb2_grpc.A2AServiceServicer):
    async def GetTask(self, request, context): return a2a_pb2.Task(id=request.id)
def create_service(): return Servicer()
"""


def test_a_servicer_of_the_a2a_sdk_is_served(package, host):
    one = host(package({"main.py": SDK}), a2a_service="main:create_service")
    one.ready()
    with grpc.insecure_channel("unix:" + one.a2a_socket_path) as channel:
        stub = a2a_pb2_grpc.A2AServiceStub(channel)
        assert stub.GetTask(a2a_pb2.GetTaskRequest(id="7"), timeout=30).id == "7"


REFLECTION = (
    SERVICERS["of generated code"].format(a="")
    + SERVERS["sync"]
    + "    from grpc_reflection.v1alpha import reflection\n"
    "    reflection.enable_server_reflection(['pixell.agent.AgentService'], server)\n"
    "    return server\n"
)


def test_reflection_of_the_agents_own_server_works(served):
    one = served(REFLECTION, generated=True, service="main:create_grpc_server")
    database = proto_reflection_descriptor_database.ProtoReflectionDescriptorDatabase(one.channel)
    assert "pixell.agent.AgentService" in database.get_services()
    file = database.FindFileContainingSymbol("pixell.agent.ActionRequest")
    assert file.package == "pixell.agent"


@pytest.mark.parametrize("kind", SERVERS)
@pytest.mark.parametrize("port", ["", "with a port"])
def test_a_server_that_is_not_started_is_served_on_our_socket(kind, port, served):
    sync = "async " if kind == "aio" else ""
    code = "import os\n" + SERVICERS["of generated code"].format(a=sync) + SERVERS[kind]
    one = served(
        code + (PORT if port else "") + "    return server\n",
        generated=True,
        service="main:create_grpc_server",
    )
    assert one.told["grpc"] == "unix"
    assert one.invoke(text="hi").result == "hi"
    assert one.host.stop() == 0


@pytest.mark.parametrize("kind", BLOCKING)
def test_a_server_on_its_private_port_is_found_there(kind, served):
    sync = "" if "grpc.aio" not in BLOCKING[kind] else "async "
    code = SERVICERS["of generated code"].format(a=sync) + BLOCKING[kind]
    one = served(code, generated=True, service="main:create_grpc_server")
    assert isinstance(one.told["grpc"], int)
    assert one.invoke(text="hi").result == "hi"
    assert not one.host.warnings()
    assert one.host.stop() == 0


def test_rest_is_served_beside_a_server_that_blocks(served):
    code = (
        SERVICERS["of generated code"].format(a="")
        + BLOCKING["sync"]
        + "def mount(app): app.get('/api/hello')(lambda: 'rest')\n"
    )
    one = served(code, generated=True, service="main:create_grpc_server", rest_entry="main:mount")
    assert one.host.get("/api/hello").json() == "rest"
    assert one.invoke(text="hi").result == "hi"
    assert one.host.stop() == 0


STUB = "def serve() -> None:\n    print('stub')\n"


@pytest.mark.parametrize(
    "names",
    [
        {"service": "main:serve"},
        {"service": "main:serve", "a2a_entry": "main:serve"},
        {"service": None, "a2a_entry": "main:serve"},
    ],
)
def test_a_stub_is_warned_of_and_the_built_in_service_answers(names, served):
    one = served(STUB, **names)
    assert one.told == {"grpc": "unix", "http": False}
    assert [warning["code"] for warning in one.host.warnings()] == ["a2a_stub"]
    assert one.methods() == []
    assert one.invoke("x").error == "No handler found for action: x"
    assert one.host.stop() == 0
    one.host.close()
    assert one.host.everything()["stdout"] == "stub\n"


def test_a_message_beyond_its_limit_is_refused(served):
    one = served(ECHO + HANDLER_SHAPES["a factory of a dict"])
    with pytest.raises(grpc.RpcError) as raised:
        one.invoke("echo", text="x" * (64 * 1024 * 1024 + 1))
    assert raised.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
