import time, httpx, json
from test_websocket import *
MOD = AGENT + '''
    @app.get("/api/mods")
    async def mods():
        import sys
        return sorted(sys.modules)
'''
def test_x(par, tmp_path):
    files = packages.rest_files(MOD)
    run = par(packages.archive(tmp_path / "p.apkg", files)); run.ready()
    get=lambda: set(httpx.get(f"{run.base}/api/mods").json())
    get()
    before=get()
    with opened(run, "/api/echo") as s:
        s.send("a"*1000); s.recv(5); s.ping().wait(5)
    after=get()
    print("NEW", sorted(after-before))
    for count in (200,):
        clients = [Connection(run.port) for _ in range(count)]
        until(lambda: metric(run, "par_connections") >= count, "all are connected")
        a=resident(run.pid)
        for c in clients: handshake(c)
        b=resident(run.pid)
        print("EACH", (b-a)/count)
        for c in clients: c.close()
    run.stop()
