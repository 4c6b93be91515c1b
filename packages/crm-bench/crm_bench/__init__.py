"""`crm bench`: the speed of the mesh on this machine, each figure beside its baseline.

`rpc.py`, `events.py`, `growth.py`, `invoices.py`, `start.py` each hold one benchmark; they measure with
`load.py` (calls), `lab.py` (events) and `meters.py` (processes). Every figure comes with its
baseline from the same run, because machines differ and are noisy. Nothing here is a test.
"""
