"""Every row of HTTP/1.1, each under one name."""

from __future__ import annotations

from . import chunk_rows, connection_rows, framing_rows, head_rows
from .rows import Row

ROWS: list[Row] = [
    *framing_rows.framings(), *framing_rows.hidden(), *framing_rows.lengths_nobody_reads(),
    *chunk_rows.chunks(), *chunk_rows.line_ends(), *chunk_rows.trailers(),
    *head_rows.heads(), *head_rows.targets(), *head_rows.lines(), *head_rows.names(),
    *connection_rows.connections(), *connection_rows.hops(), *connection_rows.expectations(), *connection_rows.behind_each_other(),
    *connection_rows.upgrades(),
]  # fmt: skip
