"""What is wrong with an A2A service is told in a sentence, with a hint."""

import os
import re
import socket

import pytest

BAD = [
    ("def create_service(): return 7", "is an int, which is nothing", "a2a-service"),
    ("def create_service(): return object()", "is an object, which is nothing", "a2a-service"),
    ("def create_service(): return {}", "is a dict, which is nothing", "a2a-service"),
    ("def create_service(): return {'echo': print}", "is a dict, which is nothing", "a2a-service"),
    (
        "class Server:\n    def build(self): return 7\ndef create_service(): return Server()",
        "build() of what main:create_service (a2a.service) returned gave an int",
        "a2a-service",
    ),
    ("create_service = 7", "is an int and cannot be called", "not-callable"),
    (
        "def create_service(): raise ValueError('no key')",
        "main:create_service (a2a.service) raised ValueError: no key at main.py line 1",
        "function-raised",
    ),
    (
        "async def create_service(): raise ValueError('no key')",
        "main:create_service (a2a.service) raised ValueError: no key",
        "function-raised",
    ),
    (
        "class Server:\n    def build(self): raise KeyError('x')\ndef create_service(): return Server()",
        "main:create_service (a2a.service) raised KeyError: 'x'",
        "function-raised",
    ),
    (
        "def create_service(port): pass",
        "raised TypeError: create_service() missing 1 required positional argument: 'port'",
        "function-raised",
    ),
    (
        "def create_service(): return {'custom_handlers': [print]}",
        "custom_handlers of main:create_service is of the type list, not a dict",
        "a2a-handlers",
    ),
    (
        "def create_service(): return {'custom_handlers': {'a': 7}}",
        "custom_handlers of main:create_service has int for 'a', which is no function",
        "a2a-handlers",
    ),
    (
        "def create_service(): return {'streaming_handlers': {7: print}}",
        "streaming_handlers of main:create_service has the name 7, which is no text",
        "a2a-handlers",
    ),
    (
        "import http.server, os\n"
        "def create_service():\n"
        "    at = ('127.0.0.1', int(os.environ['A2A_PORT']))\n"
        "    http.server.HTTPServer(at, http.server.BaseHTTPRequestHandler).serve_forever()\n",
        "but what answers there is not HTTP/2",
        "a2a-port",
    ),
    (
        "import http.server, os\n"
        "async def create_service():\n"
        "    import asyncio\n"
        "    async def talk(reader, writer):\n"
        "        writer.write(b'SSH-2.0-agent')\n        writer.close()\n"
        "    server = await asyncio.start_server(talk, '127.0.0.1', os.environ['A2A_PORT'])\n"
        "    await server.serve_forever()\n",
        "but what answers there is not HTTP/2",
        "a2a-port",
    ),
    (
        "import grpc\nfrom concurrent import futures\n"
        "def create_service():\n"
        "    server = grpc.server(futures.ThreadPoolExecutor(1))\n"
        "    server.add_insecure_port('127.0.0.1:0')\n    server.start()\n    return server\n",
        "The gRPC server from main:create_service was started, but not on port $A2A_PORT",
        "a2a-port",
    ),
    ("import sys\ndef create_service(): sys.exit(3)", "sys.exit(3)", "exit-at-start"),
    ("import sys\nasync def create_service(): sys.exit(3)", "sys.exit(3)", "exit-at-start"),
    ("def other(): pass", "asks for create_service", "function-missing"),
]


@pytest.mark.parametrize("code, error, anchor", BAD, ids=[error[:50] for _, error, _ in BAD])
def test_a_bad_service_is_told(code, error, anchor, package, host):
    one = host(package({"main.py": code + "\n"}), a2a_service="main:create_service")
    failure = one.failure()
    assert error in failure["error"]
    assert failure["error"].endswith(".")
    assert failure["hint"].endswith("docs/errors.md#" + anchor)


@pytest.fixture
def public_port():
    """A port that is held as the program holds its public A2A port."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("0.0.0.0", 0))
        listening.listen()
        yield listening.getsockname()[1]


PUBLIC = {
    "grpc": (
        "import grpc\nfrom concurrent import futures\n"
        "def serve():\n"
        "    server = grpc.server(futures.ThreadPoolExecutor(1))\n"
        "    server.add_insecure_port('[::]:PORT')\n"
        "    server.start()\n    server.wait_for_termination()\n"
    ),
    "grpc.aio": (
        "import grpc.aio, asyncio\n"
        "def serve(): asyncio.run(main())\n"
        "async def main():\n"
        "    server = grpc.aio.server()\n"
        "    server.add_insecure_port('0.0.0.0:PORT')\n"
        "    await server.start()\n    await server.wait_for_termination()\n"
    ),
    "in the event loop": (
        "import grpc.aio\n"
        "async def serve():\n"
        "    server = grpc.aio.server()\n"
        "    server.add_insecure_port('0.0.0.0:PORT')\n"
        "    await server.start()\n    await server.wait_for_termination()\n"
    ),
    "a socket": (
        "import socket\ndef serve():\n    socket.create_server(('127.0.0.1', PORT)).accept()\n"
    ),
    "asyncio": (
        "import asyncio\nasync def serve():\n"
        "    await asyncio.start_server(print, '127.0.0.1', PORT)\n"
    ),
}


@pytest.mark.parametrize("code", PUBLIC.values(), ids=PUBLIC.keys())
def test_a_server_on_the_public_port_is_told_to_use_its_own(code, public_port, package, host):
    code = code.replace("PORT", str(public_port))
    one = host(package({"main.py": code}), a2a_service="main:serve", a2a_port=public_port)
    failure = one.failure()
    assert "main:serve (a2a.service) could not bind its port" in failure["error"]
    assert "The public A2A port %d is held by the program" % public_port in failure["error"]
    assert "A2A_PORT" in failure["hint"] and failure["hint"].endswith("#a2a-port")
    assert "main.py" in failure["detail"]


def test_a_server_on_another_port_is_waited_for_and_its_port_is_named(package, host):
    code = (
        "import socket\ndef serve():\n    s = socket.create_server(('127.0.0.1', 0))\n"
        "    print(s.getsockname()[1], flush=True)\n    s.accept()\n"
    )
    one = host(package({"main.py": code}), a2a_service="main:serve")
    while True:
        status = one.until("STATUS")
        if "waiting" in status:
            break
    assert re.match(
        r"waiting for main:serve\(\) to return, or to open port \d+ \(\$A2A_PORT\)", status
    )
    one.until_stdout("\n")
    assert status.endswith("it listens on " + one.output["stdout"].decode().strip())
    assert one.stop() == 0


def test_a_socket_path_that_is_too_long_is_told(package, host, tmp_path):
    one = host(
        package({"main.py": "def serve(): pass\n"}),
        a2a_service="main:serve",
        a2a_socket=str(tmp_path / ("x" * 120)),
    )
    failure = one.failure()
    assert "for the agent's gRPC server cannot be opened" in failure["error"]
    assert failure["hint"].endswith("#socket")


def test_a_socket_that_is_missing_from_the_configuration_is_told(package, host):
    one = host(
        package({"main.py": "def serve(): pass\n"}), a2a_service="main:serve", a2a_socket=None
    )
    assert "a2a_socket is null" in one.failure()["error"]


@pytest.mark.parametrize(
    "last, sentence",
    [
        ("return", "returned"),
        ("raise KeyError('lost')", "raised KeyError: 'lost'"),
        ("raise SystemExit(0)", "called sys.exit"),
    ],
)
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_server_that_ends_after_readiness_ends_the_host(last, sentence, kind, package, host):
    code = ENDS[kind].replace("LAST", last)
    root = package({"main.py": code})
    os.mkfifo(root / "go")
    one = host(root, a2a_service="main:serve")
    assert isinstance(one.ready_a2a()["grpc"], int)
    with open(root / "go", "w"):
        pass
    status = one.wait()
    one.close()
    assert status == 1
    assert (
        "The agent's gRPC server ended: main:serve (a2a.service) " + sentence
        in one.everything()["stderr"]
    )


ENDS = {
    "sync": """
import grpc, os
from concurrent import futures
def serve():
    server = grpc.server(futures.ThreadPoolExecutor(1))
    server.add_insecure_port("127.0.0.1:" + os.environ["A2A_PORT"])
    server.start()
    open("go").read()
    server.stop(0).wait()
    LAST
""",
    "async": """
import asyncio, grpc.aio, os
async def serve():
    server = grpc.aio.server()
    server.add_insecure_port("127.0.0.1:" + os.environ["A2A_PORT"])
    await server.start()
    await asyncio.to_thread(lambda: open("go").read())
    await server.stop(0)
    LAST
""",
}
