"""Sends requests until its standard input ends, then prints what became of them as one line of JSON.

    load.py HOST PORT PATH CLIENTS

Each client has one connection, as a load balancer has to a target, and opens another when the server
closes it. A request is lost when it is not answered 200, or not at all; one that could not even be sent
because an idle connection had been closed is sent again, as every HTTP client does.
"""

import http.client
import json
import select
import sys
import threading
import time

host, port, path, clients = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
stop = threading.Event()
lock = threading.Lock()
times: list[float] = []
lost: dict[str, int] = {}
resent = 0


def ended(connection: http.client.HTTPConnection) -> bool:
    return bool(select.select([connection.sock], [], [], 0)[0])


def client() -> None:
    global resent
    connection = None
    while not stop.is_set():
        begun = time.monotonic()
        reused = connection is not None
        outcome = ""
        try:
            if connection is not None and ended(connection):
                connection.close()
                connection, reused = None, False
            if connection is None:
                connection = http.client.HTTPConnection(host, port, timeout=60)
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            if response.status != 200:
                outcome = str(response.status)
            if response.will_close:
                connection.close()
                connection = None
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
            connection = None
            if reused:
                with lock:
                    resent += 1
                continue
            outcome = type(error).__name__
        except OSError as error:
            connection = None
            outcome = type(error).__name__
        with lock:
            if outcome:
                lost[outcome] = lost.get(outcome, 0) + 1
            else:
                times.append(time.monotonic() - begun)
        if outcome:
            time.sleep(0.01)


threads = [threading.Thread(target=client, daemon=True) for _ in range(clients)]
for thread in threads:
    thread.start()
print("started", flush=True)
sys.stdin.read()
stop.set()
for thread in threads:
    thread.join(60)
times.sort()
print(
    json.dumps(
        {
            "answered": len(times),
            "lost": lost,
            "resent": resent,
            "p95_ms": round(times[int(len(times) * 0.95)] * 1000, 1) if times else None,
            "slowest_ms": round(times[-1] * 1000, 1) if times else None,
        }
    )
)
