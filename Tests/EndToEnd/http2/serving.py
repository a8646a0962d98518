"""A run of the program that all tests of a file share."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import urllib.request
from pathlib import Path
from typing import Any, Iterator

from support import log
from support.program import DEADLINE, Run, inherited_environment


@contextlib.contextmanager
def serving(package: Path, cache: Path, **variables: Any) -> Iterator[Run]:
    """Stops it at the end, and checks its log and that nothing of it is left."""
    runtime = Path(tempfile.mkdtemp(prefix="par-e2e-"))
    environment = {
        **inherited_environment(),
        "AGENT_APP_ID": "probe",
        "BIND_ADDRESS": "127.0.0.1",
        "REST_PORT": "0",
        "A2A_PORT": "0",
        "UI_PORT": "0",
        "PAR_CACHE_DIR": str(cache),
        "RUNTIME_DIRECTORY": str(runtime),
        "TMPDIR": str(runtime),
        "DRAIN_MIN_SEC": "0.1",
        "BOOT_HARD_LIMIT_MULTIPLIER": "0",
        **{name: str(value) for name, value in variables.items()},
    }
    run = Run([str(package)], environment, runtime=runtime)
    try:
        run.ready()
        yield run
        assert not run.events("worker_exited")
        assert run.stop() == 0
        assert log.problems(run.lines) == []
    finally:
        left = run.clean_up()
        shutil.rmtree(runtime, ignore_errors=True)
    assert left == []


def metrics(run: Run) -> dict[str, float]:
    """Every sample of /metrics by its name and labels."""
    with urllib.request.urlopen(f"{run.base}/metrics", timeout=DEADLINE) as response:
        lines = response.read().decode().splitlines()
    samples = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
    return {name: float(value) for name, value in samples}


def resident(run: Run) -> int:
    """Bytes of memory that the program itself has resident."""
    pages = int(Path(f"/proc/{run.pid}/statm").read_text().split()[1])
    return pages * 4096
