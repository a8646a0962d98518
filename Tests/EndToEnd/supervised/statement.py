"""What became of every request to the fleet, in words and numbers, and which promises do not hold."""

from __future__ import annotations

import collections
from typing import Any, Optional

from account.ledger import Ledger
from support.supervisor import Supervisor

from .ends import Kill, timestamp

#: Seconds that lie between a line's time and what a client can see of it: two clocks' reading, and the
#: way of a connection's bytes on a busy machine.
SLACK = 0.05

BEGUN = """Begun is a request for which the first statement of the agent's own code was reached: it notes the
request in memory shared with this account before it does anything. A response of which a byte came counts
as begun too. Handed over is a request that was with a process when that was killed, which had not noted it
yet: at the agent's host, which has taken it over from the worker, or on its way there."""


class Statement:
    def __init__(
        self,
        rows: list[list[Any]],
        ledger: Ledger,
        supervisor: Supervisor,
        kills: list[Kill],
        draining_at: float,
        clients: int,
    ) -> None:
        self.lines: list[str] = []
        self.problems: list[str] = []
        self.failures: list[dict[str, Any]] = []
        self._kills = kills
        self._serving = serving_times(supervisor)
        kinds: collections.Counter[str] = collections.Counter()
        refused: collections.Counter[str] = collections.Counter()
        begun: collections.Counter[str] = collections.Counter()
        handed: collections.Counter[str] = collections.Counter()
        lost: collections.Counter[str] = collections.Counter()
        unsent: collections.Counter[str] = collections.Counter()
        ended = wrong_agent = wrong_content = wrong_version = 0
        last: dict[int, int] = {}
        for identifier, kind, agent, came, version, response_begun, since, till in rows:
            client, number = map(int, identifier.split("-"))
            last[client] = max(last.get(client, 0), number)
            if came == "200":
                kinds[kind] += 1
                if not self._may_serve(agent, version, since, till):
                    wrong_version += 1
                    self.problems.append(f"{identifier}: {agent} answered by version {version}, not serving")
                continue
            row = {"id": identifier, "kind": kind, "agent": agent, "came": came, "since": since, "till": till}
            self.failures.append(row)
            noted = bool(ledger.times_begun(client, number))
            killed = self._killed(agent, since, till)
            if came.startswith("WRONG AGENT"):
                wrong_agent += 1
                self.problems.append(f"{identifier} for {agent}: {came}")
            elif came.startswith("WRONG"):
                wrong_content += 1
                self.problems.append(f"{identifier} for {agent}: {came}")
            elif never_left(came) and not noted and till >= draining_at:
                unsent[came] += 1
            elif is_refusal(came) and not noted:
                refused[came] += 1
            elif (noted or response_begun) and killed:
                begun[came] += 1
            elif noted or response_begun:
                ended += 1
                self.problems.append(f"lost, begun, and nobody was killed: {row}")
            elif killed and came.startswith(("502", "UNAVAILABLE")) and "cannot be reached" not in came:
                handed[f"{killed.what} killed: {came}"] += 1
            else:
                lost[came] += 1
                self.problems.append(f"lost, not begun: {row}")
        self.sent, self.right = len(rows), sum(kinds.values())
        counts = [ledger.begun_by(client, number) for client, number in last.items()]
        twice = sum(one for _, one in counts)

        def line(name: str, value: Any) -> None:
            self.lines.append(f"{name:58} {value:>10}")

        def table(name: str, counter: collections.Counter[str]) -> None:
            line(name, sum(counter.values()))
            for came, count in counter.most_common(8):
                line(f"  {came[:54]}", count)

        for what in ("agent", "worker"):
            line(f"{what} processes killed", sum(one.what == what for one in kills))
        line("requests sent", self.sent)
        table("answered right: agent, version, content", kinds)
        line("WRONG AGENT", wrong_agent)
        line("wrong version", wrong_version)
        line("wrong content", wrong_content)
        table("answered 503 or UNAVAILABLE by design", refused)
        table("never sent: a GOAWAY of the drain came before", unsent)
        table("lost with a killed process, begun", begun)
        table("lost with a killed process, handed over", handed)
        line("lost, begun, nobody killed", ended)
        table("LOST, NOT BEGUN", lost)
        line("begun more than once", twice)
        self.lost, self.handed, self.wrong_agent = sum(lost.values()), sum(handed.values()), wrong_agent
        if twice:
            self.problems.append(f"{twice} requests were begun more than once")
        if sum(one for one, _ in counts) < self.right:
            self.problems.append("answers without a note: the ledger does not work")
        before = [x for x in self.failures if is_refusal(x["came"]) and x["till"] < draining_at and not self._killed(
            x["agent"], x["since"] - 10, x["till"])]  # fmt: skip
        if before:
            self.problems.append(f"refused before the drain, and nobody was killed: {before[:5]}")

    def _killed(self, agent: str, since: float, till: float) -> Optional[Kill]:
        """A process of the agent that was killed while the request was on its way."""
        return next(
            (one for one in self._kills if one.agent == agent and since - SLACK < one.at < till + SLACK), None
        )

    def _may_serve(self, agent: str, version: str, since: float, till: float) -> bool:
        """Whether that version had the agent's traffic at any time of the request."""
        return any(
            of == version and begin < till + SLACK and since - SLACK < end
            for of, begin, end in self._serving[agent]
        )

    def text(self) -> str:
        verdict = ["", "Every promise holds."]
        if self.problems:
            verdict = ["", "DOES NOT HOLD:", *(f"  {one[:600]}" for one in self.problems[:20])]
        return "\n".join([*self.lines, "", BEGUN, *verdict])


def is_refusal(came: str) -> bool:
    """Said by the program of what it has handed to nobody. Calls of gRPC are not held while an agent starts
    again: UNAVAILABLE is what tells their client to ask again."""
    if came.startswith("503: "):
        return True
    ours = ("is not ready", "is stopping", "before the call was sent", "cannot be reached")
    return came.startswith("UNAVAILABLE: The ") and any(word in came for word in ours)


def never_left(came: str) -> bool:
    """A call that its client's library had chosen a connection for and not begun when that was told of the end.
    The library asks again by itself, unless it is told, as here, to repeat nothing."""
    return came.startswith("UNAVAILABLE: Stream removed (GOAWAY received; Error code: 0")


def serving_times(supervisor: Supervisor) -> dict[str, list[tuple[str, float, float]]]:
    """For each agent which version had its traffic, from when until when."""
    revisions = {line["revision"]: line["deployment"] for line in supervisor.events("agent_deploy")}
    workers = {
        (line["agent"], line["worker"]): revisions[line["revision"]] for line in supervisor.events("agent_worker")
    }
    found: dict[str, list[tuple[str, float, float]]] = collections.defaultdict(list)
    for line in supervisor.events("agent_traffic"):
        agent, at, times = line["agent"], timestamp(line), found[line["agent"]]
        if times and times[-1][2] == float("inf"):
            times[-1] = (times[-1][0], times[-1][1], at)
        if line["to_worker"]:
            version = workers[agent, line["to_worker"]].rsplit("-", 1)[1]
            times.append((version, at, float("inf")))
    return found
