"""What an agent may be to be called over gRPC, from pixell-kit's stub to a service of its own."""

from __future__ import annotations

import json
import signal
import socket
import threading
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf import descriptor_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from support import grpc_agent
from support.agent_service import SERVING, AgentService
from support.grpc_clients import Probe, Wire, channel, code_of
from support.program import REPOSITORY

UNIMPLEMENTED = grpc.StatusCode.UNIMPLEMENTED


@pytest.fixture(scope="module")
def handlers(tmp_path_factory):
    modules = {"src/actions.py": grpc_agent.HANDLERS}
    files = grpc_agent.a2a_files("src.actions:create_grpc_server", modules)
    return grpc_agent.kit_build(tmp_path_factory.mktemp("handlers"), files)


def test_named_actions_are_invoked(par, handlers, gate):
    run = par(handlers, **gate.environment)
    ready = run.ready()
    assert ready["a2a_port"] == run.a2a_port and "a2a" in ready["surfaces"]
    for port, prefix in ((run.a2a_port, ""), (run.port, "/agents/probe/a2a")):
        with channel(port) as one:
            agent = AgentService(one, prefix)
            assert sorted(agent.call("DescribeCapabilities").methods) == [
                "add", "fall", "gate", "greet", "words",
            ]  # fmt: skip
            assert agent.call("Ping").timestamp > 1_700_000_000_000
            result = agent.invoke("greet", "my-id", name="Ada")
            assert (result.success, result.result, result.error) == (True, "Hello, Ada!", "")
            assert result.request_id == "my-id" and result.duration_ms >= 0
            # Numbers arrive as text, and what is no text goes out as JSON.
            result = agent.invoke("add", a="1", b="2")
            assert result.success and result.request_id
            assert json.loads(result.result) == {"sum": 3, "given": {"a": "1", "b": "2"}}
            result = agent.invoke("fall")
            assert (result.success, result.result) == (False, "")
            assert result.error == "ValueError: no such luck"
            result = agent.invoke("dance")
            assert not result.success
            assert result.error == "No handler found for action: dance"
            result = agent.message("message/send", {"message": {"metadata": {"action": "greet"}}})
            assert result.success or result.error
            absent = one.unary_unary(f"{prefix}/pixell.agent.AgentService/Absent")
            assert code_of(lambda: absent(b"", timeout=20))[0] is UNIMPLEMENTED
    # A traceback is for the log alone.
    assert any("no such luck" in x["line"] for x in run.events("agent_output"))
    with channel(run.a2a_port) as one:
        results: list[Any] = []
        threads = [
            threading.Thread(target=lambda: results.append(AgentService(one).invoke("gate")))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        passages = [gate.visitor() for _ in range(4)]  # all four at once
        run.send()
        for passage in passages:
            passage.let_through()
        for thread in threads:
            thread.join(20)
        assert [one.result for one in results] == ["passed"] * 4
    assert run.exit() == 0
    assert run.stopped["aborted"] == 0


def test_pixell_kit_s_stub_has_no_actions(par, kit_template):
    run = par(kit_template("a2a"), INSTALL_TIMEOUT_SEC=120)
    run.ready(deadline=120)
    (warning,) = run.events("warning", code="a2a_stub")
    assert warning["message"]
    with channel(run.a2a_port) as one:
        agent = AgentService(one)
        assert agent.call("Health").ok
        assert list(agent.call("DescribeCapabilities").methods) == []
        result = agent.invoke("anything")
        assert (result.success, result.error) == (False, "No handler found for action: anything")
        assert agent.call("Ping").message
    assert run.stop(signal.SIGINT) == 0


def test_a_service_of_the_agent_s_own_with_reflection(par, tmp_path):
    modules = {
        "src/weather.py": grpc_agent.REFLECTED,
        "requirements.txt": "grpcio-reflection>=1.60\ngrpcio-health-checking>=1.60\n",
    }
    package = grpc_agent.kit_build(
        tmp_path, grpc_agent.a2a_files("src.weather:serve", modules, rest=True)
    )
    run = par(package, INSTALL_TIMEOUT_SEC=120, GATE_PORT=1)
    run.ready(deadline=120)
    with channel(run.a2a_port) as one:
        database = ProtoReflectionDescriptorDatabase(one)
        assert "weather.v1.Weather" in database.get_services()
        file = database.FindFileContainingSymbol("weather.v1.Weather")
        assert isinstance(file, descriptor_pb2.FileDescriptorProto)
        assert file.service[0].method[0].name == "Today"
        today = one.unary_unary("/weather.v1.Weather/Today")
        assert today(b"\n\x06Lisbon", timeout=20) == b"\n\x06Lisbon"
        # Health is the machine's answer, whatever the agent says of itself.
        request = health_pb2.HealthCheckRequest()
        assert health_pb2_grpc.HealthStub(one).Check(request, timeout=20).status == SERVING
        assert AgentService(one).call("Health").ok
        # It does not serve AgentService; that is its right.
        assert code_of(lambda: AgentService(one).invoke("greet"))[0] is UNIMPLEMENTED
    assert run.stop(signal.SIGINT) == 0


OWN_PORT = '''
import os
from concurrent import futures
import grpc

def serve():
    server = grpc.server(futures.ThreadPoolExecutor(2))
    server.add_insecure_port("[::]:" + os.environ["HARD_CODED"])
    server.start()
    server.wait_for_termination()
'''


def test_an_agent_that_binds_the_public_port_is_told_so(par, tmp_path):
    package = grpc_agent.kit_build(
        tmp_path, grpc_agent.a2a_files("src.own:serve", {"src/own.py": OWN_PORT})
    )
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    # As the program is deployed: on all addresses.
    run = par(package, A2A_PORT=port, HARD_CODED=port, BIND_ADDRESS="0.0.0.0")
    assert run.exit() == 1
    failed = run.events("boot_failed")[0]
    assert failed["phase"] == "load"
    assert str(port) in failed["error"], failed
    assert "A2A_PORT" in failed["hint"] and "docs/errors.md#" in failed["hint"], failed


FALLS_LATER = '''
import os
from src.meet import meet
from src import probe

def serve():
    import threading
    threading.Thread(target=probe.serve, daemon=True).start()
    meet("serving")
    raise RuntimeError("serve() fell over")
'''


def test_a_serve_that_ends_is_a_worker_lost(par, gate, tmp_path):
    modules = {"src/probe.py": grpc_agent.PROBE, "src/later.py": FALLS_LATER}
    package = grpc_agent.kit_build(tmp_path, grpc_agent.a2a_files("src.later:serve", modules))
    run = par(package, WORKER_RESTARTS="1/60", **gate.environment)
    passage = gate.visitor()
    run.ready()
    with channel(run.a2a_port) as one:
        assert Probe(one).unary("echo")(b"x", timeout=20) == b"x"
        passage.let_through()
        run.wait("worker_exited")
        passage = gate.visitor()
        run.ready(count=2)
        assert Probe(one).unary("echo")(b"x", timeout=20) == b"x"
    assert any("serve() fell over" in x["line"] for x in run.events("agent_output"))
    assert run.stop(signal.SIGINT) == 0


NEVER = '''
import threading

def serve():
    threading.Event().wait()
'''


def test_a_serve_that_never_opens_its_port_fails_the_boot(par, tmp_path):
    package = grpc_agent.kit_build(
        tmp_path, grpc_agent.a2a_files("src.never:serve", {"src/never.py": NEVER})
    )
    run = par(package, LOAD_TIMEOUT_SEC=2)
    assert run.exit() == 1
    failed = run.events("boot_failed")[0]
    assert failed["phase"] == "load" and "2" in failed["error"], failed
    text = failed["error"] + str(failed.get("detail")) + str(failed["hint"])
    assert "serve()" in text or "port" in text, failed


def test_a_server_whose_import_fails_shows_its_traceback(par, tmp_path):
    package = grpc_agent.kit_build(
        tmp_path, grpc_agent.a2a_files("src.broken:serve", {"src/broken.py": "import no_such_thing\n"})
    )
    run = par(package)
    assert run.exit() == 1
    failed = run.events("boot_failed")[0]
    assert "no_such_thing" in failed["error"] + failed["detail"], failed


def test_the_agent_s_environment_names_its_own_port_alone(par, grpc_probe):
    """The port in A2A_PORT is private: nobody but this machine reaches it, and it is not ours."""
    run = par(grpc_probe, PROBE_SHAPE="aio serve", BIND_ADDRESS="0.0.0.0")
    run.ready()
    told = int(httpx.get(f"{run.base}/api/env").json()["A2A_PORT"])
    assert told != run.a2a_port and told > 0
    with Wire(told) as wire:
        assert wire.call("/probe.v1.Probe/echo", b"x").status == 0
    with Wire(run.a2a_port) as wire:
        assert wire.call("/probe.v1.Probe/echo", b"x").status == 0
    assert run.stop(signal.SIGINT) == 0


def test_the_example_of_handlers(par):
    package = REPOSITORY / "examples/handlers.apkg"
    if not package.exists():
        pytest.fail(f"{package} is not there: make examples")
    run = par(package)
    run.ready()
    card = httpx.get(f"{run.base}/agents/probe/.well-known/agent-card.json").json()
    skills = {one["id"] for one in card["skills"]}
    assert skills == {"count_words", "shout", "recite"}
    with channel(run.a2a_port) as one:
        agent = AgentService(one)
        assert set(agent.call("DescribeCapabilities").methods) == skills
        assert agent.invoke("shout", text="hello").result == "HELLO!"
        assert agent.invoke("recite", text="to be").result.split() == ["to", "be"]
    assert run.stop(signal.SIGINT) == 0
