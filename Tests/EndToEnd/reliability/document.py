"""docs/reliability.md, printed from the table."""

from __future__ import annotations

from .table import TABLE

#: The page's sections: a title, and how the states in it begin.
SECTIONS = (
    ("Before the start", ("before the start", "at the line")),
    ("Fetching", ("fetching",)),
    ("Verifying", ("verifying",)),
    ("Installing", ("installing",)),
    ("Loading", ("loading",)),
    ("Ready", ("ready",)),
    ("Draining", ("draining",)),
    ("In any state", ("any",)),
)

INTRODUCTION = """\
# What happens when something breaks

Each row of this page is a test of the built program: a run is brought to a state, a fault strikes it there, and the end
on the right has to come within that many seconds. After every one of them, each line of the log is valid by its schema
and numbered without a gap, and `par-lifecycle trace` says that the run conforms. A run that gave up has told exactly one
error, in one sentence, with a hint that leads to a paragraph of [errors.md](errors.md). And nothing is left: no file in
the run's folder or in `TMPDIR`, nothing unfinished in the cache, no process of the run or of its agent, no socket, no
secret in the log.

One thing is beyond it: when the program itself is ended by SIGKILL its children end too, but what the agent had started
on its own may go on.

The page is printed by the test (`Tests/EndToEnd/test_reliability.py`), which fails when it says something else.
{count} rows.
"""


def text() -> str:
    parts = [INTRODUCTION.format(count=len(TABLE))]
    for title, beginnings in SECTIONS:
        cells = [cell for cell in TABLE if cell.state.startswith(beginnings)]
        parts.append(f"## {title}\n")
        parts.append("| when | what strikes | what comes | what is told | within |")
        parts.append("| --- | --- | --- | --- | --- |")
        for cell in cells:
            told = cell.end.told.replace("|", "\\|")
            parts.append(
                f"| {cell.state} | {cell.fault} | {cell.end.words} | {told} | {cell.within:g} s |"
            )
        parts.append("")
    return "\n".join(parts)
