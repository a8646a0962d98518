"""The account in short: `make account` is the same for longer."""

from __future__ import annotations

from account.course import account


def test_no_request_is_lost_that_no_worker_had_begun(runtime, shared_cache):
    """While workers are killed and end themselves, one is replaced, and the service restarts."""
    statement = account(
        runtime,
        shared_cache,
        course=["SIGKILL from outside", "os._exit", "SIGKILL, requests queued"],
        reloads=["reload"],
        services=1,
        between=100,
        DRAIN_MIN_SEC=0.3,
    )
    assert not statement.problems, statement.text()
    assert statement.right > 500
