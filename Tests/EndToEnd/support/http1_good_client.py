"""A client that does nothing wrong: HTTP/1.1 on two kept connections, one request after the other. For each line on
standard input it writes how they went since the one before, as JSON.

    python http1_good_client.py 127.0.0.1:PORT
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time

#: Seconds from one request to the next.
GAP = 0.002
#: What is asked: the program itself, and the agent.
KINDS = {"health": "/health", "agent": "/x"}

lock = threading.Lock()
taken: dict[str, list[float]] = {name: [] for name in KINDS}
failures: list[str] = []


def figures(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {
        "calls": len(ordered),
        "p50_ms": round(1000 * ordered[len(ordered) // 2], 2) if ordered else 0,
        "p99_ms": round(1000 * ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)], 2) if ordered else 0,
    }


def work() -> None:
    connections = {name: http.client.HTTPConnection(sys.argv[1], timeout=20) for name in KINDS}
    while True:
        for name, path in KINDS.items():
            start = time.perf_counter()
            try:
                connections[name].request("GET", path)
                answer = connections[name].getresponse()
                answer.read()
                problem = None if answer.status == 200 else str(answer.status)
            except (OSError, http.client.HTTPException) as error:
                connections[name].close()
                problem = repr(error)
            with lock:
                if problem:
                    failures.append(f"{name}: {problem}")
                else:
                    taken[name].append(time.perf_counter() - start)
        time.sleep(GAP)  # a pace, not a wait: two processors are shared with the attacker


if __name__ == "__main__":
    threading.Thread(target=work, daemon=True).start()
    for _ in sys.stdin:
        with lock:
            report: dict = {name: figures(times) for name, times in taken.items()}
            report["failures"] = failures[:5]
            for times in taken.values():
                times.clear()
            failures.clear()
        print(json.dumps(report), flush=True)
