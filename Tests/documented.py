"""The code blocks of the documentation, and what holds each of them: a test, or the reason why none can."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]

#: Every block by its page and the beginning of its text: the test that runs it or compares it with what
#: the program prints, as FILE::FUNCTION beneath Tests; or, after "not run: ", why it cannot run here.
HELD_BY = {
    ("README.md", "make run"): "EndToEnd/test_docs.py::test_make_run_serves_what_the_page_asks",
    ("README.md", "curl http"): "EndToEnd/test_docs.py::test_make_run_serves_what_the_page_asks",
    ("README.md", "make test"): "not run: it is the whole test run, which this is a part of",
    ("docs/a2a.md", "async def greet"): "AgentHost/test_a2a_http_docs.py::test_the_agent_answers_the_call",
    ("docs/a2a.md", "curl http"): "AgentHost/test_a2a_http_docs.py::test_the_agent_answers_the_call",
    ("docs/architecture.md", "signal, timer"): "not run: a scheme of the program's inside, no command",
    ("docs/architecture.md", '{"progress"'): "not run: the forms of a step's lines, with … for values",
    ("docs/deployment.md", "docker buildx"): "Deploy/test_docs.py::test_docker_blocks_name_what_is_there",
    ("docs/deployment.md", "cp deploy/.env"): "Deploy/test_docs.py::test_the_example_is_copied_and_read",
    ("docs/deployment.md", "scripts/fill_"): "Deploy/test_docs.py::test_the_wheelhouse_is_filled",
    ("docs/deployment.md", "scripts/verify_"): "Deploy/test_docs.py::test_a_deployment_is_verified_under_load",
    ("docs/deployment.md", "export AWS_"): "Deploy/test_docs.py::test_the_corrected_registration_is_accepted",
    ("docs/deployment.md", "make build"): "not run: root and a running systemd; the same steps in Deploy/heavy",
    ("docs/events.md", '{"timestamp"'): "EndToEnd/test_docs.py::test_log_lines_are_as_the_program_writes_them",
    ("docs/events.md", "2026-"): "EndToEnd/test_docs.py::test_the_text_line_is_as_the_program_writes_it",
    ("docs/http.md", "HTTP/1.1 503"): "EndToEnd/test_docs.py::test_answers_before_ready_are_as_documented",
    ("docs/lifecycle.md", "stateDiagram"): "EndToEnd/test_docs.py::test_the_diagram_is_the_programs",
    ("docs/deployment.md", "sudo install"): "not run: root and a running systemd; the same steps in Deploy/heavy",
    ("docs/multi-par.md", "cat >agents"): "EndToEnd/test_supervisor_docs.py::test_the_page_is_done_as_it_stands",
    ("docs/multi-par.md", "curl http"): "EndToEnd/test_supervisor_docs.py::test_the_page_is_done_as_it_stands",
    ("docs/multi-par.md", "token="): "EndToEnd/test_supervisor_docs.py::test_the_page_is_done_as_it_stands",
    ("docs/multi-par.md", "grep "): "EndToEnd/test_supervisor_docs.py::test_the_page_is_done_as_it_stands",
    ("docs/multi-par.md", "# 1. Check"): "Deploy/test_supervisor.py::test_the_guides_verification",
    ("docs/operations.md", "make build"): "EndToEnd/test_docs.py::test_an_agent_is_checked_inspected_and_run",
    ("docs/operations.md", "[Service]"): "Deploy/test_docs.py::test_the_unit_of_the_page_waits_as_the_installed_one",
    ("docs/operations.md", '{"ok":false'): "EndToEnd/test_docs.py::test_answers_before_ready_are_as_documented",
    ("docs/operations.md", "histogram_q"): "EndToEnd/test_docs.py::test_every_metric_has_its_row",
    ("docs/operations.md", "grep -E"): "EndToEnd/test_docs.py::test_each_grep_of_the_page_finds_its_lines",
    ("docs/quickstart.md", "make run"): "EndToEnd/test_docs.py::test_make_run_serves_what_the_page_asks",
    ("docs/quickstart.md", "curl http"): "EndToEnd/test_docs.py::test_make_run_serves_what_the_page_asks",
    ("docs/quickstart.md", ".build/"): "EndToEnd/test_docs.py::test_an_agent_is_checked_inspected_and_run",
    ("docs/quickstart.md", "docker buildx"): "Deploy/test_docs.py::test_docker_blocks_name_what_is_there",
    ("docs/quickstart.md", "cp deploy/.env"): "Deploy/test_docs.py::test_the_quick_start_on_aws",
    ("docs/supervision.md", "stateDiagram"): "EndToEnd/test_docs.py::test_the_diagram_is_the_programs",
    ("docs/supervisor-page.md", "curl -N"): "not run: it does not end; EndToEnd/test_supervisor_page.py reads this stream",
    ("docs/trace.md", "conforms, clean  supervisor"): "not run: one day's run; TraceTests draw such a timeline",
    ("docs/trace.md", "par-lifecycle trace run"): "EndToEnd/test_docs.py::test_the_first_commands_of_trace",
    ("docs/trace.md", "par-lifecycle trace --format html"):
        "EndToEnd/test_docs.py::test_the_first_commands_of_trace",
    ("docs/trace.md", "conforms, clean  hello"): "EndToEnd/test_docs.py::test_timelines_are_as_trace_prints_them",
    ("docs/trace.md", "violates, clean  hello"): "EndToEnd/test_docs.py::test_timelines_are_as_trace_prints_them",
    ("docs/trace.md", "  times"): "not run: figures of one day; EndToEnd/test_trace_fleet.py holds what they are made of",
    ("docs/trace.md", "16:53:33"): "not run: one day's rows; EndToEnd/test_trace_fleet.py follows such a run",
    ("docs/trace.md", "# Runs that are not"): "EndToEnd/test_docs.py::test_timelines_are_as_trace_prints_them",
    ("deploy/ALB_HEALTH_CHECK.md", "aws elbv2"): "Deploy/test_docs.py::test_the_target_group_is_made_as_the_table_says",
    ("deploy/IAM_POLICY.md", "{"): "Deploy/test_consistency.py::test_policies_are_json_and_never_everything",
}


@dataclass(frozen=True)
class Block:
    page: str
    language: str
    text: str
    line: int

    def held_by(self) -> str:
        found = [
            held for (page, begin), held in HELD_BY.items() if page == self.page and self.text.startswith(begin)
        ]
        assert len(found) == 1, (
            f"{self.page}:{self.line}: {len(found)} entries of HELD_BY in Tests/documented.py are for this block:"
            f"\n{self.text}"
        )
        return found[0]


def pages() -> list[str]:
    """Whose code blocks have to be held by something."""
    found = [REPOSITORY / "README.md", *REPOSITORY.glob("docs/*.md"), *REPOSITORY.glob("deploy/*.md")]
    return sorted(str(one.relative_to(REPOSITORY)) for one in found)


def all_pages() -> list[str]:
    """Whose links have to lead somewhere: those of parts, examples and the specification too."""
    found = [*REPOSITORY.glob("agent-host/*.md"), *REPOSITORY.glob("examples/*/*.md"), *REPOSITORY.glob("spec/*.md")]
    return pages() + sorted(str(one.relative_to(REPOSITORY)) for one in found)


def blocks(page: str) -> list[Block]:
    text = (REPOSITORY / page).read_text()
    return [
        Block(page, found[1], found[2], text.count("\n", 0, found.start()) + 1)
        for found in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.S | re.M)
    ]


def block(page: str, begin: str) -> str:
    """The text of the one block of the page that begins so."""
    found = [one.text for one in blocks(page) if one.text.startswith(begin)]
    assert len(found) == 1, f"{page} has {len(found)} blocks that begin with {begin!r}"
    return found[0]


def anchors(page: str) -> set[str]:
    """What a link may name behind #: the page's headings, as GitHub writes them."""
    text = re.sub(r"^```.*?^```$", "", (REPOSITORY / page).read_text(), flags=re.S | re.M)
    seen: dict[str, int] = {}
    names = set()
    for heading in re.findall(r"^#+ (.*)$", text, re.M):
        name = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        count = seen[name] = seen.get(name, 0) + 1
        names.add(name if count == 1 else f"{name}-{count - 1}")
    return names


def links(page: str) -> list[tuple[str, str]]:
    """Targets beneath the repository, with the anchor or an empty text."""
    text = re.sub(r"^```.*?^```$", "", (REPOSITORY / page).read_text(), flags=re.S | re.M)
    found = re.findall(r"\]\(([^)\s]+)\)", text)
    return [tuple(f"{one}#".split("#")[:2]) for one in found if not re.match(r"[a-z]+:", one)]
