"""A2A over HTTP through the program, by a2a-sdk's client, made from the agent's card alone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import time
from typing import Any, AsyncIterator, Optional

import grpc
import httpx
import pytest
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.types import (
    CancelTaskRequest,
    GetTaskRequest,
    Message,
    Part,
    Role,
    SendMessageRequest,
    TaskState,
)
from google.protobuf.json_format import MessageToDict

from support import grpc_agent, packages
from support.agent_service import AgentService
from support.clients import until
from support.figures import metric
from support.grpc_clients import channel, code_of
from support.program import DEADLINE, Run

COMPLETED = TaskState.TASK_STATE_COMPLETED


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    modules = {"src/actions.py": grpc_agent.HANDLERS}
    files = grpc_agent.a2a_files("src.actions:create_grpc_server", modules, rest=True)
    return grpc_agent.kit_build(tmp_path_factory.mktemp("handlers"), files)


@pytest.fixture(scope="module")
def served(module_par, package):
    run = module_par(package, GATE_PORT=1)
    run.ready()
    return run


@pytest.fixture(params=["1.0", "0.3"])
def version(request) -> str:
    return request.param


@contextlib.asynccontextmanager
async def connected(
    run: Run, version: str, path: str = "/agents/probe", **options: Any
) -> AsyncIterator[Any]:
    async with httpx.AsyncClient(timeout=DEADLINE) as http:
        card = await A2ACardResolver(http, run.base + path).get_agent_card()
        for interface in list(card.supported_interfaces):
            if interface.protocol_version != version:
                card.supported_interfaces.remove(interface)
        assert card.supported_interfaces, "the card offers no such version"
        yield ClientFactory(ClientConfig(httpx_client=http, **options)).create(card)


def message(action: str, text: Optional[str] = None, **parameters: Any) -> SendMessageRequest:
    parts = [] if text is None else [Part(text=text)]
    made = Message(message_id="m1", role=Role.ROLE_USER, parts=parts or [Part(text="")])
    made.metadata["action"] = action
    if parameters:
        made.metadata["parameters"] = parameters
    return SendMessageRequest(message=made)


def texts(parts: Any) -> str:
    return "".join(part.text for part in parts)


def test_the_card_is_the_agent_s_and_leads_back_to_it(served):
    for path in ("/agents/probe/.well-known/agent-card.json", "/agents/probe/.well-known/agent.json",
                 "/.well-known/agent-card.json", "/.well-known/agent.json"):  # fmt: skip
        answer = httpx.get(served.base + path)
        assert answer.status_code == 200, path
        card = answer.json()
        assert card["name"] == "probe" and card["version"] == "1.0.0"
        assert card["capabilities"]["streaming"] is True
        assert sorted(one["name"] for one in card["skills"]) == [
            "add", "fall", "gate", "greet", "words",
        ]  # fmt: skip
        assert card["url"].rstrip("/") == f"{served.base}/agents/probe/a2a"
    # What a load balancer in front says of itself is what clients are led to.
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "agents.example.com"}
    card = httpx.get(f"{served.base}/agents/probe/.well-known/agent.json", headers=forwarded).json()
    assert card["url"].rstrip("/") == "https://agents.example.com/agents/probe/a2a"


def test_a_message_is_answered(served, version):
    async def main() -> None:
        async with connected(served, version, streaming=False) as client:
            (event,) = [x async for x in client.send_message(message("greet", name="Ada"))]
            assert event.task.status.state == COMPLETED
            assert texts(event.task.artifacts[0].parts) == "Hello, Ada!"
            (event,) = [x async for x in client.send_message(message("add", a="1", b="2"))]
            (part,) = event.task.artifacts[0].parts
            assert MessageToDict(part)["data"]["sum"] == 3
            (event,) = [x async for x in client.send_message(message("fall"))]
            assert event.task.status.state == TaskState.TASK_STATE_FAILED
            assert "no such luck" in texts(event.task.status.message.parts)
            task = await client.get_task(GetTaskRequest(id=event.task.id))
            assert task.status.state == TaskState.TASK_STATE_FAILED

    asyncio.run(main())


def test_a_stream_s_pieces_arrive(served, version):
    async def main() -> None:
        async with connected(served, version, streaming=True) as client:
            events = [x async for x in client.send_message(message("words", text="to be or not"))]
            pieces = [
                texts(x.artifact_update.artifact.parts)
                for x in events
                if x.WhichOneof("payload") == "artifact_update"
            ]
            assert [one for one in pieces if one] == ["to", "be", "or", "not"]
            assert events[-1].status_update.status.state == COMPLETED

    asyncio.run(main())


def test_a_task_is_cancelled(par, package, gate, version):
    run = par(package, **gate.environment)
    run.ready()

    async def main() -> None:
        async with connected(run, version, streaming=True) as client:
            events = client.send_message(message("gate"))
            first = await anext(events)
            identifier = first.task.id
            loop = asyncio.get_running_loop()
            passage = await loop.run_in_executor(None, gate.visitor)
            cancelled = await client.cancel_task(CancelTaskRequest(id=identifier))
            assert cancelled.status.state == TaskState.TASK_STATE_CANCELED
            last = [event async for event in events][-1]
            assert last.status_update.status.state == TaskState.TASK_STATE_CANCELED
            passage.let_through()

    asyncio.run(main())
    assert run.stop(signal.SIGINT) == 0
    assert run.stopped["aborted"] == 0


def test_a_drain_lets_a_task_finish(par, package, gate, version):
    run = par(package, DRAIN_MIN_SEC=0.3, **gate.environment)
    run.ready()

    async def main() -> None:
        async with connected(run, version, streaming=True) as client:
            events = client.send_message(message("gate"))
            await anext(events)
            loop = asyncio.get_running_loop()
            passage = await loop.run_in_executor(None, gate.visitor)
            run.send()
            run.wait("drain")
            passage.let_through()
            rest = [event async for event in events]
            assert rest[-1].status_update.status.state == COMPLETED

    asyncio.run(main())
    assert run.exit() == 0
    assert run.stopped["aborted"] == 0 and run.stopped["outcome"] == "clean"


def test_the_rest_routes_of_the_same_agent_are_there_too(served):
    assert httpx.get(f"{served.base}/agents/probe/api/hello").json()["message"] == "hello"
    health = httpx.get(f"{served.base}/agents/probe/a2a/health")
    assert health.status_code == 200 and health.json()["ok"] is True


def rpc(run: Run, path: str, method: str, params: Any, **headers: str) -> httpx.Response:
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return httpx.post(run.base + path, json=request, headers=headers, timeout=DEADLINE)


def test_the_protocol_s_errors_pass(served):
    answer = rpc(served, "/agents/probe/a2a", "tasks/get", {"id": "absent"})
    assert answer.status_code == 200 and answer.json()["error"]["code"] == -32001
    answer = rpc(served, "/agents/probe/a2a/", "no/such/method", {})
    assert answer.json()["error"]["code"] == -32601
    answer = httpx.post(f"{served.base}/agents/probe/a2a", content=b"{", headers={"content-type": "application/json"})
    assert answer.json()["error"]["code"] == -32700
    answer = rpc(served, "/agents/probe/a2a", "SendMessage", {}, **{"A2A-Version": "9.9"})
    assert answer.json()["error"]["code"] == -32009


# --- apps of the agent's own ---

APP = '''
import json, os

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    body = json.dumps({"path": scope["path"], "root_path": scope["root_path"]}).encode()
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
'''


def test_an_app_of_the_agent_s_own_is_served_where_it_belongs(par, tmp_path):
    files = grpc_agent.a2a_files("unused", {"src/app.py": APP})
    files["agent.yaml"] = packages.manifest(
        a2a={"http_server": "src.app:app"}, entrypoint="src.main:handler"
    )
    package = packages.archive(tmp_path / "app.apkg", files)
    run = par(package)
    run.ready()
    for path in ("/agents/probe/a2a", "/agents/probe/a2a/tasks", "/a2a/tasks",
                 "/agents/probe/.well-known/agent-card.json", "/.well-known/agent.json",
                 "/agents/probe/something/else"):  # fmt: skip
        answer = httpx.get(run.base + path)
        assert answer.status_code == 200, path
        seen = answer.json()
        inner = seen["path"].removeprefix(seen["root_path"]) or "/"
        wanted = path.removeprefix("/agents/probe").removeprefix("/a2a") or "/"
        assert inner == wanted, (path, seen)
    # It has HTTP alone: over gRPC there is nobody but the machine.
    with channel(run.a2a_port) as one:
        assert AgentService(one).call("Health").ok
        code, _ = code_of(lambda: AgentService(one).invoke("greet"))
        assert code is grpc.StatusCode.UNIMPLEMENTED
    assert run.stop(signal.SIGINT) == 0


def test_while_the_agent_boots_a2a_over_http_is_503(par, gate, tmp_path):
    held = "from src.meet import meet\nmeet('import')\n" + APP
    files = grpc_agent.a2a_files("unused", {"src/app.py": held})
    files["agent.yaml"] = packages.manifest(a2a={"http_server": "src.app:app"})
    package = packages.archive(tmp_path / "app.apkg", files)
    run = par(package, **gate.environment)
    passage = gate.visitor()
    for path in ("/agents/probe/a2a", "/agents/probe/.well-known/agent-card.json"):
        answer = httpx.get(run.base + path)
        assert answer.status_code == 503 and answer.json()["state"] == "loading"
    passage.let_through()
    run.ready()
    assert httpx.get(f"{run.base}/agents/probe/a2a").status_code == 200
    assert run.stop(signal.SIGINT) == 0


def test_a_stream_that_never_ends_is_cut_and_counted(par, tmp_path):
    endless = grpc_agent.HANDLERS.replace(
        "    for word in", "    while True:\n        yield 'tick '\n        await asyncio.sleep(0.05)\n    for word in"
    )
    files = grpc_agent.a2a_files("src.actions:create_grpc_server", {"src/actions.py": endless})
    package = packages.archive(tmp_path / "endless.apkg", files)
    run = par(package, GATE_PORT=1, DRAIN_MIN_SEC=0.1, STREAM_DRAIN_SEC=0.5, GRACEFUL_SHUTDOWN_TIMEOUT_SEC=10)
    run.ready()
    request = {
        "jsonrpc": "2.0", "id": 1, "method": "message/stream",
        "params": {"message": {"role": "user", "messageId": "m", "kind": "message",
                               "metadata": {"action": "words"}, "parts": [{"kind": "text", "text": "x"}]}},
    }  # fmt: skip
    with httpx.stream("POST", f"{run.base}/agents/probe/a2a", json=request, timeout=20) as answer:
        lines = answer.iter_lines()
        told = [json.loads(next(x for x in lines if x.startswith("data:"))[5:]) for _ in range(3)]
        assert told[0]["result"]["kind"] == "task"
        until(lambda: metric(run, "par_requests_in_flight") == 1, "the stream is in flight")
        at = run.send()
        with contextlib.suppress(httpx.HTTPError):
            for _ in lines:
                pass
    assert run.exit() == 0
    assert time.monotonic() - at < 5
    assert run.stopped["completed"] + run.stopped["aborted"] == 1


def test_an_agent_made_with_a2a_sdk(par, tmp_path):
    """The library on both sides, over each of its transports, and the program between them."""
    modules = {
        "src/sdk_agent.py": grpc_agent.SDK,
        "requirements.txt": "a2a-sdk[http-server,grpc]>=1.0\n",
    }
    files = grpc_agent.a2a_files("unused", modules)
    files["agent.yaml"] = packages.manifest(
        a2a={
            "service": "src.sdk_agent:create_grpc_server",
            "http_server": "src.sdk_agent:app",
        },
        entrypoint="src.main:handler",
    )
    run = par(grpc_agent.kit_build(tmp_path, files), INSTALL_TIMEOUT_SEC=120)
    run.ready(deadline=120)
    base = f"{run.base}/agents/probe"

    async def talk(http: httpx.AsyncClient, version: str, binding: str) -> None:
        card = await A2ACardResolver(http, base).get_agent_card()
        assert card.name == "sdk"
        for interface in list(card.supported_interfaces):
            if (interface.protocol_version, interface.protocol_binding) != (version, binding):
                card.supported_interfaces.remove(interface)
            else:
                interface.url = f"127.0.0.1:{run.a2a_port}" if binding == "GRPC" else f"{base}/a2a"
        configuration = ClientConfig(
            httpx_client=http,
            grpc_channel_factory=grpc.aio.insecure_channel,
            supported_protocol_bindings=[binding],
        )
        client = ClientFactory(configuration).create(card)
        made = Message(message_id="m", role=Role.ROLE_USER, parts=[Part(text="to be or not")])
        events = [x async for x in client.send_message(SendMessageRequest(message=made))]
        pieces = [
            texts(x.artifact_update.artifact.parts)
            for x in events
            if x.WhichOneof("payload") == "artifact_update"
        ]
        assert pieces == ["to", "be", "or", "not"], (version, binding)
        assert events[-1].status_update.status.state == COMPLETED
        task = await client.get_task(GetTaskRequest(id=events[-1].status_update.task_id))
        assert task.status.state == COMPLETED
        with pytest.raises(Exception, match="(?i)not found"):
            await client.get_task(GetTaskRequest(id="absent"))
        if binding == "GRPC":
            await client.close()

    async def main() -> None:
        async with httpx.AsyncClient(timeout=DEADLINE) as http:
            for version in ("1.0", "0.3"):
                for binding in ("GRPC", "JSONRPC"):
                    await talk(http, version, binding)

    asyncio.run(main())
    assert run.stop(signal.SIGINT) == 0
