"""`crm reconcile`: whether the services that keep figures about receipts agree to the cent.

`readings.py` asks them, `differences.py` compares, `report.py` prints.
"""
