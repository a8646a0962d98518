"""A client that does nothing wrong: grpcio, one call after the other. For each line on standard input it
writes how its calls went since the one before, as JSON.

    python good_client.py 127.0.0.1:PORT
"""

from __future__ import annotations

import json
import sys
import threading
import time

import grpc

CHECK = "/grpc.health.v1.Health/Check"
INVOKE = "/pixell.agent.AgentService/Invoke"
#: `ActionRequest` with the action echo.
ECHO = b"\x0a\x04echo"
#: Seconds from one call to the next.
GAP = 0.002

lock = threading.Lock()
taken: dict[str, list[float]] = {"check": [], "invoke": []}
failures: list[str] = []


def call(name: str, method, content: bytes) -> None:
    start = time.perf_counter()
    try:
        method(content, timeout=20)
    except grpc.RpcError as error:
        with lock:
            failures.append(f"{name}: {error.code().name} {error.details()}")
        return
    with lock:
        taken[name].append(time.perf_counter() - start)


def figures(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {
        "calls": len(ordered),
        "p50_ms": round(1000 * ordered[len(ordered) // 2], 2) if ordered else 0,
        "p99_ms": round(1000 * ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)], 2) if ordered else 0,
    }


def work() -> None:
    with grpc.insecure_channel(sys.argv[1]) as channel:
        check, invoke = channel.unary_unary(CHECK), channel.unary_unary(INVOKE)
        while True:
            call("check", check, b"")
            call("invoke", invoke, ECHO)
            time.sleep(GAP)  # a pace, not a wait: two processors are shared with the attacker


threading.Thread(target=work, daemon=True).start()
for _ in sys.stdin:
    with lock:
        report = {name: figures(times) for name, times in taken.items()}
        report["failures"] = failures[:5]
        for times in taken.values():
            times.clear()
        failures.clear()
    print(json.dumps(report), flush=True)
