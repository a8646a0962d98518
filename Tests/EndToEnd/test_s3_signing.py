"""The table that the signatures are tested with is what botocore computes."""

from __future__ import annotations

import importlib.util
import json

from support.program import REPOSITORY

FOLDER = REPOSITORY / "Tests" / "FetchTests" / "S3"


def test_the_table_of_signatures_is_what_the_installed_botocore_computes():
    spec = importlib.util.spec_from_file_location("signatures", FOLDER / "botocore-signatures.py")
    signatures = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(signatures)
    lines = (FOLDER / "botocore-signatures.jsonl").read_text(encoding="utf-8").splitlines()
    table = [json.loads(line) for line in lines]
    assert [{k: v for k, v in row.items() if k != "sent"} for row in table] == list(
        signatures.table()
    )
    for row in table:
        assert signatures.sent(row) == row["sent"], row["url"][:100]
