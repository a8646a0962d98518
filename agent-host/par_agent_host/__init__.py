"""The agent host: loads one agent's code and serves it on a Unix socket.

Nothing here imports a module whose name a package root could shadow once that root is on
`sys.path`: all libraries are imported before (see `libraries.py`).
"""
