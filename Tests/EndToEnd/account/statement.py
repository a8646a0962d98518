"""What became of every request, in words and numbers, and which promises do not hold."""

from __future__ import annotations

import collections
import json
from typing import Any, Optional

from .ledger import Ledger
from .service import Service

#: What /metrics is asked for at the end of each run, by its name there.
METRICS = {
    "held while the agent restarted": "par_requests_holds_total",
    "refused, too many held": "par_requests_hold_refused_total",
    "held for too long": "par_requests_hold_expired_total",
    "taken back from a worker that had not begun them": "par_requests_taken_back_total",
    "sent again on a new connection": "par_requests_repeated_total",
    "counted as lost": "par_requests_aborted_total",
}

BEGUN = """Begun is a request for which the first statement of the agent's own code was reached: it notes the
request in memory shared with this account before it does anything. A response of which a byte
came counts as begun too. A worker that is killed from outside may be hit between the mark that the
agent host makes just before it calls the agent, and that statement: such a request has a row of its
own, the worker's memory has been read for its mark, and there is at most one for each worker."""


class Statement:
    def __init__(self, clients: dict[str, Any], ledger: Ledger, service: Service) -> None:
        self._report, self._service = clients, service
        self.failures: list[dict[str, Any]] = clients["failures"]
        self.lines: list[str] = []
        self.problems: list[str] = []
        noted = twice = 0
        for client, sent in enumerate(clients["sent"]):
            if sent:
                of_client, of_twice = ledger.begun_by(client, sent - 1)
                noted, twice = noted + of_client, twice + of_twice
        self.sent, self.right = sum(clients["sent"]), clients["right"]
        self.begun_losses: collections.Counter[str] = collections.Counter()
        self.lost: collections.Counter[str] = collections.Counter()
        self.wrong = 0
        #: Request to worker.
        self.on_the_way: dict[str, int] = {}
        self._readings = ledger.readings()
        self.not_begun: list[dict[str, Any]] = []
        for failure in clients["failures"]:
            client, number = map(int, failure["id"].split("-"))
            if failure["came"].startswith("wrong content"):
                self.wrong += 1
                self.problems.append(f"{failure['id']}: {failure['came']}")
            elif ledger.times_begun(client, number) or failure["response_begun"]:
                self.begun_losses[failure["came"]] += 1
            elif failure["came"] == "502" and (worker := self._marked_by(failure["id"])):
                self.on_the_way[failure["id"]] = worker
            else:
                self.lost[_cause(failure)] += 1
                self.not_begun.append(failure)
        self._write(noted, twice)

    def _write(self, noted: int, twice: int) -> None:
        report, service = self._report, self._service
        self._line("requests sent", self.sent)
        self._line("answered right, by content", self.right)
        for kind, count in sorted(report["kinds"].items()):
            self._line(f"  {kind}", count)
        self._line("answered wrong", self.wrong)
        self._line("lost, begun", sum(self.begun_losses.values()))
        for came, count in sorted(self.begun_losses.items()):
            self._line(f"  {came}", count)
        self._line("lost, marked, the agent's code not yet reached", len(self.on_the_way))
        self._line("LOST, NOT BEGUN", sum(self.lost.values()))
        for came, count in sorted(self.lost.items()):
            self._line(f"  {came}", count)
        self._line("begun more than once", twice)
        longest = report["longest"]
        self._line("time of a request, median, ms", round(report["p50"] * 1000, 1))
        self._line("  99th percentile, ms", round(report["p99"] * 1000, 1))
        self._line(f"  longest, ms ({longest.get('kind')})", round(longest["seconds"] * 1000))
        for name, metric in METRICS.items():
            self._line(name, int(service.totals.get(metric, 0)))
        if self.right + report["failed"] != self.sent:
            self.problems.append("some requests are in no row")
        if noted < self.right:
            self.problems.append("answers without a note: the ledger does not work")
        if report["failed"] > len(report["failures"]):
            self.problems.append(f"only {len(report['failures'])} failures were told")
        if self.lost:
            self.problems.append(f"{sum(self.lost.values())} requests lost that no worker had begun")
            self.problems += [self._told(one) for one in self.not_begun[:12]]
        if len(set(self.on_the_way.values())) < len(self.on_the_way):
            self.problems.append(f"a worker can be on the way to one request: {self.on_the_way}")
        counted = int(service.totals.get(METRICS["counted as lost"], 0))
        if counted != (lost := self._lost() + service.questions_lost):
            self.problems.append(f"{lost} lost, and the program counted {counted}")
        if twice:
            self.problems.append(f"{twice} requests were begun more than once")
        if service.left:
            self.problems.append("processes left behind: " + "; ".join(service.left))
        if any(service.exits):
            self.problems.append(f"exit codes {service.exits}")

    def _marked_by(self, identifier: str) -> Optional[int]:
        """The worker whose host has marked the request."""
        readings = self._readings.get(identifier, [])
        return next((one.worker for one in readings if one.is_marked), None)

    def _told(self, failure: dict[str, Any]) -> str:
        readings = [
            f"read by {one.worker} in slot {one.slot}, marked: {one.is_marked}"
            for one in self._readings.get(failure["id"], [])
        ]
        text = "  {id} {kind}: {came} after {took:.3f} s at {at:.3f}; ".format(**failure)
        return text + ("; ".join(readings) or "the last one in no slot")

    def _lost(self) -> int:
        """Answered 502, or cut amid the response."""
        return sum(one["came"] == "502" or " amid " in one["came"] for one in self.failures)

    def _line(self, name: str, value: Any) -> None:
        self.lines.append(f"{name:52} {value:>10}")

    def text(self) -> str:
        verdict = ["", "Every promise holds."]
        if self.problems:
            verdict = ["", "DOES NOT HOLD:", *(f"  {one}" for one in self.problems)]
        return "\n".join([*self.lines, "", BEGUN, *verdict])


def _cause(failure: dict[str, Any]) -> str:
    """The sentence of an error that the program answered, or what happened to the connection."""
    try:
        return f"{failure['came']}: {json.loads(failure['said'])['error']}"
    except (ValueError, KeyError):
        return f"{failure['came']} ({'kept' if failure['keeps'] else 'new'} connection)"
