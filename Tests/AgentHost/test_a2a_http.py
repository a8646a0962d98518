"""Handlers over A2A JSON-RPC, called by the clients that people use."""

import asyncio
import contextlib

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
from a2a.utils import errors
from google.protobuf.json_format import MessageToDict, ParseDict

from conftest import BASE_PATH, WAIT_SEC

AGENT = '''
import asyncio, sys, threading, time
MAIN = threading.current_thread()

async def chat(parameters):
    """Talks back.

    Not on the card."""
    return "you said " + parameters["message"]

def add(parameters):
    assert threading.current_thread() is not MAIN
    return {"sum": int(parameters["a"]) + int(parameters["b"])}

async def given(parameters):
    return parameters

def raises(parameters):
    raise ValueError("the moon is full")

def a_set(parameters):
    return {1}

def nothing(parameters):
    return None

async def waits(parameters):
    print("waiting", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        print("waited no more", flush=True)

async def count(parameters):
    """Counts."""
    for number in range(int(parameters.get("to", "3"))):
        yield "%d " % number

def count_sync(parameters):
    assert threading.current_thread() is not MAIN
    for number in range(3):
        yield {"number": number}

async def forever(parameters):
    number = 0
    try:
        while True:
            yield "%d " % number
            number += 1
            await asyncio.sleep(0)
    finally:
        print("closed", flush=True)

async def breaks(parameters):
    yield "one "
    raise RuntimeError("no two")

async def events(parameters):
    yield {"event": "thinking", "data": "hmm"}
    yield {"type": "content", "content": "so "}
    yield {"event": "CONTENT", "data": {"text": "it is"}}
    yield {"event": "complete", "data": {"tokens": 7}}
    yield "never"

async def says_error(parameters):
    yield {"type": "error", "content": "out of luck"}
    yield "never"

def create_service():
    return {
        "custom_handlers": dict(chat=chat, add=add, given=given, raises=raises, a_set=a_set,
                                nothing=nothing, waits=waits),
        "streaming_handlers": dict(count=count, count_sync=count_sync, forever=forever,
                                   breaks=breaks, events=events, says_error=says_error),
    }
'''


@pytest.fixture
def agent(package, host):
    one = host(
        package({"main.py": AGENT}), a2a_http_server="main:create_service", author="A. Writer"
    )
    one.ready()
    return one


@pytest.fixture(params=["1.0", "0.3"])
def version(request):
    return request.param


@contextlib.asynccontextmanager
async def connected(agent, version, **options):
    """a2a-sdk's client for one version, made from the agent's card."""
    transport = httpx.AsyncHTTPTransport(uds=agent.socket_path)
    async with httpx.AsyncClient(transport=transport, timeout=WAIT_SEC) as http:
        card = await A2ACardResolver(http, "http://agent.test" + "").get_agent_card()
        for interface in list(card.supported_interfaces):
            if interface.protocol_version != version:
                card.supported_interfaces.remove(interface)
        yield ClientFactory(ClientConfig(httpx_client=http, **options)).create(card)


def message(text=None, data=None, action=None, **fields):
    parts = []
    if text is not None:
        parts.append(Part(text=text))
    if data is not None:
        parts.append(ParseDict({"data": data}, Part()))
    made = Message(message_id="m1", role=Role.ROLE_USER, parts=parts, **fields)
    if action is not None:
        made.metadata["action"] = action
    return SendMessageRequest(message=made)


def ask(agent, version, request, streaming=False, **options):
    """Everything that the client yields."""

    async def run():
        async with connected(agent, version, streaming=streaming, **options) as client:
            return [event async for event in client.send_message(request)]

    return asyncio.run(asyncio.wait_for(run(), WAIT_SEC))


def texts(parts):
    return "".join(part.text for part in parts)


def test_the_text_comes_back(agent, version):
    (event,) = ask(agent, version, message("hello", action="chat"))
    task = event.task
    assert task.status.state == TaskState.TASK_STATE_COMPLETED
    assert texts(task.artifacts[0].parts) == "you said hello"
    assert task.history[0].parts[0].text == "hello" and task.id and task.context_id


def test_a_value_that_is_no_text_comes_back_as_data(agent, version):
    (event,) = ask(agent, version, message(data={"action": "add", "parameters": {"a": 2, "b": 3}}))
    assert MessageToDict(event.task.artifacts[0].parts[0].data) == {"sum": 5}


def test_a_handler_that_raises_makes_a_failed_task(agent, version):
    (event,) = ask(agent, version, message("x", action="raises"))
    assert event.task.status.state == TaskState.TASK_STATE_FAILED
    assert texts(event.task.status.message.parts) == "ValueError: the moon is full"
    assert "Traceback" in agent.until_stderr("moon is full")


@pytest.mark.parametrize(
    "action, pieces",
    [
        ("count", ["0 ", "1 ", "2 "]),
        ("chat", ["you said hi"]),
    ],
)
def test_a_stream_is_task_working_pieces_completed(agent, version, action, pieces):
    events = ask(agent, version, message("hi", action=action), streaming=True)
    kinds = [event.WhichOneof("payload") for event in events]
    assert kinds == ["task", "status_update"] + ["artifact_update"] * len(pieces) + [
        "status_update"
    ]
    assert events[0].task.status.state == TaskState.TASK_STATE_SUBMITTED
    assert events[1].status_update.status.state == TaskState.TASK_STATE_WORKING
    assert [texts(event.artifact_update.artifact.parts) for event in events[2:-1]] == pieces
    assert [event.artifact_update.append for event in events[2:-1]] == [False] + [True] * (
        len(pieces) - 1
    )
    assert events[-1].status_update.status.state == TaskState.TASK_STATE_COMPLETED
