"""Writes the rows as a corpus for the fuzzers of Tests/Fuzz.

    python seeds.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

    from smuggling import response_rows, tables

    rows = {
        "request": [row.data for row in tables.ROWS],
        "connection": [row.data.replace(b" /x ", b" /health ") for row in tables.ROWS],
        "response": [row.data for row in response_rows.ROWS],
    }
    for target, seeds in rows.items():
        folder = Path(sys.argv[1], target)
        folder.mkdir(parents=True, exist_ok=True)
        for number, data in enumerate(seeds):
            if len(data) <= 4000:
                # The last byte says where a fuzzer splits the others.
                (folder / f"{number:04}").write_bytes(data + bytes([number & 0xFF]))
