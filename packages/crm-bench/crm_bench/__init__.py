"""`crm bench`: how fast the mesh is on this machine, next to what it is compared with.

`rpc.py`, `events.py`, `growth.py` and `start.py` each hold one benchmark; they measure with
`load.py` (calls), `lab.py` (events) and `meters.py` (processes). Every figure comes with its
baseline from the same run, because machines differ and are noisy. Nothing here is a test.
"""
