"""The reliability matrix: in each state of a run each fault, and the end that has to come.

`table.py` is the matrix; `scenes.py` bring a run to a state, `faults.py` are what strikes it there,
`ends.py` what must follow, `stage.py` the world of one cell and what must not be left in it.
"""
