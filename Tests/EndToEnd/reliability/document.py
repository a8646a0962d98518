"""docs/reliability.md, printed from the table."""

from __future__ import annotations

from .table import TABLE

INTRODUCTION = """\
# What happens when something breaks

Each row of this table is a test of the built program: a run is brought to a state, a fault strikes it there, and the end on the right has to come
within that many seconds. Besides, after every one of them: each line of the log is valid by its schema, numbered without a gap, and
`par-lifecycle trace` says that the run conforms; a run that gave up has told exactly one error, in one sentence, with a hint that leads to a
paragraph of [errors.md](errors.md); and nothing is left: no file in the run's folder or in `TMPDIR`, nothing unfinished in the cache, no
process of the run or of its agent, no socket.

The table is printed by the test (`Tests/EndToEnd/test_reliability.py`), which fails when this page says something else. {count} rows.
"""


def text() -> str:
    lines = [INTRODUCTION.format(count=len(TABLE))]
    lines.append("| when | what strikes | what comes | what is told | within |")
    lines.append("| --- | --- | --- | --- | --- |")
    for cell in TABLE:
        told = cell.end.told.replace("|", "\\|")
        lines.append(
            f"| {cell.state} | {cell.fault} | {cell.end.words} | {told} | {cell.within:g} s |"
        )
    return "\n".join(lines) + "\n"
