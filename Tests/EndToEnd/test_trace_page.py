"""The page, the picture and the spans of `trace`: opened by a browser, read by other people's readers."""

from __future__ import annotations

import base64
import itertools
import json
import re
import xml.dom.minidom
from collections import defaultdict
from pathlib import Path
from typing import Any, Iterator

import pytest
from support import browser, fleet

#: The runs of the fleet.
RUNS = 18
HOSTILE = [
    "</script><script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    "<!--<script>",
    "\"'`${window.hacked = 1}`'\"",
    "]]>&lt;&quot;\u2028\u2029\u0000\u001b[31m\u202e\u00e4\U0001f600",
    "javascript:window.hacked=1",
]


def hostile() -> list[dict[str, Any]]:
    """The fleet with texts that a page must not obey wherever a log has text."""
    texts = itertools.cycle(HOSTILE)
    names: dict[str, str] = {}
    lines = fleet.lines()
    for line in lines:
        line["agentAppId"] = names.setdefault(line["run_id"], next(texts))
        line["deploymentId"] = line["agentAppId"]
        for field in ("error", "detail", "hint", "stack", "route", "message", "url", "request_id"):
            if isinstance(line.get(field), str):
                line[field] = next(texts)
    return lines


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def page() -> Iterator[browser.Page]:
    program = browser.executable()
    if program is None:
        pytest.skip("no Chromium is installed here")
    with browser.Page(program) as page:
        yield page


@pytest.fixture(scope="module")
def document(folder: Path) -> Path:
    return fleet.trace(fleet.text(fleet.lines()), "html", folder)


@pytest.fixture
def shown(page: browser.Page, document: Path) -> browser.Page:
    page.prefers("light")
    page.size(1400, 900)
    page.open(document)
    return page


AXIS = "[...document.querySelectorAll('#axis-ticks text')].map(t => t.textContent).join()"
ROWS = "document.querySelectorAll('#grid [role=row]').length"
OPENED = "!document.getElementById('detail').hidden"
ACTIVE = "document.querySelector('.row.active').dataset.run"


def set_axis(page: browser.Page, kind: str) -> None:
    page.value(
        f"(e => {{ e.value = '{kind}'; e.dispatchEvent(new Event('change')); }})"
        "(document.getElementById('axis-kind'))"
    )
    page.drawn()


def test_the_page_is_whole_by_itself(shown: browser.Page) -> None:
    assert shown.value("document.documentElement.dataset.ready") == ""
    assert shown.troubles() == []
    assert shown.value("document.getElementById('grid').getAttribute('aria-rowcount')") == str(RUNS)
    assert 8 < shown.value(ROWS) <= RUNS
    assert "18 runs" in shown.value("document.getElementById('subtitle').textContent")


def test_a_click_opens_the_events_of_a_run(shown: browser.Page) -> None:
    shown.click("#row-0 .label")
    assert shown.value(OPENED)
    words = shown.value("document.getElementById('detail').textContent")
    assert shown.value("document.scrollingElement.scrollHeight") <= 900, "panes scroll, not the page"
    assert "stopped, seq 10: its drain_ms" in words and "Missed by 500 ms" in words
    assert shown.value("document.querySelectorAll('#detail .event').length") == 10
    shown.click("#detail .event summary")
    assert "AGENT_APP_ID" in shown.value("document.querySelector('#detail .fields').textContent")
    assert shown.value("document.querySelector('#detail .event.here').dataset.sequence") == "10"
    shown.click("#close")
    assert not shown.value(OPENED)
    assert shown.troubles() == []


def test_all_can_be_done_with_keys(shown: browser.Page) -> None:
    shown.value("document.getElementById('grid').focus()")
    first = shown.value(ACTIVE)
    shown.press("ArrowDown")
    assert shown.value(ACTIVE) != first
    shown.press("End")
    assert shown.value("document.querySelector('.row.active').getAttribute('aria-rowindex')") == str(RUNS)
    active = shown.value("document.getElementById('grid').getAttribute('aria-activedescendant')")
    assert shown.value(f"document.getElementById('{active}').getAttribute('aria-selected')") == "true"
    shown.press("Enter")
    assert shown.value(OPENED)
    assert shown.value("document.activeElement.id") == "detail"
    shown.press("Escape")
    assert not shown.value(OPENED)
    assert shown.value("document.activeElement.id") == "grid"
    before = shown.value(AXIS)
    shown.press("+")
    assert shown.value(AXIS) != before
    shown.press("ArrowRight")
    shown.press("0")
    assert shown.value(AXIS) == before
    shown.press("/")
    assert shown.value("document.activeElement.id") == "search"


def test_wheel_and_mouse_change_the_axis(shown: browser.Page) -> None:
    whole = shown.value(AXIS)
    shown.mouse("mouseWheel", 800, 400, deltaX=0, deltaY=-400, modifiers=2)
    shown.drawn()
    near = shown.value(AXIS)
    assert near != whole
    shown.mouse("mousePressed", 800, 400, button="left", clickCount=1)
    shown.mouse("mouseMoved", 600, 400, button="left", buttons=1)
    shown.mouse("mouseReleased", 600, 400, button="left", clickCount=1)
    shown.drawn()
    assert shown.value(AXIS) != near
    assert not shown.value(OPENED), "a drag is no click"
    shown.click("#fit")
    assert shown.value(AXIS) == whole
    for kind in ("log", "clock"):
        set_axis(shown, kind)
        assert shown.value(AXIS) != whole
    assert shown.troubles() == []


def test_runs_are_filtered_and_sorted(shown: browser.Page) -> None:
    shown.value(
        "(e => { e.value = 'support-chat draining'; e.dispatchEvent(new Event('input')); })"
        "(document.getElementById('search'))"
    )
    shown.drawn()
    names = shown.value("[...document.querySelectorAll('.name')].map(n => n.firstChild.data)")
    assert set(names) == {"support-chat"}
    shown.press("/")
    shown.press("Escape")
    shown.click("[data-verdict=violates]")
    assert shown.value(ROWS) == 1
    shown.click("[data-verdict=violates]")
    assert shown.value("document.getElementById('grid').getAttribute('aria-rowcount')") == str(RUNS)


#: The least contrast of text with what is behind it (WCAG 2.2, 1.4.3).
CONTRAST = """(() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgb = (colour) => { canvas.fillStyle = '#000'; canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3); };
  const light = (colour) => rgb(colour).map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
    if (c !== 'rgba(0, 0, 0, 0)' && c !== 'transparent') return c; } return 'white'; };
  const found = [];
  for (const e of document.querySelectorAll('header *, .axis *, .row *, #detail *')) {
    if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || !e.getClientRects().length) continue;
    const isBar = e.classList.contains('bar-text'), style = getComputedStyle(e);
    const fore = e instanceof SVGElement ? style.fill : style.color;
    const state = isBar && [...e.classList].find((name) => name.startsWith('on-')).slice(3);
    const grounds = isBar ? [getComputedStyle(document.querySelector('.bar.' + state)).fill] : [behind(e)];
    for (const back of new Set(grounds)) { const [a, b] = [light(fore), light(back)];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (ratio < 4.5) found.push([e.tagName, e.className.baseVal ?? e.className, fore, back, ratio]); }
  }
  return [found.slice(0, 5), getComputedStyle(document.body).backgroundColor];
})()"""


def test_dark_and_light_are_both_readable(shown: browser.Page) -> None:
    shown.click("#row-0 .label")
    set_axis(shown, "log")
    grounds = set()
    for colours in ("light", "dark"):
        shown.prefers(colours)
        pale, ground = shown.value(CONTRAST)
        assert pale == []
        grounds.add(ground)
    assert len(grounds) == 2
    shown.click("#theme")
    assert shown.value("document.documentElement.dataset.theme") == "light"
    assert shown.value(CONTRAST)[1] == "rgb(255, 255, 255)"


def test_a_phone_shows_it_without_scrolling_sideways(shown: browser.Page) -> None:
    shown.size(390, 844, 2, mobile=True)
    wide = "document.scrollingElement.scrollWidth <= innerWidth && innerWidth === 390"
    assert shown.value(wide)
    shown.click("#row-0 .label")
    assert shown.value(OPENED) and shown.value(wide)
    assert shown.value("document.getElementById('detail').scrollWidth <= innerWidth")
    shown.click("#close")
    assert shown.value(ROWS) > 3


def test_it_prints(shown: browser.Page) -> None:
    assert shown.pdf().startswith(b"%PDF")


def test_an_address_opens_a_run(page: browser.Page, document: Path) -> None:
    page.open(document, "#run=ed898bc846a34584ea35e32a8cdc00d5")
    assert "ed898bc8" in page.value("document.querySelector('#detail code').textContent")


def test_what_a_log_says_is_never_obeyed(page: browser.Page, folder: Path) -> None:
    document = fleet.trace(fleet.text(hostile()), "html", folder)
    assert document.read_bytes().count(b"<script") == 3
    page.size(1400, 900)
    page.open(document)
    for index in range(6):
        page.click(f"#row-{index} .label")
        page.value("document.querySelectorAll('#detail details').forEach(d => d.open = true)")
        page.drawn()
    assert page.value("window.hacked") is None
    assert page.troubles() == []
    names = page.value("[...document.querySelectorAll('.name')].map(n => n.firstChild.data)")
    assert HOSTILE[0] in names and HOSTILE[3] in names


def test_two_thousand_runs_are_as_quick_as_ten(page: browser.Page, folder: Path) -> None:
    one = fleet.text([line for line in fleet.lines() if line["run_id"].startswith("baf76bae")])
    run = re.search("baf76bae[0-9a-f]*", one)[0]
    log = "".join(one.replace(run, f"{number:032x}") for number in range(2000))
    document = fleet.trace(log, "html", folder)
    page.size(1400, 900)
    page.open(document)
    assert page.value("document.getElementById('grid').getAttribute('aria-rowcount')") == "2000"
    page.drawn()
    drawn = page.value("document.querySelectorAll('*').length")
    assert drawn < 3000, f"{drawn} elements, {page.value(ROWS)} rows"
    page.value("document.getElementById('grid').scrollTop = 60000")
    page.drawn()
    assert page.value("document.querySelector('.row').getAttribute('aria-rowindex') > 900")
    page.press("End")
    assert page.value(ROWS) < 40


@pytest.mark.parametrize("lines", [fleet.lines, hostile], ids=["fleet", "hostile"])
def test_the_picture_is_xml_with_a_row_for_each_run(lines: Any, folder: Path) -> None:
    picture = xml.dom.minidom.parse(str(fleet.trace(fleet.text(lines()), "svg", folder)))
    assert len([g for g in picture.getElementsByTagName("g")]) == RUNS
    assert not picture.getElementsByTagName("script")


@pytest.mark.parametrize("lines", [fleet.lines, hostile], ids=["fleet", "hostile"])
def test_slices_of_a_track_follow_or_contain_each_other(lines: Any, folder: Path) -> None:
    events = json.loads(fleet.trace(fleet.text(lines()), "chrome", folder).read_text())["traceEvents"]
    tracks: dict[tuple[int, int], list[tuple[int, int, str]]] = defaultdict(list)
    names: dict[tuple[int, int], str] = {}
    for event in events:
        assert {"ph", "pid", "tid", "name"} <= event.keys()
        match event["ph"]:
            case "M":
                if event["name"] == "thread_name":
                    names[event["pid"], event["tid"]] = event["args"]["name"]
            case "X":
                assert event["dur"] >= 0
                tracks[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"], event["name"]))
            case "i":
                assert event["s"] in "gpt" and event["ts"] > 0
            case other:
                raise AssertionError(other)
    assert tracks.keys() <= names.keys()
    assert len({process for process, _ in tracks}) == RUNS
    for slices in tracks.values():
        around: list[tuple[int, int, str]] = []
        for start, end, name in sorted(slices, key=lambda slice: (slice[0], -slice[1])):
            while around and around[-1][1] <= start:
                around.pop()
            assert not around or end <= around[-1][1], (name, around[-1])
            around.append((start, end, name))


def test_a_collector_can_read_the_spans(folder: Path) -> None:
    json_format = pytest.importorskip("google.protobuf.json_format")
    service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")

    def as_protobuf(value: Any, key: str = "") -> Any:
        # OTLP's JSON has ids in hex, where protobuf's has base64.
        if isinstance(value, dict):
            return {name: as_protobuf(member, name) for name, member in value.items()}
        if isinstance(value, list):
            return [as_protobuf(member) for member in value]
        is_id = key in ("traceId", "spanId", "parentSpanId")
        return base64.b64encode(bytes.fromhex(value)).decode() if is_id else value

    spoken = json.loads(fleet.trace(fleet.text(hostile()), "otlp", folder).read_text())
    request = json_format.ParseDict(as_protobuf(spoken), service.ExportTraceServiceRequest())
    assert len(request.resource_spans) == RUNS
    for resource in request.resource_spans:
        names = {attribute.key for attribute in resource.resource.attributes}
        assert {"service.name", "service.instance.id"} <= names
        spans = resource.scope_spans[0].spans
        known = {span.span_id: span for span in spans}
        assert len(known) == len(spans)
        assert [span.name for span in spans if not span.parent_span_id] == ["run"]
        for span in spans:
            assert len(span.trace_id) == 16 and len(span.span_id) == 8
            assert 1_700_000_000 < span.start_time_unix_nano / 1e9 <= span.end_time_unix_nano / 1e9
            if span.parent_span_id:
                parent = known[span.parent_span_id]
                assert parent.start_time_unix_nano <= span.start_time_unix_nano
                assert span.end_time_unix_nano <= parent.end_time_unix_nano
    failed = [span for r in request.resource_spans for span in r.scope_spans[0].spans if span.status.code == 2]
    assert any(span.status.message.startswith("violates: ") for span in failed)
