"""`trace` beside an independent checker that knows spec/lifecycle.json alone: they agree, also on what cannot be."""

from __future__ import annotations

import os
import signal

import pytest
from support import log, second_opinion


@pytest.fixture(scope="module")
def lines(module_par, probe):
    """A run that lost its worker once, line by line."""
    run = module_par(probe)
    run.ready()
    os.kill(run.worker_pid, signal.SIGKILL)
    run.ready(count=2)
    run.stop(signal.SIGINT)
    return run.lines


def numbered(lines):
    """With the gaps in seq closed, so that only the table can tell."""
    return [{**line, "seq": seq} for seq, line in enumerate(lines, start=1)]


def changed(event, **fields):
    return lambda lines: [{**one, **fields} if one["event"] == event else one for one in lines]


def without(event, count=1):
    """Without the count-th line of the event."""

    def apply(lines):
        places = [i for i, one in enumerate(lines) if one["event"] == event]
        return [one for i, one in enumerate(lines) if i != places[count - 1]]

    return apply


WRONG = {
    "nothing is verified": without("verify"),
    "nothing is installed": without("install"),
    "nothing is loaded": without("load"),
    "a restart is not told": without("load", 2),
    "it never was ready": without("runtime_ready"),
    "it stops without a drain": without("drain"),
    "another cause": changed("drain", cause="worker_ready"),
    "a cause that is no cause here": changed("stopped", cause="drained_twice"),
    "another exit code": changed("stopped", exit_code=1),
    "the wrong attempt": changed("runtime_ready", attempt=1),
    "from another state": changed("runtime_ready", **{"from": "installing"}),
    "to another state": changed("load", to="ready", state="ready"),
    "twice stopped": lambda lines: [*lines, lines[-1]],
    "another table": changed("run_started", machine="0" * 16),
}


def test_they_agree_on_what_happened(lines):
    assert second_opinion.objection(lines) is None
    assert log.trace_problems(log.compact(lines)) == []


@pytest.mark.parametrize("kind", WRONG)
def test_they_agree_on_what_cannot_have_happened(lines, kind):
    wrong = numbered(WRONG[kind](lines))
    assert second_opinion.objection(wrong) is not None
    assert log.trace_problems(log.compact(wrong)) != []


@pytest.mark.parametrize("length", [1, 5, 9])
def test_a_log_that_was_cut_off_is_legal_so_far(lines, length):
    assert second_opinion.objection(lines[:length]) is None
    assert log.trace_problems(log.compact(lines[:length]), cut_off=True) == []
