"""A fleet under load, in short: `make account-supervisor` is the same for longer."""

from __future__ import annotations

from supervised.course import Course
from support.supervisor import Supervise, fleet_place, supervise  # noqa: F401


def test_no_request_is_lost_while_versions_change_and_processes_are_killed(supervise: Supervise) -> None:  # noqa: F811
    statement = Course(
        supervise, agents=2, clients=32, pause=0.05, rounds=1, kill_every=1.0, between=50, seed=7
    ).run()
    assert not statement.problems, statement.text()
    assert statement.right > 500
