"""Plays one cell, and looks at what it left."""

from __future__ import annotations

import time

from .cell import Cell
from .stage import Library, Stage


def play(cell: Cell, library: Library) -> float:
    """Returns the seconds from the fault to the end; raises AssertionError with all that is wrong."""
    stage = Stage(library)
    problems: list[str] = []
    took = 0.0
    try:
        try:
            cell.scene(stage)
            if stage.runs:
                stage.note_ports()
            struck = time.monotonic()
            cell.strike(stage)
            struck = stage.struck or struck
            cell.end.check(stage, struck, cell.within)
            took = time.monotonic() - struck
        except AssertionError as error:
            problems.append(str(error).split("\n{")[0])
        if problems:
            stage.end_all()
        problems += stage.leftovers()
        problems += stage.log_problems()
        report = "\n".join(problems) + "\n\n" + stage.report() if problems else ""
    finally:
        stage.close()
    if problems:
        raise AssertionError(report)
    return took
