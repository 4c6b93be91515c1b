"""Figures of an organisation, computed from what events have told so far.

Owns: clients_vus. Emits nothing. Consumes: client.created. The wiring is in `service.py`.
"""
