"""The account of requests over restarts: clients that repeat nothing, an agent that notes what it
begins, everything that ends a worker, and a statement of what became of every request.

`make account` is the long one, test_account.py the short one.
"""
