"""Handlers over A2A JSON-RPC, called by the clients that people use."""

import asyncio
import contextlib

import httpx
import pytest
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.client.card_resolver import parse_agent_card
from a2a.compat.v0_3 import types as v03
from a2a.types import (
    CancelTaskRequest,
    GetTaskRequest,
    ListTasksRequest,
    Message,
    Part,
    Role,
    SendMessageRequest,
    SubscribeToTaskRequest,
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
    yield {"type": "error", "data": {"code": 7, "message": "out of luck"}}
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


class Proxied(httpx.AsyncHTTPTransport):
    """The host's socket as the proxy in front uses it: without the base path, which it names."""

    def __init__(self, agent):
        super().__init__(uds=agent.socket_path)

    async def handle_async_request(self, request):
        path = request.url.raw_path.decode()
        assert path.startswith(BASE_PATH)
        request.url = request.url.copy_with(raw_path=path[len(BASE_PATH) :].encode())
        request.headers["x-forwarded-prefix"] = BASE_PATH
        request.headers["x-forwarded-host"] = request.headers["host"]
        return await super().handle_async_request(request)


@contextlib.asynccontextmanager
async def connected(agent, version, **options):
    """a2a-sdk's client for one version, made from the agent's card."""
    async with httpx.AsyncClient(transport=Proxied(agent), timeout=WAIT_SEC) as http:
        card = await A2ACardResolver(http, "http://agent.test" + BASE_PATH).get_agent_card()
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


async def following(stream):
    """The stream's next event."""
    return await stream.__anext__()


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
    told = agent.until_stderr("moon is full")
    assert "Traceback" in told and "par_agent_host" not in told


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


def test_what_a_streaming_handler_yields_is_one_text_for_a_caller_that_waits(agent, version):
    (event,) = ask(agent, version, message("x", action="count"))
    assert [part.text for part in event.task.artifacts[0].parts] == ["0 1 2 "]


def test_a_sync_generator_streams_data(agent, version):
    events = ask(agent, version, message("x", action="count_sync"), streaming=True)
    data = [
        MessageToDict(event.artifact_update.artifact.parts[0].data)
        for event in events
        if event.HasField("artifact_update")
    ]
    assert data == [{"number": 0}, {"number": 1}, {"number": 2}]


def test_a_stream_that_breaks_ends_failed(agent, version):
    events = ask(agent, version, message("x", action="breaks"), streaming=True)
    assert texts(events[2].artifact_update.artifact.parts) == "one "
    last = events[-1].status_update.status
    assert last.state == TaskState.TASK_STATE_FAILED
    assert texts(last.message.parts) == "RuntimeError: no two"
    assert "Traceback" in agent.until_stderr("no two")


def test_events_of_a_handler_are_what_they_say(agent, version):
    events = ask(agent, version, message("x", action="events"), streaming=True)
    thinking = events[2].status_update.status
    assert thinking.state == TaskState.TASK_STATE_WORKING
    assert texts(thinking.message.parts) == "hmm"
    assert MessageToDict(thinking.message.metadata) == {"thinking": True}
    pieces = [event.artifact_update.artifact.parts for event in events[3:-1]]
    assert [texts(parts) for parts in pieces] == ["so ", "it is"]
    assert events[-1].status_update.status.state == TaskState.TASK_STATE_COMPLETED
    assert MessageToDict(events[-1].status_update.metadata) == {"tokens": 7}


def test_an_event_that_is_an_error_fails_the_task(agent, version):
    events = ask(agent, version, message("x", action="says_error"), streaming=True)
    last = events[-1].status_update.status
    assert last.state == TaskState.TASK_STATE_FAILED
    assert texts(last.message.parts) == "out of luck"


def test_a_finished_task_can_be_asked_for_again(agent, version):
    (event,) = ask(agent, version, message("hello", action="chat"))

    async def run():
        async with connected(agent, version) as client:
            whole = await client.get_task(GetTaskRequest(id=event.task.id))
            with pytest.raises(errors.TaskNotFoundError):
                await client.get_task(GetTaskRequest(id="no such task"))
            with pytest.raises(errors.TaskNotCancelableError):
                await client.cancel_task(CancelTaskRequest(id=event.task.id))
            return whole

    assert asyncio.run(run()) == event.task


def test_a_task_that_is_cancelled_ends_its_handler_and_its_stream(agent, version):
    async def run():
        async with connected(agent, version, streaming=True) as client:
            stream = client.send_message(message("x", action="waits"))
            task = (await following(stream)).task
            agent.until_stdout("waiting\n")
            cancelled = await client.cancel_task(CancelTaskRequest(id=task.id))
            assert cancelled.status.state == TaskState.TASK_STATE_CANCELED
            return [event async for event in stream]

    events = asyncio.run(asyncio.wait_for(run(), WAIT_SEC))
    assert events[-1].status_update.status.state == TaskState.TASK_STATE_CANCELED
    agent.until_stdout("waited no more")


def test_a_caller_that_does_not_wait_gets_the_task_at_work(agent, version):
    (event,) = ask(agent, version, message("x", action="waits"), polling=True)
    assert event.task.status.state == TaskState.TASK_STATE_WORKING

    async def run():
        async with connected(agent, version) as client:
            agent.until_stdout("waiting\n")
            found = await client.get_task(GetTaskRequest(id=event.task.id))
            assert found.status.state == TaskState.TASK_STATE_WORKING
            await client.cancel_task(CancelTaskRequest(id=event.task.id))
            found = await client.get_task(GetTaskRequest(id=event.task.id))
            assert found.status.state == TaskState.TASK_STATE_CANCELED

    asyncio.run(asyncio.wait_for(run(), WAIT_SEC))


def test_a_second_reader_of_a_task_sees_what_comes(agent, version):
    """The stream that a client opens again, while the first is still open."""

    async def run():
        async with connected(agent, version, streaming=True) as client:
            first = client.send_message(message("x", action="waits"))
            task = (await following(first)).task
            second = client.subscribe(SubscribeToTaskRequest(id=task.id))
            again = (await following(second)).task
            assert again.id == task.id and again.status.state == TaskState.TASK_STATE_WORKING
            await client.cancel_task(CancelTaskRequest(id=task.id))
            last = [event async for event in second][-1]
            assert last.status_update.status.state == TaskState.TASK_STATE_CANCELED
            with pytest.raises(errors.UnsupportedOperationError):
                await following(client.subscribe(SubscribeToTaskRequest(id=task.id)))
            await first.aclose()

    asyncio.run(asyncio.wait_for(run(), WAIT_SEC))


@pytest.mark.parametrize("action", ["forever", "waits"])
def test_a_reader_that_leaves_ends_the_handler(agent, version, action):
    async def run():
        async with connected(agent, version, streaming=True) as client:
            stream = client.send_message(message("x", action=action))
            await following(stream)
            await following(stream)

    asyncio.run(asyncio.wait_for(run(), WAIT_SEC))
    agent.until_stdout("closed" if action == "forever" else "waited no more")


def test_tasks_of_a_context_are_listed(agent):
    for text in ("one", "two"):
        ask(agent, "1.0", message(text, action="chat", context_id="c1"))
    ask(agent, "1.0", message("three", action="chat"))

    async def run():
        async with connected(agent, "1.0") as client:
            page = await client.list_tasks(ListTasksRequest(context_id="c1", page_size=1))
            assert (len(page.tasks), page.total_size, page.page_size) == (1, 2, 1)
            assert not page.tasks[0].artifacts
            rest = await client.list_tasks(
                ListTasksRequest(
                    context_id="c1", page_token=page.next_page_token, include_artifacts=True
                )
            )
            assert texts(rest.tasks[0].artifacts[0].parts) == "you said one"
            assert not rest.next_page_token
            with pytest.raises(errors.InvalidParamsError):
                await client.list_tasks(ListTasksRequest())

    asyncio.run(asyncio.wait_for(run(), WAIT_SEC))


def test_every_error_of_the_client_is_the_one_meant(agent, version):
    async def run():
        async with connected(agent, version) as client:

            async def fails(kind, request):
                with pytest.raises(kind) as raised:
                    [event async for event in client.send_message(request)]
                return str(raised.value)

            said = await fails(errors.InvalidParamsError, message("x", action="dance"))
            assert said == "No handler found for action: dance"
            with_file = message("x", action="chat")
            with_file.message.parts.append(Part(raw=b"GIF", media_type="image/gif"))
            await fails(errors.ContentTypeNotSupportedError, with_file)
            await fails(errors.TaskNotFoundError, message("x", action="chat", task_id="gone"))
            pushed = message("x", action="chat")
            pushed.configuration.task_push_notification_config.url = "http://example.test"
            await fails(errors.PushNotificationNotSupportedError, pushed)
            asked = [e async for e in client.send_message(message("x", action="chat"))]
            again = message("y", action="chat", task_id=asked[0].task.id)
            await fails(errors.UnsupportedOperationError, again)

    asyncio.run(asyncio.wait_for(run(), WAIT_SEC))


def test_the_card_says_what_the_agent_is(agent):
    for path in (
        "/.well-known/agent-card.json",
        "/.well-known/agent.json",
        "/a2a/.well-known/agent-card.json",
    ):
        card = agent.get(path, headers={"host": "agent.example"}).json()
        assert card["url"] == "http://agent.example" + BASE_PATH + "/a2a"
    assert (card["name"], card["version"]) == ("tester", "1.2.3")
    assert card["description"] == "made by a test"
    assert card["provider"] == {
        "organization": "A. Writer",
        "url": "http://agent.example" + BASE_PATH,
    }
    assert card["capabilities"]["streaming"] is True
    skills = {skill["id"]: skill for skill in card["skills"]}
    assert list(skills)[:2] == ["chat", "add"] and "count" in skills
    assert skills["chat"]["description"] == "Talks back."
    assert skills["count"]["description"] == "Counts."
    assert skills["add"]["description"] == "The action add."


def test_the_card_is_valid_in_both_versions(agent):
    card = agent.get("/.well-known/agent-card.json").json()
    old = v03.AgentCard.model_validate(card)
    assert old.preferred_transport == "JSONRPC" and old.protocol_version == "0.3.0"
    new = parse_agent_card(card)
    assert [one.protocol_version for one in new.supported_interfaces] == ["1.0", "0.3"]
    assert {one.url for one in new.supported_interfaces} == {old.url}


@pytest.mark.parametrize(
    "headers, url",
    [
        (
            {"x-forwarded-proto": "https", "x-forwarded-host": "a.example:8443"},
            "https://a.example:8443" + BASE_PATH,
        ),
        ({"x-forwarded-host": "a.example, b.example"}, "http://a.example" + BASE_PATH),
        ({"x-forwarded-prefix": "/outer/"}, "http://h.example/outer" + BASE_PATH),
        ({"x-forwarded-prefix": "/outer" + BASE_PATH}, "http://h.example/outer" + BASE_PATH),
        ({"x-forwarded-prefix": "/<script>"}, "http://h.example" + BASE_PATH),
        ({"x-forwarded-host": "a.example/<script>"}, "http://h.example" + BASE_PATH),
        ({"x-forwarded-proto": "javascript"}, "http://h.example" + BASE_PATH),
    ],
)
def test_the_card_has_the_address_that_the_caller_uses(agent, headers, url):
    card = agent.get("/.well-known/agent-card.json", headers={"host": "h.example", **headers})
    assert card.json()["url"] == url + "/a2a"
