"""E-reporting: what sales and receipts tell the administration that no electronic invoice tells (R42 to R45).

`operations.py` says what an invoice or a receipt comes to, `periodes.py` when it is told, both as pure
functions; `journal.py` writes it with the act. `rapport.py` reads a period, `cloture.py` freezes it.
"""
