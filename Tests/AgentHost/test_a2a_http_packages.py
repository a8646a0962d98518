"""Packages that the producers really built, and an agent written with a2a-sdk, called with its client."""

import zipfile

import pytest
from a2a.types import TaskState

from test_a2a_http import ask, message, texts
from test_packages import FOLDER

HANDLERS = {
    "kit0412-custom-bench-all": {"a2a_service": "src.a2a.server:create_grpc_server"},
    "sdk054-custom-sdk-a2a-http": {
        "a2a_entry": "main:create_service",
        "a2a_http_server": "main:create_service",
        "entrypoint": "main:handler",
    },
}


@pytest.mark.skipif(not FOLDER.is_dir(), reason="no real packages beside the repository")
@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("name", HANDLERS)
def test_a_real_package_echoes_what_a_client_writes(name, streaming, tmp_path, host):
    with zipfile.ZipFile(FOLDER / (name + ".apkg")) as source:
        source.extractall(tmp_path)
    one = host(tmp_path, **HANDLERS[name])
    assert one.ready_a2a()["http"] is True
    skills = one.get("/.well-known/agent.json").json()["skills"]
    assert "echo" in [skill["id"] for skill in skills]
    for version in ("1.0", "0.3"):
        events = ask(one, version, message("annyeong", action="echo"), streaming=streaming)
        task = events[0].task
        assert texts(task.artifacts[0].parts) == "annyeong"
        assert task.status.state == TaskState.TASK_STATE_COMPLETED
    if "entrypoint" in HANDLERS[name]:
        assert one.post("/invoke", json={"text": "hi"}).json() == {"text": "hi"}


SDK_AGENT = """
from a2a.helpers import new_text_message
from a2a.server.agent_execution import AgentExecutor
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore
from a2a.types import AgentCapabilities, AgentCard, AgentInterface
from starlette.applications import Starlette

class Echo(AgentExecutor):
    async def execute(self, context, event_queue):
        await event_queue.enqueue_event(new_text_message("sdk: " + context.get_user_input()))
    async def cancel(self, context, event_queue):
        pass

def create_app():
    url = "http://agent.test/agents/tester/a2a"
    card = AgentCard(name="sdk", description="d", version="9", capabilities=AgentCapabilities(streaming=True),
        default_input_modes=["text"], default_output_modes=["text"],
        supported_interfaces=[AgentInterface(url=url, protocol_binding="JSONRPC", protocol_version=version)
                              for version in ("1.0", "0.3")])
    handler = DefaultRequestHandler(agent_executor=Echo(), task_store=InMemoryTaskStore(), agent_card=card)
    return Starlette(routes=create_agent_card_routes(card)
                     + create_jsonrpc_routes(handler, rpc_url="/", enable_v0_3_compat=True))
"""


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("version", ["1.0", "0.3"])
def test_an_agent_written_with_the_sdk_is_served_with_its_own_card(
    package, host, version, streaming
):
    one = host(package({"main.py": SDK_AGENT}), a2a_http_server="main:create_app")
    assert one.ready_a2a() == {"grpc": None, "http": True}
    for name in ("agent-card.json", "agent.json"):
        assert one.get("/.well-known/" + name).json()["name"] == "sdk"
    events = ask(one, version, message("hi"), streaming=streaming)
    assert texts(events[-1].message.parts) == "sdk: hi"
