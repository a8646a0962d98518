"""SIGKILL of the supervisor at random moments: SUPERVISOR_KILLS (3) times; `make kill-supervisor`: 50."""

from __future__ import annotations

import os
import sys

from supervised.killed import MOMENTS, Deaths
from support.supervisor import Supervise, fleet_place, supervise  # noqa: F401

KILLS = int(os.environ.get("SUPERVISOR_KILLS", "3"))
SEED = int(os.environ.get("SUPERVISOR_SEED", "1"))


def test_a_killed_supervisor_leaves_nothing_and_its_agents_come_back(supervise: Supervise) -> None:  # noqa: F811
    moments = MOMENTS if KILLS >= len(MOMENTS) else ("rolling change", "drain", "state write")
    deaths = Deaths(supervise, SEED, say=lambda line: print(line, file=sys.stderr, flush=True))
    for number in range(KILLS):
        deaths.death(moments[number % len(moments)])
        assert not deaths.problems, deaths.text()
    print(deaths.text(), file=sys.stderr)
    if KILLS < len(MOMENTS):
        return
    assert set(deaths.counts) >= set(MOMENTS), deaths.text()
