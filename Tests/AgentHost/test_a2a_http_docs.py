"""The examples of docs/a2a.md do what the page says."""

import re
import shlex

from conftest import REPOSITORY

PAGE = (REPOSITORY / "docs" / "a2a.md").read_text()


def block(language):
    (found,) = re.findall(r"^```%s\n(.*?)^```$" % language, PAGE, re.S | re.M)
    return found


def test_the_agent_answers_the_call(package, host):
    one = host(package({"main.py": block("python")}), a2a_service="main:create_service")
    one.ready()
    words = shlex.split(block("sh"))
    assert words[1].endswith("/a2a") and words[2] == "-H"
    name, _, value = words[3].partition(": ")
    answer = one.post("/a2a", content=words[words.index("-d") + 1], headers={name: value}).json()
    assert answer["result"]["artifacts"][0]["parts"][0]["text"] == "Hello Ada"


def test_its_limits_are_those_of_the_code():
    import sys

    sys.path.insert(0, str(REPOSITORY / "agent-host"))
    from par_agent_host import jsonrpc, jsonrpc_events, tasks, tasks_run

    mib = 1024 * 1024
    assert "| %d MiB · %d |" % (jsonrpc.BODY_MAX_BYTES // mib, tasks.NESTING_MAX) in PAGE
    assert "| tasks at work | %d |" % tasks.RUNNING_MAX in PAGE
    assert "| %d | further ones wait" % tasks_run.THREADS in PAGE
    assert "| %d, %d MiB, one hour |" % (tasks.KEPT_MAX, tasks.KEPT_MAX_BYTES // mib) in PAGE
    assert tasks.KEPT_MAX_SEC == 3600
    assert "| %d MiB | a stream goes on" % (tasks_run.STREAM_KEPT_MAX_BYTES // mib) in PAGE
    assert "| events unread by a client | %d |" % tasks_run.EVENTS_MAX in PAGE
    assert "| %d s | a comment" % jsonrpc_events.KEEP_ALIVE_SEC in PAGE
