"""The reliability matrix on the built program: in each state each fault, and the end that must come.

The cells are independent of each other and mostly wait, so several are played at once; each test
then tells of its own. `PAR_WRITE_RELIABILITY=1` writes docs/reliability.md anew.
"""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Iterator

import pytest
from reliability.document import SECTIONS, text
from reliability.play import play
from reliability.stage import Library
from reliability.surroundings import Unavailable
from reliability.table import TABLE
from support.program import REPOSITORY

AT_ONCE = 3 * (os.cpu_count() or 1)
DOCUMENT = REPOSITORY / "docs/reliability.md"


@pytest.fixture(scope="session")
def played(
    request: pytest.FixtureRequest,
) -> Iterator[dict[str, "Future[float]"]]:
    """The chosen cells, on their way or over."""
    library = Library()
    chosen = [
        item.callspec.params["cell"]  # type: ignore[attr-defined]
        for item in request.session.items
        if getattr(item, "originalname", "") == "test_a_cell"
    ]
    chosen = [cell for cell in chosen if os.geteuid() == 0 or not cell.root]
    pool = ThreadPoolExecutor(AT_ONCE)
    # The longest first, so that none of them is waited for alone at the end.
    order = sorted(chosen, key=lambda cell: -cell.within)
    yield {cell.name: pool.submit(play, cell, library) for cell in order}
    pool.shutdown(cancel_futures=True)
    library.close()


# One worker plays all of them.
@pytest.mark.xdist_group("matrix")
@pytest.mark.parametrize("cell", TABLE, ids=lambda cell: cell.name)
def test_a_cell(cell, played, record_property):
    if cell.name not in played:
        pytest.skip("needs root")
    problem = played[cell.name].exception()
    if isinstance(problem, Unavailable):
        pytest.skip(str(problem))
    if isinstance(problem, AssertionError):
        pytest.fail(str(problem), pytrace=False)
    record_property("seconds", played[cell.name].result())


def test_each_cell_has_a_name_of_its_own_and_there_are_enough():
    assert len({cell.name for cell in TABLE}) == len(TABLE) >= 120


def test_the_document_is_this_table():
    assert text().count("\n| ") == len(TABLE) + 2 * len(SECTIONS), "a row is in one section"
    if os.environ.get("PAR_WRITE_RELIABILITY"):
        DOCUMENT.write_text(text())
    assert DOCUMENT.exists() and DOCUMENT.read_text() == text(), (
        "docs/reliability.md is not this table; PAR_WRITE_RELIABILITY=1 writes it anew"
    )
