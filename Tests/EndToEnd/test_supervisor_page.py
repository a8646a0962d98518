"""The supervisor's page, its open routes and its stream of the log: watched in a browser while a fleet works."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
from pathlib import Path
from typing import Any, Iterator

import jsonschema
import pytest
from support import accessibility, browser, packages
from support.program import DEADLINE, REPOSITORY
from support.supervisor import TOKEN, Place, Supervise, Supervisor

#: A text that a page must not obey, wherever it comes from.
HOSTILE = "<img src=x onerror=window.hacked=1></script><b>"


def package(folder: Path, version: str, *, works: bool = True) -> Path:
    """A package with a page alone, which boots without Python; or one that lacks it."""
    name = f"page-{version}"
    extra = {"ui/index.html": f"<h1>{version}</h1>"} if works else {"other/index.html": ""}
    return packages.archive(
        folder / f"{name}.apkg",
        {"agent.yaml": packages.manifest("hello", version=version, metadata={"version": version}, ui={"path": "ui"}), **extra},
    )


@pytest.fixture(scope="module")
def page() -> Iterator[browser.Page]:
    program = browser.executable()
    if program is None:
        pytest.skip("no Chromium is installed here")
    with browser.Page(program) as page:
        yield page


@pytest.fixture(scope="module")
def place(shared_cache: Path) -> Iterator[Place]:
    place = Place(shared_cache)
    yield place
    place.close()


@pytest.fixture(scope="module")
def fleet(place: Place) -> Iterator[Supervise]:
    """One supervisor for all tests of this file: they are one story, told in the order of the file."""
    fleet = Supervise(place)
    yield fleet
    fleet.finish()


@pytest.fixture(scope="module")
def supervisor(fleet: Supervise) -> Iterator[Supervisor]:
    # One of its workers is killed, so the log as a whole is not one that ends as it should.
    supervisor = fleet(checked=False)
    supervisor.settled()
    yield supervisor
    if supervisor.process.poll() is not None:
        assert supervisor.problems(killed=True) == []


def address(supervisor: Supervisor) -> str:
    return f"http://127.0.0.1:{supervisor.port}/supervisor/"


def troubles(page: browser.Page, supervisor: Supervisor) -> list[Any]:
    """Whatever the browser complains of, and what the page asked of anybody else."""
    return [
        one
        for one in page.troubles()
        if not (isinstance(one, str) and one.startswith(address(supervisor)))
        # Answers that the page shows in words of its own; the browser tells of each.
        and not (isinstance(one, dict) and one.get("source") == "network" and address(supervisor) in one.get("url", ""))
    ]


def fill(page: browser.Page, field: str, text: str) -> None:
    page.value(f"(e => {{ e.focus(); e.select(); }})(document.getElementById('{field}'))")
    page.write(text)


def row(agent: str) -> str:
    return f"document.querySelector('tr[data-agent={agent}]')"


def serves(agent: str) -> str:
    """The revision that the page says is active."""
    return f"{row(agent)}.querySelector('.version code').textContent"


def confirm(page: browser.Page, verb: str) -> None:
    """Presses one of the chosen agent's buttons, and agrees."""
    page.value(
        f"[...document.querySelectorAll('.actions button')].find(b => b.textContent.startsWith('{verb}')).click()"
    )
    page.until("document.getElementById('confirm-dialog').open")
    page.press("Enter") if page.value("document.activeElement.id") == "confirm-do" else page.click("#confirm-do")


def shapes(supervisor: Supervisor) -> dict[str, Any]:
    """Each open route's answer, after a look at its shape."""
    schema = json.loads((REPOSITORY / "spec/supervisor.routes.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    answers = {}
    for route in ("status", "processes", "fleet"):
        answer = supervisor.ask(f"/supervisor/{route}")
        assert answer.status == 200 and answer.fields["content-type"] == "application/json"
        answers[route] = answer.json
        jsonschema.validate(answer.json, {"$ref": f"#/$defs/{route}", "$defs": schema["$defs"]})
    return answers


def test_an_empty_supervisor_says_what_to_do(page: browser.Page, supervisor: Supervisor) -> None:
    page.size(1360, 800)
    page.prefers("light")
    page.open(address(supervisor))
    page.until("!document.getElementById('empty').hidden")
    words = page.value("document.getElementById('empty').innerText")
    assert "SUPERVISOR_CONFIG" in words and f"{address(supervisor)}agents" in words
    assert accessibility.contrast_problems(page) == []
    assert shapes(supervisor)["status"]["agents"] == []
    assert troubles(page, supervisor) == []


def test_only_the_token_opens_more(page: browser.Page, supervisor: Supervisor) -> None:
    assert page.value("document.getElementById('log').hidden && document.getElementById('deploy').hidden")
    page.click("#sign")
    fill(page, "token", "wrong")
    page.press("Enter")
    page.until("!document.getElementById('token-refusal').hidden")
    assert page.value("sessionStorage.getItem('par-supervisor-token')") is None
    fill(page, "token", TOKEN)
    page.press("Enter")
    page.until("!document.getElementById('token-dialog').open && document.querySelector('#lines li')")
    assert "supervisor_ready" in page.value("document.getElementById('lines').innerText")
    page.until("document.getElementById('link-text').textContent === 'live'")
    assert TOKEN not in page.value("location.href + document.body.innerHTML")


def test_pages_that_were_left_hold_no_connection(page: browser.Page, supervisor: Supervisor) -> None:
    """A browser keeps pages that one may come back to, and has six connections for one server."""
    for _ in range(7):
        page.open(address(supervisor))
        page.until("document.getElementById('link-text').textContent === 'live'")


def test_an_agent_is_watched_becoming_ready(page: browser.Page, supervisor: Supervisor, place: Place) -> None:
    page.click("#deploy")
    fill(page, "f-id", "hello")
    fill(page, "f-package", "file:///etc/passwd")
    page.press("Enter")
    page.until("!document.getElementById('deploy-refusal').hidden")
    assert "file:// URLs are not allowed" in page.value("document.getElementById('deploy-refusal').innerText")
    fill(page, "f-package", str(package(place.root, "1.0.0")))
    fill(page, "f-deployment", "first")
    fill(page, "f-environment", f"E2E_RUN_MARK={supervisor.mark}\nGREETING={HOSTILE}")
    page.click("#deploy-form [type=submit]")
    page.until("!document.getElementById('deploy-dialog').open")
    page.until(f"{row('hello')}.querySelector('.s-ready')")
    words = page.value(f"{row('hello')}.innerText")
    assert "hello 1.0.0" in words and "first" in words
    page.until("document.getElementById('lines').innerText.includes('agent_traffic')")
    page.until("document.getElementById('status').textContent.includes('hello is')")
    answers = shapes(supervisor)
    assert answers["status"]["routes"] == {"/agents/hello": "par-hello"}
    assert HOSTILE not in json.dumps(answers) and TOKEN not in json.dumps(answers)


def test_a_version_that_breaks_leaves_the_old_one_and_can_be_rolled_back(
    page: browser.Page, supervisor: Supervisor, place: Place
) -> None:
    first = supervisor.agent("hello")["active"]["revision"]
    # The form is filled with what is desired now; one field of it changes.
    def deploy(path: Path) -> None:
        page.value("[...document.querySelectorAll('.actions button')].find(b => b.textContent.startsWith('New')).click()")
        page.until("document.getElementById('deploy-dialog').open")
        assert page.value("document.getElementById('f-deployment').value") == "first"
        assert f"E2E_RUN_MARK={supervisor.mark}" in page.value("document.getElementById('f-environment').value")
        fill(page, "f-package", str(path))
        page.press("Enter")
        page.until("!document.getElementById('deploy-dialog').open")

    def roll_back() -> None:
        page.until(
            "document.querySelector('.facts').innerText.split('former version')[1].trim()"
            f".startsWith('{first}') && ![...document.querySelectorAll('.actions button')].some(b => b.disabled)"
        )
        confirm(page, "Roll back")
        page.until(f"!document.getElementById('confirm-dialog').open && {serves('hello')} === '{first}'")
        page.until("!document.querySelector('#detail .box')")

    page.until("!document.getElementById('detail').hidden")
    deploy(package(place.root, "2.0.0"))
    page.until(f"{row('hello')}.innerText.includes('hello 2.0.0')")
    roll_back()
    page.until("![...document.querySelectorAll('.actions button')].some(b => b.disabled)")
    deploy(package(place.root, "3.0.0", works=False))
    page.until(f"{row('hello')}.innerText.includes('failed') && document.querySelector('#detail .box')")
    assert page.value(f"!!{row('hello')}.querySelector('.s-ready')"), "the old one serves"
    status = supervisor.agent("hello")
    assert status["active"]["revision"] == first and status["target"]["state"] == "failed"
    assert status["target"]["reason"] in page.value("document.getElementById('detail').innerText")
    shapes(supervisor)
    # What failed is given up for what serves.
    roll_back()
    assert page.value("window.hacked") is None
    assert troubles(page, supervisor) == []


def test_a_worker_that_ends_is_told_with_its_reason(page: browser.Page, supervisor: Supervisor) -> None:
    # What drains still has another id.
    processes = supervisor.ask("/supervisor/processes").json["processes"]
    os.kill(next(one["pid"] for one in processes if one["process_id"] == "par-hello"), signal.SIGKILL)
    supervisor.becomes("hello", "restarting")
    page.until("document.querySelector('.restarts li')?.innerText.includes('SIGKILL')")
    page.until(f"{row('hello')}.querySelector('.s-ready')")
    shapes(supervisor)


def test_it_is_usable_by_all(page: browser.Page, supervisor: Supervisor) -> None:
    for colours in ("dark", "light"):
        page.prefers(colours)
        assert accessibility.contrast_problems(page) == [], colours
    roles = [(one["role"], one["name"]) for one in accessibility.tree(page)]
    for landmark in ("banner", "main", "complementary"):
        assert [role for role, _ in roles].count(landmark) == 1, landmark
    assert ("region", "Log") in roles
    assert any(role == "rowheader" and name.startswith("hello") for role, name in roles)
    assert accessibility.unnamed(page) == []
    stops = accessibility.tab_stops(page)
    assert stops[0] == "Skip to the agents" and stops.index("search") < stops.index("hello") < stops.index("close")
    page.value("document.querySelector('.open').focus()")
    page.press("Escape")
    assert page.value("document.getElementById('detail').hidden")
    page.press("Enter")
    assert page.value("document.activeElement.id") == "detail"
    page.press("Escape")
    assert page.value("document.activeElement.textContent") == "hello"
    page.press("/")
    assert page.value("document.activeElement.id") == "search"
    for width in (390, 320):
        page.size(width, 780, mobile=True)
        assert page.value("document.scrollingElement.scrollWidth") <= width
        page.click("tr[data-agent=hello] .open")
        assert page.value("document.scrollingElement.scrollWidth") <= width
        assert accessibility.contrast_problems(page) == []
        page.click("#close")
    page.size(1360, 800)


def test_the_log_is_read_live_and_from_where_one_left(supervisor: Supervisor) -> None:
    def read(query: str, until: str, **fields: str) -> list[dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", supervisor.port, timeout=DEADLINE)
        connection.request("GET", f"/supervisor/events?{query}", headers={"Authorization": f"Bearer {TOKEN}", **fields})
        answer = connection.getresponse()
        assert answer.status == 200 and answer.getheader("Content-Type") == "text/event-stream"
        events: list[dict[str, str]] = [{}]
        end = time.monotonic() + DEADLINE
        while until not in events[-1].get("data", ""):
            raw = answer.readline()
            assert raw and time.monotonic() < end, events[-3:]
            line = raw.decode().rstrip("\n")
            if not line:
                events.append({})
            else:
                name, _, value = line.partition(": ")
                events[-1][name] = value
        connection.close()
        return [event for event in events if "data" in event]

    events = read("agent=hello&tail=1000", '"to":"restarting"')
    lines = [json.loads(event["data"]) for event in events]
    assert all("hello" in (line["agentAppId"], line.get("agent")) for line in lines)
    assert [int(event["id"]) for event in events] == sorted({int(event["id"]) for event in events})
    # What comes after a line is the same, however often it is asked for.
    again = read("agent=hello", '"to":"restarting"', **{"Last-Event-ID": events[4]["id"]})
    assert again == events[5:]
    lost = read("agent=hello", '"event":"agent_deploy"', **{"Last-Event-ID": "7"})
    assert lost[0] == {"event": "gap", "data": '{"missed":null}'}
    for token, status in (("", 401), ("Bearer wrong", 401)):
        assert supervisor.ask("/supervisor/events", Authorization=token).status == status


def test_a_lost_connection_is_told(page: browser.Page, supervisor: Supervisor) -> None:
    supervisor.send()
    assert supervisor.exit() == 0
    page.until("!document.getElementById('lost').hidden")
    assert "Connection lost" in page.value("document.getElementById('lost').innerText")
    assert "hello" in page.value("document.getElementById('rows').innerText"), "what was known stays"
