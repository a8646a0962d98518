"""The account of requests over the life of a fleet: several agents behind one supervisor, clients that
repeat nothing, rolling changes, a broken version, processes killed, and a drain at the end.

`make account-supervisor` is the long one, test_supervisor_rolling.py the short one.
"""
