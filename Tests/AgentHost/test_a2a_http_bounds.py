"""Bounds of A2A over HTTP, each reached: the application itself, in this process."""

import asyncio
import json
import sys
import threading

import httpx
import pytest

from conftest import START, WAIT_SEC

sys.path.insert(0, str(START.parent))

from par_agent_host import agent_card, jsonrpc, jsonrpc_events, tasks, tasks_run

ABOUT = {"name": "bounds", "version": "1", "base_path": "/p"}


def application(**handlers):
    streaming = {name: one for name, one in handlers.items() if name.startswith("stream")}
    custom = {name: one for name, one in handlers.items() if name not in streaming}
    return jsonrpc.application(custom, streaming, ABOUT, asyncio.Event())


def body(method, action=None, **params):
    if action is not None:
        params["message"] = {
            "messageId": "m",
            "role": "user",
            "parts": [{"kind": "text", "text": "x"}],
            "metadata": {"action": action},
        }
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


async def call(app, method, action=None, headers=None, **params):
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        response = await client.post("/", json=body(method, action, **params), headers=headers)
    answer = response.json()
    return answer.get("error") or answer["result"]


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, WAIT_SEC))


async def chat(parameters):
    return "said"


def test_more_tasks_at_work_are_refused(monkeypatch):
    monkeypatch.setattr(tasks, "RUNNING_MAX", 2)

    async def waits(parameters):
        await asyncio.Event().wait()

    async def main():
        app = application(waits=waits, chat=chat)
        started = [
            await call(app, "message/send", "waits", configuration={"blocking": False})
            for _ in range(2)
        ]
        refused = await call(app, "message/send", "chat")
        assert refused["code"] == -32000 and "2 tasks" in refused["message"]
        await call(app, "tasks/cancel", id=started[0]["id"])
        assert (await call(app, "message/send", "chat"))["status"]["state"] == "completed"
        await call(app, "tasks/cancel", id=started[1]["id"])

    run(main())


def test_the_oldest_finished_tasks_are_forgotten_first(monkeypatch):
    monkeypatch.setattr(tasks, "KEPT_MAX", 2)

    async def main():
        app = application(chat=chat)
        made = [(await call(app, "message/send", "chat"))["id"] for _ in range(3)]
        assert (await call(app, "tasks/get", id=made[0]))["code"] == -32001
        for identifier in made[1:]:
            assert (await call(app, "tasks/get", id=identifier))["id"] == identifier

    run(main())


def test_finished_tasks_hold_so_many_bytes(monkeypatch):
    monkeypatch.setattr(tasks, "KEPT_MAX_BYTES", 10_000)

    async def main():
        app = application(chat=lambda parameters: "x" * 6_000)
        made = [(await call(app, "message/send", "chat"))["id"] for _ in range(2)]
        assert (await call(app, "tasks/get", id=made[0]))["code"] == -32001
        assert (await call(app, "tasks/get", id=made[1]))["id"] == made[1]

    run(main())


def test_a_task_too_large_to_keep_is_answered(monkeypatch):
    monkeypatch.setattr(tasks, "KEPT_MAX_BYTES", 1_000)

    async def main():
        app = application(chat=lambda parameters: "x" * 6_000)
        made = await call(app, "message/send", "chat")
        assert len(made["artifacts"][0]["parts"][0]["text"]) == 6_000
        assert (await call(app, "tasks/get", id=made["id"]))["code"] == -32001

    run(main())


def test_finished_tasks_are_forgotten_after_a_time(monkeypatch):
    monkeypatch.setattr(tasks, "KEPT_MAX_SEC", 0.0)

    async def main():
        app = application(chat=chat)
        made = await call(app, "message/send", "chat")
        assert (await call(app, "tasks/get", id=made["id"]))["code"] == -32001

    run(main())


def test_a_streaming_handlers_result_that_is_too_large_fails_for_who_waits(monkeypatch):
    monkeypatch.setattr(tasks_run, "STREAM_KEPT_MAX_BYTES", 100)

    async def stream(parameters):
        while True:
            yield "x" * 30

    async def main():
        app = application(stream=stream)
        made = await call(app, "message/send", "stream")
        assert made["status"]["state"] == "failed"
        assert "larger than 100 bytes" in made["status"]["message"]["parts"][0]["text"]

    run(main())


def test_a_stream_goes_on_beyond_what_is_kept(monkeypatch):
    monkeypatch.setattr(tasks_run, "STREAM_KEPT_MAX_BYTES", 100)

    async def stream(parameters):
        for _ in range(10):
            yield "x" * 30

    async def main():
        app = application(stream=stream)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
            response = await client.post("/", json=body("message/stream", "stream"))
        events = [json.loads(line[6:])["result"] for line in response.text.split("\n\n") if line]
        assert sum(event["kind"] == "artifact-update" for event in events) == 10
        assert events[-1]["status"]["state"] == "completed"
        assert events[-1]["metadata"] == {"truncated": True}
        kept = await call(app, "tasks/get", id=events[0]["id"])
        assert kept["artifacts"][0]["parts"] == [{"kind": "text", "text": "x" * 90}]
        assert kept["metadata"] == {"truncated": True}

    run(main())


def test_a_handler_waits_for_a_reader_that_is_slow():
    made = []

    async def stream(parameters):
        for number in range(1000):
            made.append(number)
            yield str(number)
            # What a handler waits for otherwise; here nothing holds it up but the reader.
            await asyncio.sleep(0)

    async def main():
        app = application(stream=stream)
        is_read, is_blocked = asyncio.Event(), asyncio.Event()
        received = []

        async def send(message):
            received.append(message)
            if len(received) == 5:
                is_blocked.set()
                await is_read.wait()

        request = json.dumps(body("message/stream", "stream")).encode()
        messages = [{"type": "http.request", "body": request, "more_body": False}]

        async def receive():
            if messages:
                return messages.pop()
            await asyncio.Event().wait()

        scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""}
        served = asyncio.ensure_future(app(scope, receive, send))
        await is_blocked.wait()
        # As long as the handler can run on, it does.
        before = -1
        while before != len(made):
            before = len(made)
            for _ in range(10):
                await asyncio.sleep(0)
        assert tasks_run.EVENTS_MAX <= len(made) <= tasks_run.EVENTS_MAX + 5
        is_read.set()
        await served
        assert len(made) == 1000
        assert sum(b"artifact-update" in one.get("body", b"") for one in received) == 1000

    run(main())


def test_a_stream_without_an_event_sends_comments(monkeypatch):
    monkeypatch.setattr(jsonrpc_events, "KEEP_ALIVE_SEC", 0.001)

    async def main():
        commented = asyncio.Event()

        async def stream(parameters):
            await commented.wait()
            yield "at last"

        app = application(stream=stream)
        sent = []

        async def send(message):
            sent.append(message.get("body", b""))
            if b": keep-alive\n\n" in sent:
                commented.set()

        request = json.dumps(body("message/stream", "stream")).encode()
        messages = [{"type": "http.request", "body": request, "more_body": False}]

        async def receive():
            if messages:
                return messages.pop()
            await asyncio.Event().wait()

        scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""}
        await app(scope, receive, send)
        assert b"at last" in b"".join(sent) and b"completed" in sent[-2]

    run(main())


def test_sync_handlers_have_so_many_threads(monkeypatch):
    monkeypatch.setattr(tasks_run, "THREADS", 1)
    begun, let_go = threading.Semaphore(0), threading.Event()
    running = []

    def slow(parameters):
        running.append(1)
        most = len(running)
        begun.release()
        let_go.wait(WAIT_SEC)
        running.pop()
        return str(most)

    async def main():
        app = application(slow=slow)
        calls = [asyncio.ensure_future(call(app, "message/send", "slow")) for _ in range(3)]
        await asyncio.to_thread(begun.acquire)
        let_go.set()
        for made in await asyncio.gather(*calls):
            assert made["artifacts"][0]["parts"][0]["text"] == "1"

    run(main())


def test_a_handler_that_will_not_end_does_not_hold_the_stop_up(monkeypatch):
    monkeypatch.setattr(jsonrpc, "STOP_SEC", 0.001)

    async def main():
        at_work, enough = asyncio.Event(), asyncio.Event()

        async def stubborn(parameters):
            at_work.set()
            while not enough.is_set():
                try:
                    await enough.wait()
                except asyncio.CancelledError:
                    pass

        app = application(stubborn=stubborn)
        made = await call(app, "message/send", "stubborn", configuration={"blocking": False})
        await at_work.wait()
        messages = [{"type": "lifespan.shutdown"}, {"type": "lifespan.startup"}]
        sent = []

        async def receive():
            return messages.pop()

        async def send(message):
            sent.append(message["type"])

        await app({"type": "lifespan"}, receive, send)
        assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
        assert (await call(app, "tasks/get", id=made["id"]))["status"]["state"] == "canceled"
        enough.set()

    run(main())


def test_results_nest_so_deep():
    def nested(depth):
        value = "x"
        for _ in range(depth):
            value = [value]
        return value

    async def main():
        # The part is the first level, the text of it counted with the arrays.
        app = application(
            fits=lambda parameters: nested(tasks.NESTING_MAX),
            deep=lambda parameters: nested(tasks.NESTING_MAX + 1),
        )
        assert (await call(app, "message/send", "fits"))["status"]["state"] == "completed"
        made = await call(app, "message/send", "deep")
        assert made["status"]["state"] == "failed"
        assert "deeper than 100" in made["status"]["message"]["parts"][0]["text"]

    run(main())


@pytest.mark.parametrize("size, is_right", [(0, False), (1, True), (100, True), (101, False)])
def test_a_page_of_tasks_has_so_many(size, is_right):
    async def main():
        app = application(chat=chat)
        headers = {"a2a-version": "1.0"}
        answer = await call(app, "ListTasks", headers=headers, contextId="c", pageSize=size)
        assert ("tasks" in answer) is is_right
        assert is_right or answer["code"] == -32602

    run(main())


def test_a_skill_repeats_so_much_of_a_docstring():
    async def wordy(parameters):
        pass

    wordy.__doc__ = "word " * 1000
    card = agent_card.AgentCard(ABOUT, {"wordy": wordy}, None)
    made = card.for_request({"type": "http", "headers": []})
    assert len(made["skills"][0]["description"]) == agent_card.DESCRIPTION_MAX_CHARACTERS
    assert made["url"] == "http://localhost/p/a2a"


def test_a_changed_object_is_told_as_it_was():
    async def stream(parameters):
        value = {"n": 0}
        for _ in range(3):
            value["n"] += 1
            yield value

    async def main():
        made = await call(application(stream=stream), "message/send", "stream")
        assert [part["data"]["n"] for part in made["artifacts"][0]["parts"]] == [1, 2, 3]

    run(main())
