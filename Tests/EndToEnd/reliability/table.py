"""The matrix. A row: the state a run is in, the fault that strikes it, the end that has to come."""

from __future__ import annotations

from . import a2a_rows, agent_rows, download_rows, log_rows, machine_rows, signal_rows, step_rows
from .cell import Cell

TABLE: list[Cell] = [
    *signal_rows.rows(),
    *download_rows.rows(),
    *step_rows.rows(),
    *agent_rows.rows(),
    *a2a_rows.rows(),
    *machine_rows.rows(),
    *log_rows.rows(),
]
